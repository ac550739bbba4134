"""What a build of a user's own image is told, and when the image counts as current."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from shelterctl.adapters.builder.engine import DockerEngine
from shelterctl.adapters.builder.stack_images import LABEL, StackImages
from shelterctl.core.deploy.image import LocalImage
from shelterctl.core.stack.model import Build

pytestmark = pytest.mark.unit

NAME = "notes-app:1.4"


class Engine:
    """Keeps what it was asked to build."""

    def __init__(self) -> None:
        self.arguments: list[Mapping[str, str]] = []
        self.labels: dict[str, Mapping[str, str]] = {}

    def build(self, _path: Path, reference: str, arguments: Mapping[str, str], **options: Any) -> Generator[str, None, None]:
        self.arguments.append(arguments)
        self.labels[reference] = options["labels"]
        yield "building"

    def inspect(self, reference: str) -> LocalImage:
        return LocalImage(reference, "sha256:a", (), 1)

    def label(self, reference: str, name: str) -> str:
        return self.labels.get(reference, {}).get(name, "")


def built(folder: Path, dockerfile: str, *, told: bool, name: str = NAME, engine: Engine | None = None) -> tuple[Engine, StackImages]:
    engine = engine or Engine()
    (folder / "Dockerfile").write_text(dockerfile)
    images = StackImages(cast(DockerEngine, engine), folder, lambda: {name: Build("Dockerfile", ".", "")}, lambda: name, told=lambda: told)
    if not images.current(name):
        for _ in images.build(name):
            pass
    return engine, images


@pytest.mark.parametrize(
    ("dockerfile", "told", "name", "arguments"),
    [
        ("FROM scratch\nARG IMAGE_TAG=unknown\n", True, NAME, {"IMAGE_TAG": "1.4"}),
        ("FROM scratch\nARG IMAGE_TAG=unknown\n", False, NAME, {}),
        ("FROM scratch\nARG IMAGE_TAGS\n# ARG IMAGE_TAG\n", True, NAME, {}),
        ("FROM scratch\nARG IMAGE_TAG\n", True, "registry:5000/notes-app", {}),
        ("FROM scratch\nARG IMAGE_TAG\n", True, "registry:5000/notes-app:2", {"IMAGE_TAG": "2"}),
    ],
)
def test_a_build_is_told_its_tag_where_the_application_is_asked_for_it(
    tmp_path: Path, dockerfile: str, told: bool, name: str, arguments: Mapping[str, str]
) -> None:
    engine, images = built(tmp_path, dockerfile, told=told, name=name)
    assert engine.arguments == [arguments]
    assert images.current(name)


def test_an_image_that_was_not_told_its_tag_is_built_again_once_it_is_asked_for(tmp_path: Path) -> None:
    dockerfile = "FROM scratch\nARG IMAGE_TAG\n"
    engine, _ = built(tmp_path, dockerfile, told=False)
    before = engine.labels[NAME][LABEL]
    _, again = built(tmp_path, dockerfile, told=True, engine=engine)
    assert engine.arguments == [{}, {"IMAGE_TAG": "1.4"}]
    assert engine.labels[NAME][LABEL] == f"{before}/1.4"
    assert again.current(NAME)
