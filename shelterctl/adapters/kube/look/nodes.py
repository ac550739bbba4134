"""What the nodes use of what they can give to pods, as metrics.k8s.io has it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from shelterctl.adapters.kube import records
from shelterctl.adapters.kube.api import KubeApi
from shelterctl.core.events import NodesSeen, NodeUsage
from shelterctl.errors import ApiRejected, ApiUnreachable

if TYPE_CHECKING:
    from shelterctl.adapters.kube.follow import Message

#: A measurement is new every 15 to 60 s.
EVERY_S = 10.0
#: Who may not read it may not a minute later.
_FORBIDDEN = (401, 403)


class NodeMetrics:
    """Reads the nodes' usage. What they can give is read once, and again where a node is new."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api
        self._allocatable: dict[str, int] = {}

    def read(self) -> NodesSeen:
        """Raises ApiRejected where nothing measures the nodes or they may not be read, ApiUnreachable."""
        items = self._api.get("/apis/metrics.k8s.io/v1beta1/nodes").get("items") or ()
        if any(item["metadata"]["name"] not in self._allocatable for item in items):
            for node in self._api.items("/api/v1/nodes"):
                given = ((node.get("status") or {}).get("allocatable") or {}).get("cpu")
                self._allocatable[node["metadata"]["name"]] = records.millicores(given) or 0
        found = []
        for item in items:
            name = item["metadata"]["name"]
            used = records.usage({**item, "containers": [{"usage": item.get("usage") or {}}]})
            found.append(NodeUsage(name, used.cpu_millicores, self._allocatable.get(name, 0), used.sampled_at_s, used.window_s))
        return NodesSeen(tuple(found))


def measure_nodes(read: Callable[[], NodesSeen], inbox: queue.SimpleQueue[Message], ended: threading.Event) -> None:
    """Tells each new measurement, and once why there is none; ends where the nodes may not be read."""
    last = NodesSeen(())
    while not ended.is_set():
        found = last
        with suppress(ApiUnreachable):
            try:
                found = read()
            except ApiRejected as error:
                why = "nothing serves metrics.k8s.io" if error.status == 404 else error.why or error.what
                found = NodesSeen((), f"the nodes' CPU could not be read: {why}")
                if error.status in _FORBIDDEN:
                    inbox.put(found)
                    return
        if found != last:
            last = found
            inbox.put(found)
        ended.wait(EVERY_S)
