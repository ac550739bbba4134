"""Which troubles of a cluster's own control plane excuse a test that failed meanwhile, and which do not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.cluster.control_plane import trouble_since

pytestmark = pytest.mark.unit

SINCE_S = datetime(2026, 11, 30, 16, tzinfo=UTC).timestamp()
BEFORE, AFTER = "2026-11-30T15:59:59Z", "2026-11-30T16:10:00Z"


def pod(name: str, started: str, container: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "status": {"containerStatuses": [{"name": container, "state": {"running": {"startedAt": started}}}]},
    }


def event(name: str, reason: str, last: str | None) -> dict[str, Any]:
    return {"involvedObject": {"name": name}, "reason": reason, "lastTimestamp": last, "message": "statuscode: 500"}


@pytest.mark.parametrize(
    ("pods", "events", "told"),
    [
        ([], [], ""),
        ([pod("etcd-minikube", BEFORE, "etcd"), pod("metrics-server-x", AFTER, "metrics-server")], [], ""),
        ([pod("etcd-minikube", AFTER, "etcd")], [], f"etcd-minikube was restarted at {AFTER}"),
        ([], [event("kube-apiserver-minikube", "Unhealthy", BEFORE)], ""),
        ([], [event("kube-apiserver-minikube", "Unhealthy", None), event("coredns-x", "Unhealthy", AFTER)], ""),
        ([], [event("kube-apiserver-minikube", "Pulled", AFTER)], ""),
        (
            [{"metadata": {"name": "pending"}, "status": {}}],
            [event("kube-apiserver-minikube", "Unhealthy", AFTER)],
            f"kube-apiserver-minikube at {AFTER}: statuscode: 500",
        ),
    ],
)
def test_only_the_control_plane_and_only_since_then(pods: list[Any], events: list[Any], told: str) -> None:
    assert trouble_since(pods, events, SINCE_S) == told
