"""The environment that a user's replicas run in: made from their own requirements, with gunicorn beside them, once for each content."""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from shelterctl.adapters import process
from shelterctl.adapters.local.environment import Environment
from shelterctl.adapters.local.own.recipe import Recipe
from shelterctl.errors import CommandFailed, PrerequisiteError, ProgramMissing, Refused, ShelterError, WaitTimeout

_MAKE_TIMEOUT_S = 600.0
_ASK_TIMEOUT_S = 20.0
_INCLUDED = re.compile(r"^\s*(?:-r|-c|--requirement|--constraint)[\s=]+(\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Packages:
    """What a recipe installs. `context` is where its requirements lie; `tools` has the database and its driver."""

    recipe: Recipe
    context: Path
    folder: Path
    tools: Environment
    held = "those that its Dockerfile installs, in a virtual environment of their own"

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """The requirements that are installed. Raises Refused where the Dockerfile names some that are not there, or nothing at all."""
        found = []
        for name in self.recipe.requirements:
            places = (self.context / name.lstrip("/"), self.context / Path(name).name, *self.context.rglob(Path(name).name))
            place = next((each for each in places if each.is_file()), None)
            if place is None:
                raise Refused(f"{name}, which the Dockerfile installs, is not in {self.context.name}", next_command="shelterctl inspect")
            found.append(place)
        if not found and not self.recipe.packages:
            place = self.context / "requirements.txt"
            if not place.is_file():
                raise Refused(
                    "which packages the application needs is not known",
                    why="its Dockerfile installs none by pip, and there is no requirements.txt",
                    next_command="a requirements.txt beside the Dockerfile, or --target minikube",
                )
            found.append(place)
        return tuple(found)

    @cached_property
    def interpreter(self) -> str:
        """The Python of the base image's version, where this machine has it and it can make environments; else the one that runs this."""
        wanted = self.recipe.python_version
        found = shutil.which(f"python{wanted}") if wanted and wanted != _version() else None
        if found is None:
            return sys.executable
        try:
            # A version manager puts programs on the PATH that say only that they are not there.
            process.run([found, "-c", "import ensurepip, venv"], timeout_s=_ASK_TIMEOUT_S)
        except ShelterError:
            return sys.executable
        return found

    @property
    def deviation(self) -> str:
        """Which Python it is, where the image would have another one."""
        wanted = self.recipe.python_version
        if not wanted or self.interpreter != sys.executable or wanted == _version():
            return ""
        return f"Python {_version()} runs it, and its image has {wanted}, which is not on the PATH"

    @property
    def _made(self) -> Path:
        texts = [text for file in self.files for text in _with_included(file, set())]
        key = hashlib.sha256(f"{self.interpreter}\n{sys.version}\n{texts}\n{self.recipe.packages}".encode()).hexdigest()[:12]
        return self.folder / f"own-{key}"

    @property
    def missing(self) -> tuple[str, ...]:
        """What has to be made first, in words."""
        found = () if self._python() else ("the application's packages",)
        return (*found, *self.tools.missing) if self.tools.python() is None else found

    def python(self) -> Path | None:
        """The Python that has everything; None where it must be made first."""
        return None if self.tools.python() is None else self._python()

    def _python(self) -> Path | None:
        python = self._made / "bin" / "python"
        return python if (self._made / ".complete").exists() and python.exists() else None

    def make(self) -> Generator[str, None, Path]:
        """Makes what is not there yet. Yields what it does. Raises PrerequisiteError with pip's own reason."""
        if self.tools.python() is None:
            yield from self.tools.make()
        python = self._made / "bin" / "python"
        if self._python() is None:
            names = ", ".join(file.name for file in self.files)
            yield f"making an environment from {names or 'what the Dockerfile installs'}"
            wanted = [word for file in self.files for word in ("-r", str(file))]
            try:
                yield from process.stream_lines([self.interpreter, "-m", "venv", "--clear", str(self._made)], timeout_s=_MAKE_TIMEOUT_S)
                install = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
                yield from process.stream_lines([*install, *wanted, *self.recipe.packages, "gunicorn"], timeout_s=_MAKE_TIMEOUT_S)
            except (CommandFailed, ProgramMissing, WaitTimeout) as error:
                said = [line.removeprefix("ERROR: ") for line in error.details if line.startswith("ERROR")]
                raise PrerequisiteError(
                    f"the application's packages cannot be installed for Python {_version()}",
                    why=said[-1] if said else error.why or error.what,
                    next_command=f"{names or 'the Dockerfile'} for this Python, or --target minikube, where its image is built",
                    details=error.details,
                ) from error
            (self._made / ".complete").touch()
        return python


def _with_included(file: Path, seen: set[Path]) -> Iterator[str]:
    """The text of a file of requirements and of those that it includes: a change of one is another environment."""
    if file in seen or not file.is_file():
        return
    seen.add(file)
    text = file.read_text(encoding="utf-8", errors="replace")
    yield text
    for name in _INCLUDED.findall(text):
        yield from _with_included(file.parent / name, seen)


def _version() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"
