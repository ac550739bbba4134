"""What the replicas run: the sources as they were when they were built, kept under their hash, and the Python that runs them."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Generator
from pathlib import Path

from shelterctl.adapters.builder.context import FolderContext
from shelterctl.adapters.local.environment import Environment
from shelterctl.adapters.local.home import Home
from shelterctl.core.deploy.image import LocalImage
from shelterctl.errors import BuildFailed, StateFolderError, UsageError

REPOSITORY = "shelter-app"
#: How many copies are kept besides the one that was made last.
_KEPT = 4


class KeptSources:
    """Fulfils `ports.build.Builder`. A later change of the sources changes no replica that runs."""

    def __init__(self, home: Home, sources: Callable[[], FolderContext], environment: Callable[[], Environment]) -> None:
        self._home = home
        self._sources = sources
        self._environment = environment

    def check(self) -> str:
        import platform

        return f"Python {platform.python_version()}"

    def reference(self) -> str:
        return f"{REPOSITORY}:{self._sources().tag()}"

    def folder(self, reference: str) -> Path:
        return self._home.images / reference.rpartition(":")[2]

    def references(self) -> tuple[str, ...]:
        return (self.reference(),)

    def inspect(self, reference: str) -> LocalImage | None:
        """What is kept, where it is still what its name says: a copy in which somebody has changed a file is none."""
        folder = self.folder(reference)
        name, _, tag = reference.partition(":")
        if name != REPOSITORY or not (folder / "gunicorn.conf.py").is_file() or self._environment().python() is None:
            return None
        try:
            copied = self._stamp(reference).read_text(encoding="ascii")
            if FolderContext(folder).tag() != tag:
                return None
        except (OSError, UsageError):
            return None
        # Of the copy, not of the sources: replicas that run an earlier copy of the same sources run something else, as far as is known.
        return LocalImage(reference, f"sha256:{hashlib.sha256(f'{tag} {copied}'.encode()).hexdigest()}", (), _size(folder))

    def _stamp(self, reference: str) -> Path:
        """A word of this copy's alone."""
        folder = self.folder(reference)
        return folder.with_name(f"{folder.name}.copy")

    def current(self, reference: str) -> bool:
        return reference == self.reference()

    def build(self, reference: str) -> Generator[str, None, LocalImage]:
        environment = self._environment()
        if environment.python() is None:
            yield from environment.make()
        sources, folder = self._sources(), self.folder(reference)
        yield f"copying {sources.path()}"
        draft = folder.with_name(f".{folder.name}.{os.getpid()}")
        try:
            shutil.rmtree(draft, ignore_errors=True)
            for file in sources.files():
                target = draft / file.path
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                shutil.copy2(sources.path() / file.path, target, follow_symlinks=False)
            self.forget(reference)
            draft.replace(folder)
            self._stamp(reference).write_text(uuid.uuid4().hex, encoding="ascii")
        except OSError as error:
            shutil.rmtree(draft, ignore_errors=True)
            raise StateFolderError(
                f"{folder} cannot be written", why=str(error), next_command="--state-dir names another folder"
            ) from error
        self._forget_oldest()
        built = self.inspect(reference)
        if built is None:
            raise BuildFailed(f"{sources.path()} has no gunicorn.conf.py: nothing says how it is served")
        return built

    def forget(self, reference: str) -> None:
        self._stamp(reference).unlink(missing_ok=True)
        shutil.rmtree(self.folder(reference), ignore_errors=True)

    def describe(self, image: LocalImage, *, fresh: bool) -> str:
        tag = image.reference.rpartition(":")[2]
        return f"Sources {tag} copied ({image.size_bytes / 1e3:.0f} kB)" if fresh else f"Sources {tag} are as they were"

    def _forget_oldest(self) -> None:
        there = (each for each in self._home.images.iterdir() if each.is_dir() and not each.name.startswith("."))
        for old in sorted(there, key=lambda each: each.stat().st_mtime)[: -_KEPT - 1]:
            self.forget(f"{REPOSITORY}:{old.name}")


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
