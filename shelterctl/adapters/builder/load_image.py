"""The image that a load inside a cluster runs in: Python, Locust as it is installed here, and shelterctl itself."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib import metadata
from pathlib import Path

import shelterctl
from shelterctl.adapters.builder.engine import DockerEngine
from shelterctl.core.deploy.image import LocalImage
from shelterctl.errors import BuildFailed

REPOSITORY = "shelterctl-load"
#: What the generator imports that is not Python's own.
_PACKAGES = ("locust", "psutil")
_DOCKERFILE = """\
FROM python:3.13-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONPATH=/opt HOME=/tmp
RUN pip install --quiet {packages}
COPY shelterctl /opt/shelterctl
RUN python -m compileall -q /opt/shelterctl/adapters/swarm /opt/shelterctl/core
USER 10001:10001
ENTRYPOINT ["python", "-m", "shelterctl.adapters.swarm.in_pod"]
"""


class LoadImage:
    """Built where it is not there yet; its tag is the hash of what is in it. Fulfils `ports.build.Builder`."""

    def __init__(self, engine: DockerEngine) -> None:
        self._engine = engine
        self._package = Path(shelterctl.__file__).parent

    def check(self) -> str:
        return f"Docker {self._engine.check().version}"

    def reference(self) -> str:
        digest = sha256(self._dockerfile().encode())
        for path in self._sources():
            digest.update(f"{path.relative_to(self._package).as_posix()}\0".encode())
            digest.update(path.read_bytes())
        return f"{REPOSITORY}:{digest.hexdigest()[:12]}"

    def references(self) -> tuple[str, ...]:
        return (self.reference(),)

    def inspect(self, reference: str) -> LocalImage | None:
        return self._engine.inspect(reference)

    def current(self, reference: str) -> bool:
        return reference == self.reference()

    def build(self, reference: str) -> Generator[str, None, LocalImage]:
        with self._context() as folder:
            yield from self._engine.build(folder, reference, {})
        built = self._engine.inspect(reference)
        if built is None:
            raise BuildFailed(
                f"the build of {reference} ended well, and the image is not there", next_command=f"docker images {REPOSITORY}"
            )
        return built

    def forget(self, reference: str) -> None:
        self._engine.forget(reference)

    def describe(self, image: LocalImage, *, fresh: bool) -> str:
        return f"Image {image.reference} {'built' if fresh else 'is built already'} ({image.size_bytes / 1e6:.0f} MB)"

    @contextmanager
    def _context(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "Dockerfile").write_text(self._dockerfile(), encoding="utf-8")
            for path in self._sources():
                copy = folder / "shelterctl" / path.relative_to(self._package)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
            yield folder

    def _sources(self) -> list[Path]:
        """The modules of the package. What an installed one carries besides (`_project`) is not run there."""
        found = self._package.rglob("*.py")
        return sorted(path for path in found if "_project" not in path.parts)

    def _dockerfile(self) -> str:
        return _DOCKERFILE.format(packages=" ".join(f"{name}=={metadata.version(name)}" for name in _PACKAGES))
