"""Whether what is told of pods is of now."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shelterctl.adapters.kube.api import Json
from shelterctl.adapters.kube.look.freshness import stale
from shelterctl.core.state import Pod
from tests.core.stack_examples import CONTAINER, NOW, POD

pytestmark = pytest.mark.unit


def stamp(at_s: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at_s, UTC).isoformat().replace("+00:00", "Z")


def lease(ago_s: float, node: str = "minikube") -> Json:
    return {"metadata": {"name": node}, "spec": {"renewTime": stamp(NOW - ago_s)}}


def start(ago_s: float, component: str = "kubelet", node: str = "minikube") -> Json:
    return {"source": {"component": component}, "involvedObject": {"name": node}, "lastTimestamp": stamp(NOW - ago_s)}


OLD = replace(POD, containers=(replace(CONTAINER, started_at_s=NOW - 3600),))
NEW = replace(POD, containers=(replace(CONTAINER, started_at_s=NOW - 2),))


@pytest.mark.parametrize(
    ("pod", "leases", "events", "why"),
    [
        (OLD, [lease(3)], [start(90)], ""),
        (OLD, [lease(3)], [start(9)], "node minikube started 9 s ago, and what is told of its pods is of before that"),
        (NEW, [lease(3)], [start(9)], ""),
        (OLD, [lease(3)], [start(9, "kube-proxy")], ""),
        (OLD, [lease(3)], [start(9, node="another")], ""),
        (OLD, [lease(3)], [start(9), start(4000)], "node minikube started 9 s ago, and what is told of its pods is of before that"),
        (OLD, [lease(300)], [], "node minikube has not been heard of for 300 s: what is told of its pods is of before"),
        (OLD, [lease(300, "another")], [], ""),
        # What may not be read is no doubt.
        (OLD, [], [], ""),
        (replace(OLD, deleting=True), [lease(300)], [start(9)], ""),
        (replace(OLD, node=""), [lease(300)], [start(9)], ""),
    ],
)
def test_a_state_is_old_where_its_node_was_silent_or_has_just_started(pod: Pod, leases: list[Json], events: list[Json], why: str) -> None:
    assert stale([pod], leases, events, NOW) == (((pod.name,), why) if why else ((), ""))
