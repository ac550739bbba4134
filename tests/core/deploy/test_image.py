"""An image's identity from its sources to what answers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelterctl.core.deploy.image import ContextFile, ImageChain, context_tag, missing_layers

pytestmark = pytest.mark.unit

FILES = [ContextFile("Dockerfile", False, "aa"), ContextFile("shelter_app/server.py", False, "bb"), ContextFile("run", True, "cc")]
WHOLE = ImageChain("shelter-app:3f9c", "sha256:a", "sha256:a", ("sha256:a",), "3f9c", "app-1")


def test_the_tag_is_stable() -> None:
    assert context_tag(FILES) == "1a665cefdfe3"


@given(st.permutations(FILES))
def test_the_order_of_files_says_nothing(files: list[ContextFile]) -> None:
    assert context_tag(files) == context_tag(FILES)


@pytest.mark.parametrize("change", [{"path": "Dockerfile2"}, {"executable": True}, {"sha256": "ab"}])
def test_whatever_is_built_otherwise_has_another_tag(change: dict[str, object]) -> None:
    assert context_tag([replace(FILES[0], **change), *FILES[1:]]) != context_tag(FILES)  # type: ignore[arg-type]
    assert context_tag(FILES[1:]) != context_tag(FILES)


def test_a_chain_that_holds() -> None:
    assert (WHOLE.broken_at, WHOLE.tag) == ("", "3f9c")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"built_id": ""}, "shelter-app:3f9c is not in the local engine"),
        ({"loaded_id": ""}, "the node has no image under shelter-app:3f9c, built is sha256:a"),
        ({"loaded_id": "sha256:b"}, "the node has sha256:b under shelter-app:3f9c, built is sha256:a"),
        ({"running_ids": ()}, "no pod runs the image"),
        ({"running_ids": ("sha256:a", "sha256:b")}, "pods run sha256:b, built is sha256:a"),
        ({"running_ids": ("",)}, "pods run an unknown image, built is sha256:a"),
        ({"answering_tag": "0000"}, "the service answers with 0000, built is 3f9c"),
        ({"answering_tag": ""}, "the service answers with nothing, built is 3f9c"),
    ],
)
def test_the_first_link_that_does_not_hold(change: dict[str, object], sentence: str) -> None:
    assert replace(WHOLE, **change).broken_at == sentence  # type: ignore[arg-type]


def test_a_chain_of_nothing_does_not_hold() -> None:
    assert ImageChain("shelter-app:3f9c").broken_at


def test_a_chain_without_nodes_that_images_are_sent_to_has_one_link_less() -> None:
    assert replace(WHOLE, loaded_id=None).broken_at == ""
    assert replace(WHOLE, loaded_id=None, running_ids=("sha256:c",)).broken_at == "pods run sha256:c, built is sha256:a"


def test_missing_layers_in_order_and_once() -> None:
    assert missing_layers(["base", "x", "deps", "x", "code"], ["base", "deps"]) == ("x", "code")
    assert missing_layers(["base"], ["base"]) == ()
