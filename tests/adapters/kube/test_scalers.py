"""Which autoscaler is the application's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shelterctl.adapters.kube.api import Json
from shelterctl.adapters.kube.look.scalers import deployments_of, own
from shelterctl.core.state import PodName
from tests.core.stack_examples import DATABASE, POD

pytestmark = pytest.mark.unit


def scaler(name: str, target: str, *, labelled: bool = False, kind: str = "Deployment") -> Json:
    labels = {"app.kubernetes.io/name": "app"} if labelled else {}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"maxReplicas": 5, "scaleTargetRef": {"kind": kind, "name": target}},
    }


@pytest.mark.parametrize(
    ("items", "chosen"),
    [
        ([], None),
        ([scaler("a-worker", "worker"), scaler("shop", "app")], "shop"),
        ([scaler("a-worker", "worker", labelled=True), scaler("shop", "app")], "shop"),
        ([scaler("by-hand", "app"), scaler("shop", "app", labelled=True)], "shop"),
        ([scaler("a-worker", "worker")], None),
        ([scaler("a-set", "app", kind="StatefulSet")], None),
        ([scaler("app", "renamed", labelled=True)], "app"),
    ],
)
def test_the_one_that_scales_the_application(items: list[Json], chosen: str | None) -> None:
    found = own(items, {"app"})
    assert (found.name if found else None) == chosen
    assert own(reversed(items), {"app"}) == found


def test_a_deployment_is_known_by_its_pods() -> None:
    pod = replace(POD, name=PodName("my-app-5d9-x2x"), revision="5d9")
    assert deployments_of([pod, DATABASE, replace(POD, revision="")]) == {"my-app"}
