"""The example's own unit tests, where its own Dockerfiles build it: each component in jsdom, and the API without its database."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.app.containers import docker
from tests.cluster.commands import REPOSITORY

pytestmark = pytest.mark.local

ADOPTION = REPOSITORY / "examples" / "adoption"


@pytest.fixture
def image() -> Iterator[str]:
    name = f"shelterctl-test-{uuid4().hex[:8]}"
    yield name
    docker("image", "rm", "--force", name)


@pytest.mark.docker("node:24-slim", "nginx:1.26")
def test_each_component_of_the_front_end(image: str) -> None:
    docker("build", "--quiet", "--target", "build", "--tag", image, str(ADOPTION / "frontend"), timeout_s=300)
    # The tests stay out of the image: it is built for what is served.
    sources = f"{ADOPTION / 'frontend' / 'src'}:/app/src:ro"
    said = docker("run", "--rm", "--env", "NO_COLOR=1", "--volume", sources, image, "npx", "vitest", "run", timeout_s=300)
    assert f"{len(list((ADOPTION / 'frontend' / 'src' / 'tests').glob('*.test.*')))} passed" in said, said


@pytest.mark.docker("python:3.13-slim")
def test_the_api(image: str) -> None:
    docker("build", "--quiet", "--tag", image, str(ADOPTION / "backend"), timeout_s=300)
    tests = f"{ADOPTION / 'backend' / 'tests'}:/app/tests:ro"
    found = ("discover", "--start-directory", "tests", "--top-level-directory", ".")
    docker("run", "--rm", "--volume", tests, image, "python", "-m", "unittest", *found)
