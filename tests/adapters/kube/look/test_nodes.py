"""The nodes' usage, as metrics.k8s.io and the nodes themselves tell it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable
from typing import Any

import pytest

from shelterctl.adapters.kube.api import KubeApi
from shelterctl.adapters.kube.look.nodes import NodeMetrics, measure_nodes
from shelterctl.core.events import NodesSeen, NodeUsage
from shelterctl.errors import ApiRejected, ApiUnreachable

pytestmark = pytest.mark.unit

MEASURED = {
    "metadata": {"name": "minikube"},
    "timestamp": "2026-11-30T10:00:00Z",
    "window": "10.05s",
    "usage": {"cpu": "1834567890n", "memory": "2Gi"},
}
SAMPLED_S = 1796032800.0


class Nodes(KubeApi):
    """An API server with one node."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def request(self, method: str, path: str, **options: Any) -> Any:
        self.asked.append(path)
        if path.startswith("/apis/metrics.k8s.io"):
            return {"items": [MEASURED]}
        return {"items": [{"metadata": {"name": "minikube"}, "status": {"allocatable": {"cpu": "2"}}}]}


def test_usage_is_held_against_what_the_node_can_give() -> None:
    api = Nodes()
    metrics = NodeMetrics(api)
    assert metrics.read() == NodesSeen((NodeUsage("minikube", 1835, 2000, SAMPLED_S, 10.05),))
    metrics.read()
    # What a node can give does not change from one measurement to the next.
    assert api.asked.count("/api/v1/nodes") == 1


def told(answers: Iterable[NodesSeen | Exception]) -> list[Any]:
    """What is told of a series of readings, after which the watch ends."""
    left, inbox, ended = list(answers), queue.SimpleQueue[Any](), threading.Event()

    def read() -> NodesSeen:
        answer = left.pop(0)
        if not left:
            ended.set()
        if isinstance(answer, Exception):
            raise answer
        return answer

    ended.wait = lambda timeout=None: ended.is_set()  # type: ignore[method-assign]
    measure_nodes(read, inbox, ended)
    assert not left or isinstance(answers, list)
    return [inbox.get_nowait() for _ in range(inbox.qsize())]


def test_each_measurement_is_told_once_and_an_api_server_that_is_silent_changes_nothing() -> None:
    seen = NodesSeen((NodeUsage("minikube", 1835, 2000, SAMPLED_S, 10.0),))
    assert told([seen, seen, ApiUnreachable("the API server does not answer"), seen]) == [seen]


def test_why_there_is_none_is_told_and_what_is_forbidden_is_not_asked_again() -> None:
    away = ApiRejected("refused", status=404)
    assert told([away, away]) == [NodesSeen((), "the nodes' CPU could not be read: nothing serves metrics.k8s.io")]
    forbidden = ApiRejected("refused", status=403, why="nodes.metrics.k8s.io is forbidden")
    found = told([forbidden, NodesSeen(())])
    assert [item.problem for item in found] == ["the nodes' CPU could not be read: nodes.metrics.k8s.io is forbidden"]
