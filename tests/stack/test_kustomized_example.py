"""examples/kustomized as its owner's folder is read, overlay by overlay, held to its expected.toml. Rendering starts a program."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from shelterctl.adapters.stack import reader
from shelterctl.core.stack.inspection import inspect
from shelterctl.core.stack.model import Engine, Weight
from shelterctl.core.stack.stack import Stack
from tests.adapters.stack.packaged import needs_kustomize
from tests.stack.broken import EXAMPLES

pytestmark = [pytest.mark.local, needs_kustomize]

FOLDER = EXAMPLES / "kustomized"
EXPECTED: dict[str, Any] = tomllib.loads((FOLDER / "expected.toml").read_text())
OVERLAYS = [name for name, expected in EXPECTED.items() if isinstance(expected, dict)]


def told(stack: Stack) -> dict[str, object]:
    """What expected.toml speaks of."""
    app, scaler = stack.roles.app, stack.scaler
    assert app is not None
    assert scaler is not None
    (image,) = [image for image in stack.images if image.build is not None]
    database = next(variable for variable in app.containers[0].variables if variable.name == "MONGO_DATABASE")
    document = stack.manifests.find("HorizontalPodAutoscaler", scaler.name)
    assert document is not None
    return {
        "namespace": stack.namespaces[0],
        "objects": len(stack.documents),
        "image": image.name,
        "image_origin": str(image.origin),
        "database": database.shown,
        "database_origin": str(database.origin),
        "replicas": [scaler.minimum, scaler.maximum],
        "replicas_origin": str(document.at("spec", "minReplicas")),
    }


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_is_understood(overlay: str) -> None:
    stack = reader.read(FOLDER, manifests=(overlay,))
    assert told(stack) == EXPECTED[overlay]
    roles = stack.roles
    assert (roles.app and roles.app.key, roles.database and roles.database.key, roles.engine) == (
        "Deployment/web", "StatefulSet/mongo", Engine.MONGODB,
    )  # fmt: skip
    assert not stack.questions
    assert all(claim.possible for claim in inspect(stack).claims)
    assert {finding.code for finding in stack.findings if finding.weight is not Weight.NOTE} == {"reads-everything"}
    assert "bookmarks-example" not in repr(inspect(stack))


def test_which_overlay_is_meant_is_asked_and_the_one_for_here_taken() -> None:
    stack = reader.read(FOLDER)
    assert told(stack) == EXPECTED[OVERLAYS[0]]
    assert [(question.setting, question.text, question.choices) for question in stack.questions] == [
        ("stack.manifests", EXPECTED["question"], tuple(OVERLAYS))
    ]
