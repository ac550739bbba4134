"""The patch of an autoscaler's settings, and the command that sets it back."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from shelterctl.adapters.kube.api import KubeApi
from shelterctl.adapters.kube.scale import patched, set_settings
from shelterctl.core.controller import ScalerSettings
from shelterctl.errors import Refused

pytestmark = pytest.mark.unit

SPEC: dict[str, Any] = {
    "minReplicas": 2,
    "maxReplicas": 5,
    "metrics": [
        {"type": "Resource", "resource": {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 80}}},
        {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}},
    ],
    "behavior": {"scaleDown": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}], "stabilizationWindowSeconds": 300}},
}


class Kept(KubeApi):
    """An API server with one HPA."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.sent: list[Any] = []

    def request(self, method: str, path: str, **options: Any) -> Any:
        assert path == "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers/web"
        if method == "PATCH":
            assert options["content_type"] == "application/merge-patch+json"
            self.sent.append(options["body"])
        return {"spec": self.spec}


def test_bounds_target_and_window_are_written_and_nothing_else() -> None:
    patch = patched(SPEC, ScalerSettings(1, 8, 50, 60))
    assert (patch["minReplicas"], patch["maxReplicas"]) == (1, 8)
    assert [metric["resource"]["target"]["averageUtilization"] for metric in patch["metrics"]] == [80, 50]
    assert patch["behavior"]["scaleDown"] == {"policies": SPEC["behavior"]["scaleDown"]["policies"], "stabilizationWindowSeconds": 60}
    assert "behavior" not in patched(SPEC, ScalerSettings(1, 8, 50))
    # What was read is not changed on the way.
    assert SPEC["metrics"][1]["resource"]["target"]["averageUtilization"] == 70


def test_the_command_sets_back_what_was_there() -> None:
    api = Kept(SPEC)
    command = shlex.split(set_settings(api, "shop", "web", ScalerSettings(1, 8, 50, 60)))
    assert command[:7] == ["kubectl", "-n", "shop", "patch", "hpa", "web", "--type=merge"]
    back = json.loads(command[8])["spec"]
    assert back == {key: SPEC[key] for key in ("minReplicas", "maxReplicas", "metrics", "behavior")}
    # An HPA without a behavior gets rid of it again: null takes a field away in a merge patch.
    bare = {key: value for key, value in SPEC.items() if key != "behavior"}
    command = shlex.split(set_settings(Kept(bare), "shop", "web", ScalerSettings(1, 8, 50, 60)))
    assert json.loads(command[8])["spec"]["behavior"] is None


def test_an_autoscaler_without_a_cpu_target_is_left_alone() -> None:
    with pytest.raises(Refused, match="no CPU utilization target"):
        patched({**SPEC, "metrics": SPEC["metrics"][:1]}, ScalerSettings(1, 8, 50))
