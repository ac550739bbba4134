"""The image that a load inside a cluster runs in: Python, Locust as it is installed here, and shelterctl itself."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib import metadata
from pathlib import Path

import shelterctl
from shelterctl.adapters.builder.app_image import EngineImage
from shelterctl.core.deploy.image import ContextFile, context_tag

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


class LoadImage(EngineImage):
    """Built where it is not there yet; its tag is the hash of what is in it."""

    _package = Path(shelterctl.__file__).parent

    def reference(self) -> str:
        files = [ContextFile("Dockerfile", False, sha256(self._dockerfile().encode()).hexdigest())]
        for path in self._sources():
            name = path.relative_to(self._package).as_posix()
            files.append(ContextFile(f"shelterctl/{name}", False, sha256(path.read_bytes()).hexdigest()))
        return f"{REPOSITORY}:{context_tag(files)}"

    def _built(self, reference: str) -> Iterator[str]:
        with self._context() as folder:
            yield from self._engine.build(folder, reference, {})

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
