"""Whether what the API server tells of pods is of now: it keeps the last word of a node that stopped, and of one that has just started."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shelterctl.adapters.kube.api import Json
from shelterctl.adapters.kube.records import epoch_s
from shelterctl.core.state import Pod, PodName

#: A kubelet renews its lease every 10 s; after 40 s the node controller holds the node for lost (kubelet's nodeLeaseDurationSeconds).
SILENT_S = 40.0
#: How long after its start a kubelet may need until it has told how each of its pods is; 5 s were measured on minikube.
TOLD_AFTER_S = 30.0
#: The API's times are whole seconds.
_RESOLUTION_S = 1.0


def kubelet_starts(events: Iterable[Json]) -> Mapping[str, float]:
    """Node to when its kubelet last said that it starts, of events with the reason `Starting`."""
    starts: dict[str, float] = {}
    for item in events:
        told_by = (item.get("source") or {}).get("component") or item.get("reportingComponent")
        at_s = epoch_s(item.get("lastTimestamp") or item.get("eventTime"))
        node = (item.get("involvedObject") or {}).get("name")
        if told_by == "kubelet" and node and at_s is not None:
            starts[node] = max(at_s, starts.get(node, at_s))
    return starts


def stale(pods: Iterable[Pod], leases: Iterable[Json], events: Iterable[Json], now_s: float) -> tuple[tuple[PodName, ...], str]:
    """The pods of which nothing is known yet, and why. `now_s` is the API server's own time; what may not be read is no doubt."""
    renewed = {item["metadata"]["name"]: epoch_s((item.get("spec") or {}).get("renewTime")) for item in leases}
    starts = kubelet_starts(events)
    found: list[PodName] = []
    whys: list[str] = []
    for pod in pods:
        why = _why(pod, renewed.get(pod.node), starts.get(pod.node), now_s)
        if why:
            found.append(pod.name)
            whys.append(why)
    return tuple(found), whys[0] if whys else ""


def _why(pod: Pod, renewed_s: float | None, started_s: float | None, now_s: float) -> str:
    if pod.deleting or not pod.node:
        return ""
    if renewed_s is not None and now_s - renewed_s > SILENT_S:
        return f"node {pod.node} has not been heard of for {now_s - renewed_s:.0f} s: what is told of its pods is of before"
    if started_s is None or now_s - started_s > TOLD_AFTER_S:
        return ""
    running = [container.started_at_s for container in pod.containers if container.started_at_s is not None]
    if any(at_s < started_s - _RESOLUTION_S for at_s in running):
        return f"node {pod.node} started {max(0.0, now_s - started_s):.0f} s ago, and what is told of its pods is of before that"
    return ""
