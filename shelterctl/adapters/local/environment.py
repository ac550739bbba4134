"""The Python that runs the replicas: this one where it has exactly the application's packages, else a virtual environment made for them."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from shelterctl.adapters import process
from shelterctl.errors import CommandFailed, PrerequisiteError, ProgramMissing, UsageError, WaitTimeout

#: What stands in for MongoDB on a machine without one. Held to the extra `local` of this project by a test.
NX_VERSION = "0.8.1"
EXTRA = "pipx install 'shelterctl[local]'"
_MAKE_TIMEOUT_S = 600.0
_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")


@dataclass(frozen=True)
class Environment:
    """The packages that `requirements` locks, and where environments are kept that had to be made."""

    requirements: Path
    folder: Path
    held = "exactly those of app/requirements.txt"

    @cached_property
    def locked(self) -> Mapping[str, str]:
        """Version by package. Raises UsageError."""
        try:
            lines = self.requirements.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise UsageError(f"{self.requirements} cannot be read", why=str(error.strerror)) from error
        return {found.group(1).lower(): found.group(2) for line in lines if (found := _LOCKED.match(line))}

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """What this Python lacks of it, or has in another version, and the database where it has none."""
        from importlib.metadata import PackageNotFoundError, version

        wanted = {**self.locked, "nx-27017": NX_VERSION}
        found = []
        for name, locked in wanted.items():
            try:
                there = version(name)
            except PackageNotFoundError:
                there = ""
            if there != locked:
                found.append(f"{name} {locked}" + (f" (there is {there})" if there else ""))
        return tuple(found)

    @property
    def _made(self) -> Path:
        # By content: other requirements, or another Python, are another environment.
        key = hashlib.sha256(f"{sys.version}\n{NX_VERSION}\n{sorted(self.locked.items())}".encode()).hexdigest()[:12]
        return self.folder / key

    def python(self) -> Path | None:
        """The Python that has everything; None where it must be made first."""
        if not self.missing:
            return Path(sys.executable)
        made = self._made
        python = made / "bin" / "python"
        return python if (made / ".complete").exists() and python.exists() else None

    def make(self) -> Generator[str, None, Path]:
        """Makes the virtual environment, anew where a broken one is there. Yields what it does. Raises PrerequisiteError."""
        made = self._made
        python = made / "bin" / "python"
        first = self.missing[0]
        yield f"this Python lacks {first}{f' and {len(self.missing) - 1} more' if len(self.missing) > 1 else ''}: making an environment"
        try:
            yield from process.stream_lines([sys.executable, "-m", "venv", "--clear", str(made)], timeout_s=_MAKE_TIMEOUT_S)
            install = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
            yield from process.stream_lines([*install, "--require-hashes", "-r", str(self.requirements)], timeout_s=_MAKE_TIMEOUT_S)
            yield from process.stream_lines([*install, f"nx-27017=={NX_VERSION}"], timeout_s=_MAKE_TIMEOUT_S)
        except (CommandFailed, ProgramMissing, WaitTimeout) as error:
            raise PrerequisiteError(
                "the application's packages are not there and cannot be installed",
                why=error.why or error.what,
                next_command=f"{EXTRA}   (brings them)",
                details=error.details,
            ) from error
        (made / ".complete").touch()
        return python
