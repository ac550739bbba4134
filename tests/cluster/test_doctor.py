"""`doctor` on a real cluster: traps set for real, found, and mended."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import kube
from tests.cluster.commands import Ran, Shelterctl, wait_until

pytestmark = pytest.mark.cluster

STRANGER: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "stranger", "labels": {"app.kubernetes.io/name": "app", "app.kubernetes.io/component": "web"}},
    "spec": {
        # Never started: it takes nothing from the node, and the autoscaler's selector matches it all the same.
        "schedulingGates": [{"name": "example.com/never"}],
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "idle",
                "image": "mongo:8",
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
    },
}


def found(ran: Ran) -> dict[str, tuple[str, str]]:
    """Check to its state and what was found."""
    return {item["check"]: (item["state"], item["found"]) for item in ran.result["findings"]}


def states(ran: Ran, *areas: str) -> dict[str, str]:
    return {item["check"]: item["state"] for item in ran.result["findings"] if item["area"] in areas}


def minikube(*arguments: str) -> None:
    subprocess.run(["minikube", *arguments], check=True, capture_output=True, timeout=120)


@contextmanager
def applied(namespace: str, document: dict[str, Any]) -> Iterator[None]:
    """An object that is there for a while."""
    kube.kubectl("-n", namespace, "create", "-f", "-", stdin=json.dumps(document))
    try:
        yield
    finally:
        kube.kubectl("-n", namespace, "delete", document["kind"], document["metadata"]["name"], "--wait=true")


def test_a_stack_that_is_well(stack: Shelterctl) -> None:
    ran = stack("doctor", expect=None)
    well = states(ran, "This machine", "minikube", "Metrics", "Stack", "Autoscaler")
    # The HPA of a stack that has just come up has no metric yet.
    well.pop("hpa-metric")
    assert set(well.values()) == {"ok"}, ran.shown()
    assert not [text for _, text in found(ran).values() if "fault of shelterctl" in text]


def test_nothing_deployed_is_no_problem(namespace: Shelterctl) -> None:
    ran = namespace("doctor", expect=None)
    assert set(states(ran, "Stack", "Autoscaler").values()) == {"skipped"}
    assert found(ran)["deployed"] == ("skipped", f"nothing is deployed in {namespace.namespace}")


def test_a_stranger_in_the_average_and_a_second_autoscaler(stack: Shelterctl) -> None:
    own = kube.get(stack.namespace, "hpa", "app")
    rival = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "rival"},
        "spec": {**own["spec"], "behavior": {"scaleUp": {"policies": [{"type": "Pods", "value": 2147483647, "periodSeconds": 15}]}}},
    }
    with applied(stack.namespace, STRANGER), applied(stack.namespace, rival):
        ran = stack("doctor", expect=6)
    told = found(ran)
    assert told["other-pods"] == ("problem", "stranger: matched by the selector, not made by the Deployment")
    assert told["cpu-requests"] == ("problem", "container idle of pod stranger has none")
    assert told["two-hpas"] == ("problem", "app, rival scale the same Deployment")


def test_a_database_stuck_on_a_bad_revision_is_replaced_and_keeps_its_claim(stack: Shelterctl) -> None:
    claim = kube.get(stack.namespace, "pvc", "data-mongodb-0")["metadata"]["uid"]
    kube.kubectl("-n", stack.namespace, "set", "image", "statefulset/mongodb", "mongodb=mongo:never-made")

    def waiting() -> bool:
        pod = kube.get(stack.namespace, "pods")["items"]
        states = [s.get("state", {}).get("waiting", {}).get("reason", "") for p in pod for s in p["status"].get("containerStatuses", ())]
        return any(reason in ("ErrImagePull", "ImagePullBackOff") for reason in states)

    wait_until(waiting, "the pod of the bad revision")
    kube.kubectl("-n", stack.namespace, "set", "image", "statefulset/mongodb", "mongodb=mongo:8")
    # What is fatal is fatal after a grace of 15 s.
    wait_until(
        lambda: found(stack("doctor", expect=None))["rollout-db"] == ("problem", "mongodb-0 is stuck on an old revision"), "the stuck pod"
    )
    ran = stack("doctor", "--fix", "--timeout", "120s", expect=None)
    assert [(item["repair"], item["proven"]) for item in ran.result["mended"]] == [("replace the stuck pod", True)], ran.shown()
    assert found(ran)["rollout-db"][0] == "ok"
    assert kube.get(stack.namespace, "pvc", "data-mongodb-0")["metadata"]["uid"] == claim
    wait_until(lambda: found(stack("doctor", expect=None))["database-access"][0] == "ok", "the way to the database")


def test_a_database_that_is_scaled_to_none_is_seen_and_up_brings_it_back(stack: Shelterctl) -> None:
    """0 of 0 ready is no stack that runs."""
    kube.kubectl("-n", stack.namespace, "scale", "statefulset", "mongodb", "--replicas=0")
    wait_until(lambda: not kube.uids(stack.namespace, "pods", "app.kubernetes.io/name=mongodb"), "the end of the database's pod")
    seen = stack("status", "--check", expect=6).result["health"]["judgement"]
    assert (seen["verdict"], seen["reasons"][0]["text"]) == ("FAIL", "the database (mongodb) is scaled to 0")
    assert found(stack("doctor", expect=None))["rollout-db"] == ("problem", "mongodb is scaled to 0")
    stack("up")
    assert found(stack("doctor", expect=None))["rollout-db"][0] == "ok"


def test_metrics_off_and_mended(stack: Shelterctl) -> None:
    minikube("addons", "disable", "metrics-server")
    try:
        ran = stack("doctor", expect=3)
        names = ("metrics-addon", "metrics-api", "metrics-samples", "hpa-metric")
        assert {name: found(ran)[name][0] for name in names} == dict.fromkeys(names, "problem")
        began_s = time.monotonic()
        ran = stack("doctor", "--fix", "--timeout", "240s", expect=None, timeout_s=300.0)
        assert [(item["repair"], item["proven"]) for item in ran.result["mended"]] == [("enable metrics-server", True)], ran.shown()
        assert {name: found(ran)[name][0] for name in names} == dict.fromkeys(names, "ok")
        assert ran.result["mended"][0]["elapsed_s"] <= time.monotonic() - began_s
    finally:
        minikube("addons", "enable", "metrics-server")


def test_without_docker_on_the_path_the_cluster_is_still_looked_at(stack: Shelterctl, tmp_path: Path) -> None:
    for program in ("minikube", "kubectl"):
        path = shutil.which(program)
        assert path is not None
        (tmp_path / program).symlink_to(Path(path).resolve())
    ran = stack("doctor", expect=3, environment={"PATH": str(tmp_path)})
    told = found(ran)
    assert told["docker-program"] == ("problem", "not on the PATH")
    assert told["image"] == ("unknown", "the node's images: docker is not on the PATH")
    assert (told["coredns"][0], told["rollout-app"][0], told["answer"][0]) == ("ok", "ok", "ok")


def test_a_kubeconfig_that_points_elsewhere_is_pointed_back(stack: Shelterctl, tmp_path: Path) -> None:
    stale = tmp_path / "kubeconfig"
    text = kube.kubectl("config", "view", "--raw", "--minify")
    server = next(line.split()[-1] for line in text.splitlines() if line.strip().startswith("server:"))
    stale.write_text(text.replace(server, "https://127.0.0.1:1"))
    environment = {"KUBECONFIG": str(stale)}
    ran = stack("doctor", expect=3, environment=environment)
    assert found(ran)["kubeconfig"] == ("problem", f"context minikube is https://127.0.0.1:1, profile minikube is {server}")
    assert (found(ran)["api-server"][0], found(ran)["rollout-app"][0]) == ("unknown", "unknown")
    ran = stack("doctor", "--fix", expect=None, environment=environment)
    assert [(item["repair"], item["proven"]) for item in ran.result["mended"]] == [("point the kubeconfig at the profile", True)]
    assert (found(ran)["api-server"][0], found(ran)["rollout-app"][0]) == ("ok", "ok")
