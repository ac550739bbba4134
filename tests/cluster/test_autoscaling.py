"""`hpa` and a rollout under load on a real cluster, whose controller is not the model: a scale-up, and what keeps one from coming."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster import kube
from tests.cluster.commands import Shelterctl
from tests.cluster.projects import Project
from tests.cluster.test_doctor import STRANGER, applied

pytestmark = pytest.mark.cluster


@pytest.fixture(autouse=True)
def _as_it_was(stack: Shelterctl) -> Iterator[None]:
    """Whatever becomes of a test, those after it find the stack as its settings say."""
    yield
    stack("up", "--force-conflicts", expect=None)


def traps(stack: Shelterctl) -> dict[str, dict[str, Any]]:
    """What keeps the autoscaler from scaling, by the check that found it."""
    return {trap["check"]: trap for trap in stack("hpa", "explain").result["traps"]}


def test_a_scale_up_is_explained_replayed_and_simulated(stack: Shelterctl) -> None:
    # A target that a small load passes.
    stack("up", "--cpu-target", "12", "--wait-hpa")
    told = stack("hpa", "explain").result
    assert told["autoscaler"]["cpu_target_percent"] == 12
    ran = stack("loadtest", "--users", "25", "--duration", "2m", "--until-scaled", expect=None, timeout_s=240)
    assert ran.result["scaling"] in ("shown", "at_maximum", "unattributed"), ran.shown()

    replayed = stack("hpa", "replay", ran.document["run"]).result
    assert replayed["passes"]
    for decision in replayed["passes"]:
        assert decision["after"] == decision["model_after"] or decision["differs"], decision
    assert replayed["readings_agree"] >= 0.7 * replayed["readings"], replayed
    ups = [decision for decision in replayed["passes"] if decision["after"] > decision["before"]]
    assert [decision["after"] for decision in ups] in ([], [2])

    simulated = stack("hpa", "simulate", ran.document["run"], "--target", "12,90").result
    own, gentle = simulated["results"]
    assert gentle["pod_minutes"] <= own["pod_minutes"]


def test_what_keeps_it_from_scaling_is_named(stack: Shelterctl) -> None:
    space = stack.namespace
    stack("up", "--wait-hpa")
    assert not {"other-pods", "two-hpas"} & set(traps(stack))
    scaler = kube.get(space, "hpa", "app")

    with applied(space, STRANGER):
        found = traps(stack)
        assert "stranger" in found["other-pods"]["found"], found
        assert "not made by the Deployment" in found["other-pods"]["found"], found

    rival = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "rival"},
        "spec": {
            "scaleTargetRef": scaler["spec"]["scaleTargetRef"],
            "minReplicas": 1,
            "maxReplicas": 2,
            "metrics": scaler["spec"]["metrics"],
        },
    }
    with applied(space, rival):
        found = traps(stack)
        assert "rival" in found["two-hpas"]["found"], found

    # Pods reach five times their request at their limit, and no more.
    metrics = json.loads(json.dumps(scaler["spec"]["metrics"]))
    metrics[0]["resource"]["target"]["averageUtilization"] = 600
    kube.kubectl("-n", space, "patch", "hpa", "app", "--type=merge", "-p", json.dumps({"spec": {"metrics": metrics}}))
    found = traps(stack)
    assert any("600" in trap["found"] and "500" in f"{trap['found']} {trap['why']}" for trap in found.values()), found
    stack("up", "--force-conflicts")
    assert kube.get(space, "hpa", "app")["spec"]["metrics"] == scaler["spec"]["metrics"]


def test_a_change_of_code_under_load_costs_no_request(stack: Shelterctl, project: Project) -> None:
    project.prepend("app/shelter_app/live.py", "# under load\n")
    # `up` as the sources say it: with the stack's own port and numbers in them.
    given = dict(zip(stack.defaults[0:6:2], stack.defaults[1:6:2], strict=True))
    project.replace("manifests/components/nodeport/kustomization.yaml", "value: 30300", f"value: {given['--node-port']}")
    project.replace("manifests/base/app/autoscaler.yaml", "minReplicas: 2", f"minReplicas: {given['--min']}")
    project.replace("manifests/base/app/autoscaler.yaml", "maxReplicas: 5", f"maxReplicas: {given['--max']}")
    load = ("loadtest", "--users", "15", "--duration", "1m", "--during", "up", "--yes", *project.option)
    ran = stack(*load, expect=None)
    assert ran.document["result"], ran.shown()
    rolled = ran.result
    assert rolled["deployed"]["changed"], rolled
    # On a busy machine the generator may be late itself: then nothing failed, and no more is said.
    doubted = {check["name"] for check in rolled["load"]["checks"] if check["judgement"]["verdict"] != "PASS"} - {"scaling"}
    found = (rolled["failures"], rolled["judgement"]["verdict"], doubted)
    assert found in ((0, "PASS", set()), (0, "UNKNOWN", {"generator"})), rolled["judgement"]
    assert rolled["requests"] > 100
