"""What the replicas run: the sources as they were when they were built, kept under their hash, and the Python that runs them."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Generator
from pathlib import Path

from shelterctl.adapters.builder.context import FolderContext
from shelterctl.adapters.local.environment import Environment
from shelterctl.adapters.local.home import Home
from shelterctl.core.deploy.image import LocalImage
from shelterctl.errors import BuildFailed, StateFolderError

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

    def inspect(self, reference: str) -> LocalImage | None:
        folder = self.folder(reference)
        name, _, tag = reference.partition(":")
        if name != REPOSITORY or not (folder / "gunicorn.conf.py").is_file() or self._environment().python() is None:
            return None
        return LocalImage(reference, f"sha256:{hashlib.sha256(tag.encode()).hexdigest()}", (), _size(folder))

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
            shutil.rmtree(folder, ignore_errors=True)
            draft.replace(folder)
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
        shutil.rmtree(self.folder(reference), ignore_errors=True)

    def describe(self, image: LocalImage, *, fresh: bool) -> str:
        tag = image.reference.rpartition(":")[2]
        return f"Sources {tag} copied ({image.size_bytes / 1e3:.0f} kB)" if fresh else f"Sources {tag} are as they were"

    def _forget_oldest(self) -> None:
        kept = sorted(
            (each for each in self._home.images.iterdir() if not each.name.startswith(".")), key=lambda each: each.stat().st_mtime
        )
        for old in kept[: -_KEPT - 1]:
            shutil.rmtree(old, ignore_errors=True)


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
