"""The build within `up`: a tag stands for the sources that are in the image, or the image is not kept under it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from shelterctl.core.deploy.image import LocalImage
from shelterctl.errors import BuildFailed
from shelterctl.ops.up.up import UpPorts, _build

pytestmark = pytest.mark.unit

REFERENCE = "shelter-app:aaa"


class Engine:
    """Builds what it is told, and knows what it built."""

    def __init__(self) -> None:
        self.images: dict[str, LocalImage] = {}

    def inspect(self, reference: str) -> LocalImage | None:
        return self.images.get(reference)

    def build(self, context: Path, reference: str, build_args: Mapping[str, str]) -> Iterator[str]:
        yield f"Step 1/1 : FROM {context} {sorted(build_args)}"
        self.images[reference] = LocalImage(reference, "sha256:1", ("sha256:2",), 1_000_000)

    def forget(self, reference: str) -> None:
        del self.images[reference]


def ports(engine: Engine, *tags: str) -> UpPorts:
    remaining = iter(tags)
    sources = SimpleNamespace(tag=lambda: next(remaining), path=lambda: Path("app"), git_revision=lambda: "1f")
    return cast(UpPorts, SimpleNamespace(engine=engine, sources=sources))


def test_sources_that_stay_as_they_were() -> None:
    engine = Engine()
    assert list(_build(ports(engine, "aaa"), REFERENCE))
    assert engine.inspect(REFERENCE) is not None


def test_sources_that_change_while_they_are_built() -> None:
    engine = Engine()
    with pytest.raises(BuildFailed, match="the sources changed while shelter-app:aaa was built from them") as caught:
        list(_build(ports(engine, "bbb"), REFERENCE))
    assert caught.value.next_command == "shelterctl up"
    assert engine.inspect(REFERENCE) is None
