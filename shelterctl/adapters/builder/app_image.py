"""The application's image: this machine's Docker builds it from the sources, and their hash is its tag."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator

from shelterctl.adapters.builder.context import FolderContext
from shelterctl.adapters.builder.engine import DockerEngine
from shelterctl.core.deploy.image import LocalImage
from shelterctl.errors import PrerequisiteError

REPOSITORY = "shelter-app"


class EngineImage(ABC):
    """One image that the engine builds from sources whose hash is its tag. Fulfils `ports.build.Builder`."""

    def __init__(self, engine: DockerEngine) -> None:
        self._engine = engine

    @abstractmethod
    def reference(self) -> str: ...

    @abstractmethod
    def _built(self, reference: str) -> Iterator[str]:
        """Builds it and yields the engine's lines."""

    def check(self) -> str:
        return f"Docker {self._engine.check().version}"

    def references(self) -> tuple[str, ...]:
        return (self.reference(),)

    def inspect(self, reference: str) -> LocalImage | None:
        return self._engine.inspect(reference)

    def current(self, reference: str) -> bool:
        return reference == self.reference()

    def build(self, reference: str) -> Generator[str, None, LocalImage]:
        yield from self._built(reference)
        built = self._engine.inspect(reference)
        if built is None:
            raise PrerequisiteError(
                f"the build of {reference} ended well, and the image is not there",
                next_command=f"docker images {reference.partition(':')[0]}",
            )
        return built

    def forget(self, reference: str) -> None:
        self._engine.forget(reference)

    def describe(self, image: LocalImage, *, fresh: bool) -> str:
        if not fresh:
            return f"Image {image.reference} is built already: its sources are as they were"
        return f"Image {image.reference} built ({len(image.layers)} layers, {image.size_bytes / 1e6:.0f} MB)"


class AppImage(EngineImage):
    """The application's. `sources` finds the folder when it is needed: most commands can do without."""

    def __init__(self, engine: DockerEngine, sources: Callable[[], FolderContext]) -> None:
        super().__init__(engine)
        self._sources = sources

    def reference(self) -> str:
        return f"{REPOSITORY}:{self._sources().tag()}"

    def _built(self, reference: str) -> Iterator[str]:
        sources = self._sources()
        build_args = {"IMAGE_TAG": reference.rpartition(":")[2], "GIT_REVISION": sources.git_revision()}
        yield from self._engine.build(sources.path(), reference, build_args)
