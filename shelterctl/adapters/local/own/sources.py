"""A user's sources as their image would hold them: copied under their hash, in the places that the Dockerfile gives them."""

from __future__ import annotations

import hashlib
import os
import posixpath
import shutil
import uuid
from collections.abc import Callable, Generator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from shelterctl.adapters.builder.context import FolderContext
from shelterctl.adapters.local.home import Home, read_json, write_json
from shelterctl.adapters.local.own.packages import Packages
from shelterctl.adapters.local.own.recipe import Copy, Recipe
from shelterctl.core.deploy.image import LocalImage
from shelterctl.errors import BuildFailed, StateFolderError, UsageError

#: How many copies are kept besides the one that was made last.
_KEPT = 4


class PlacedSources:
    """Fulfils `ports.build.Builder`. The name is the image's, as the manifests have it; what is under it is known by its hash."""

    def __init__(
        self, home: Home, context: Callable[[], FolderContext], packages: Callable[[], Packages], image: Callable[[], str]
    ) -> None:
        self._home = home
        self._context = context
        self._packages = packages
        self._image = image

    def check(self) -> str:
        import platform

        return f"Python {platform.python_version()}"

    def reference(self) -> str:
        return self._image()

    def references(self) -> tuple[str, ...]:
        return (self.reference(),)

    def root(self) -> Path:
        """Where the sources as they are now are kept."""
        return self._home.images / self._context().tag()

    def folder(self, reference: str) -> Path:
        """Where the start command is run."""
        return self.root() / self._packages().recipe.workdir.strip("/")

    def inspect(self, reference: str) -> LocalImage | None:
        if reference != self.reference() or self._packages().python() is None:
            return None
        root = self.root()
        try:
            stamp = read_json(self._stamp(root))
            if stamp["digest"] != _digest(root, stamp["files"]):
                # Somebody has changed a file of the copy.
                return None
            found = hashlib.sha256(f"{root.name} {stamp['copy']}".encode()).hexdigest()
            return LocalImage(reference, f"sha256:{found}", (), sum((root / name).stat().st_size for name in stamp["files"]))
        except (OSError, KeyError):
            return None

    def current(self, reference: str) -> bool:
        return self.inspect(reference) is not None

    def build(self, reference: str) -> Generator[str, None, LocalImage]:
        packages = self._packages()
        if packages.python() is None:
            yield from packages.make()
        context, root = self._context(), self.root()
        yield f"copying {context.path()}"
        draft = root.with_name(f".{root.name}.{os.getpid()}")
        try:
            shutil.rmtree(draft, ignore_errors=True)
            files = place(context, packages.recipe, draft)
            self.forget(reference)
            draft.replace(root)
            write_json(self._stamp(root), {"copy": uuid.uuid4().hex, "files": files, "digest": _digest(root, files)})
        except OSError as error:
            shutil.rmtree(draft, ignore_errors=True)
            raise StateFolderError(f"{root} cannot be written", why=str(error), next_command="--state-dir names another folder") from error
        self._forget_oldest()
        built = self.inspect(reference)
        if built is None:
            raise BuildFailed(f"the sources changed while {reference} was copied from them", next_command="shelterctl up")
        return built

    def forget(self, reference: str) -> None:
        root = self.root()
        self._stamp(root).unlink(missing_ok=True)
        shutil.rmtree(root, ignore_errors=True)

    def describe(self, image: LocalImage, *, fresh: bool) -> str:
        tag = self.root().name
        done = f"copied ({image.size_bytes / 1e3:.0f} kB)" if fresh else "are as they were"
        return f"Sources {tag} of {image.reference} {done}"

    def _stamp(self, root: Path) -> Path:
        return root.with_name(f"{root.name}.copy")

    def _forget_oldest(self) -> None:
        there = (each for each in self._home.images.iterdir() if each.is_dir() and not each.name.startswith("."))
        for old in sorted(there, key=lambda each: each.stat().st_mtime)[: -_KEPT - 1]:
            self._stamp(old).unlink(missing_ok=True)
            shutil.rmtree(old, ignore_errors=True)


def place(context: FolderContext, recipe: Recipe, root: Path) -> list[str]:
    """Copies what each COPY names to where it says, and returns the places. Raises UsageError where one names nothing that is there."""
    placed: dict[str, None] = {}
    names = [file.path for file in context.files()]
    for folder in recipe.folders:
        (root / folder.strip("/")).mkdir(mode=0o700, parents=True, exist_ok=True)
    for copy in recipe.copies:
        found = dict(_targets(copy, names, root))
        if not found:
            raise UsageError(f"COPY {' '.join(copy.sources)} of the Dockerfile names nothing in {context.path().name}")
        for name, to in found.items():
            target = root / to.strip("/")
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copy2(context.path() / name, target, follow_symlinks=False)
            placed[to.strip("/")] = None
    return list(placed)


def _targets(copy: Copy, names: list[str], root: Path) -> list[tuple[str, str]]:
    """Each file and its place: the content of a folder goes into the target, a file under its name or its new one."""
    found = []
    for source in copy.sources:
        for name in names:
            if source == ".":
                found.append((name, posixpath.join(copy.to, name)))
            elif name.startswith(f"{source}/"):
                found.append((name, posixpath.join(copy.to, name.removeprefix(f"{source}/"))))
            elif name == source or (("/" in source or "/" not in name) and fnmatch(name, source)):
                inside = copy.folder or (root / copy.to.strip("/")).is_dir()
                found.append((name, posixpath.join(copy.to, posixpath.basename(name)) if inside else copy.to))
    return found


def _digest(root: Path, files: Sequence[str]) -> str:
    """Of every file's place and content; what an application writes beside its sources is none of them."""
    found = hashlib.sha256()
    for name in files:
        path = root / name
        found.update(f"{name}\0".encode())
        found.update(os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes())
    return found.hexdigest()
