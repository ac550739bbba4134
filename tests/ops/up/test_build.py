"""The build within `up`: a tag stands for the sources that are in the image, or the image is not kept under it."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from shelterctl.core.deploy.image import LocalImage
from shelterctl.errors import BuildFailed
from shelterctl.ops.up.image import build

pytestmark = pytest.mark.unit

REFERENCE = "shelter-app:aaa"


class Builder:
    """Builds what it is told, and knows what it built. `tags` are the sources' tags, in the order in which they are asked for."""

    def __init__(self, *tags: str) -> None:
        self.images: dict[str, LocalImage] = {}
        self._tags = iter(tags)

    def check(self) -> str:
        return "a builder"

    def reference(self) -> str:
        return f"shelter-app:{next(self._tags)}"

    def references(self) -> tuple[str, ...]:
        return (REFERENCE,)

    def current(self, reference: str) -> bool:
        return reference == self.reference()

    def inspect(self, reference: str) -> LocalImage | None:
        return self.images.get(reference)

    def build(self, reference: str) -> Generator[str, None, LocalImage]:
        yield "Step 1/1 : FROM scratch"
        self.images[reference] = LocalImage(reference, "sha256:1", ("sha256:2",), 1_000_000)
        return self.images[reference]

    def forget(self, reference: str) -> None:
        del self.images[reference]

    def describe(self, image: LocalImage, *, fresh: bool) -> str:
        return f"{image.reference}, fresh: {fresh}"


def test_sources_that_stay_as_they_were() -> None:
    builder = Builder("aaa")
    assert list(build(builder, REFERENCE))
    assert builder.inspect(REFERENCE) is not None


def test_sources_that_change_while_they_are_built() -> None:
    builder = Builder("bbb")
    with pytest.raises(BuildFailed, match="the sources changed while shelter-app:aaa was built from them") as caught:
        list(build(builder, REFERENCE))
    assert caught.value.next_command == "shelterctl up"
    assert builder.inspect(REFERENCE) is None


def test_sources_that_were_built_before_are_not_built_again() -> None:
    builder = Builder("aaa")
    builder.images[REFERENCE] = LocalImage(REFERENCE, "sha256:1", ("sha256:2",), 1_000_000)
    assert list(build(builder, REFERENCE)) == []
