"""The images of a user's own stack: each built under exactly the name that the manifests have, and only where its sources changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from pathlib import Path

from shelterctl.adapters.builder.context import FolderContext
from shelterctl.adapters.builder.engine import DockerEngine
from shelterctl.core.deploy.image import LocalImage
from shelterctl.core.stack.model import Build
from shelterctl.errors import PrerequisiteError

#: A fixed name says nothing of what is in the image: this label does.
LABEL = "shelterctl.sources"
_TAG_ARGUMENT = re.compile(r"^\s*ARG\s+IMAGE_TAG\b", re.IGNORECASE | re.MULTILINE)


class StackImages:
    """Fulfils `ports.build.Builder`. `builds` are by image, the application's first; `root` is what they are relative to.

    Where the application is asked which image it is (`told`), a Dockerfile with `ARG IMAGE_TAG` gets the tag.
    """

    def __init__(
        self,
        engine: DockerEngine,
        root: Path,
        builds: Callable[[], Mapping[str, Build]],
        app: Callable[[], str],
        *,
        told: Callable[[], bool] = lambda: False,
    ) -> None:
        self._engine = engine
        self._root = root
        self._builds = builds
        self._app = app
        self._told = told

    def check(self) -> str:
        return f"Docker {self._engine.check().version}"

    def reference(self) -> str:
        return self._app()

    def references(self) -> tuple[str, ...]:
        return tuple(self._builds())

    def inspect(self, reference: str) -> LocalImage | None:
        return self._engine.inspect(reference)

    def current(self, reference: str) -> bool:
        reference = self._built_as(reference)
        # What is not built here has no sources that could have changed.
        return reference not in self._builds() or self._engine.label(reference, LABEL) == self._label(reference)

    def _built_as(self, reference: str) -> str:
        """The name that an image was built under, of one that was pushed and is known by its digest."""
        pushed, _, digest = reference.partition("@")
        same = [name for name in self._builds() if name.rpartition("/")[2].partition(":")[0] == pushed.rpartition("/")[2]]
        return same[0] if digest and len(same) == 1 else reference

    def build(self, reference: str) -> Generator[str, None, LocalImage]:
        context = self._context(reference)
        build = self._builds()[reference]
        dockerfile = str((self._root / build.dockerfile).resolve().relative_to(context.path()))
        yield from self._engine.build(
            context.path(),
            reference,
            self._arguments(reference),
            dockerfile=dockerfile,
            labels={LABEL: self._label(reference)},
            exclude=context.ignored(),
        )
        built = self._engine.inspect(reference)
        if built is None:
            raise PrerequisiteError(f"the build of {reference} ended well, and the image is not there", next_command="docker images")
        return built

    def _label(self, reference: str) -> str:
        """What the image is made of: its sources, and what the build is told."""
        return "/".join((self._context(reference).tag(), *self._arguments(reference).values()))

    def _arguments(self, reference: str) -> dict[str, str]:
        """What the build is told. An argument that the Dockerfile does not declare would be a warning of the engine's."""
        tag = reference.partition("@")[0].rpartition("/")[2].partition(":")[2]
        if not tag or not self._told():
            return {}
        declared = _TAG_ARGUMENT.search((self._root / self._builds()[reference].dockerfile).read_text(encoding="utf-8", errors="replace"))
        return {"IMAGE_TAG": tag} if declared else {}

    def forget(self, reference: str) -> None:
        self._engine.forget(reference)

    def describe(self, image: LocalImage, *, fresh: bool) -> str:
        if not fresh:
            return f"Image {image.reference} is built already: its sources are as they were"
        return f"Image {image.reference} built ({len(image.layers)} layers, {image.size_bytes / 1e6:.0f} MB)"

    def _context(self, reference: str) -> FolderContext:
        build = self._builds()[reference]
        folder = self._root / build.context
        dockerfile = str((self._root / build.dockerfile).resolve().relative_to(folder.resolve()))
        return FolderContext(folder, dockerfile, build.copies)
