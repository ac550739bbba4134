"""The CPU periods of containers, and in how many of them they were throttled, as the kubelet's cAdvisor tells them.

A node's answer has every container's every metric, megabytes of it: it is read line by line, and only so much and so long of it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from urllib.parse import quote

from shelterctl.adapters.kube.api import KubeApi
from shelterctl.core.events import ContainerPeriods, PeriodsSeen
from shelterctl.core.state import Pod, PodName
from shelterctl.errors import ApiRejected, ApiUnreachable

#: A node with 250 pods answers with about 20 MB.
MOST_BYTES = 64 * 2**20
#: All nodes together.
MOST_S = 20.0
_SILENCE_S = 5.0
_PERIODS, _THROTTLED = b"container_cpu_cfs_periods_total{", b"container_cpu_cfs_throttled_periods_total{"
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
#: A pod's cgroup, as both of the kubelet's cgroup drivers name it; what follows is the container's.
_POD_CGROUP = re.compile(r"pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})(?:\.slice)?(/.+)?$")


def read_periods(api: KubeApi, pods: Sequence[Pod]) -> PeriodsSeen:
    """What the nodes of `pods` count for them. `problem` says what could not be read; it raises nothing for that."""
    until_s = time.monotonic() + MOST_S
    found: list[ContainerPeriods] = []
    problem = ""
    for node in sorted({pod.node for pod in pods if pod.node}):
        own = [pod for pod in pods if pod.node == node]
        try:
            lines = api.stream_lines(f"/api/v1/nodes/{quote(node)}/proxy/metrics/cadvisor", {}, read_timeout_s=_SILENCE_S)
            with closing(lines):  # type: ignore[type-var]
                found += periods_of(_bounded(lines, until_s), own)
        except (ApiRejected, ApiUnreachable) as error:
            problem = f"throttled periods of node {node} could not be read: {error.why or error.what}"
    if not found and not problem:
        problem = "the nodes tell no CPU periods of these pods: they have no CPU limit, or their runtime does not tell them"
    return PeriodsSeen(tuple(found), problem)


def _bounded(lines: Iterable[bytes], until_s: float) -> Iterable[bytes]:
    """Raises ApiUnreachable for an answer without an end: half of it says nothing about the rest."""
    size = 0
    for line in lines:
        size += len(line)
        if size > MOST_BYTES or time.monotonic() > until_s:
            raise ApiUnreachable("the node's metrics were broken off", why="its metrics are too many, or come too slowly")
        yield line


def periods_of(lines: Iterable[bytes], pods: Sequence[Pod]) -> tuple[ContainerPeriods, ...]:
    """The containers of `pods` in an answer of cAdvisor's (the Prometheus text format).

    By namespace and pod where the runtime tells them, else by the pod's uid in the cgroup's name (cri-dockerd tells nothing more). Of a pod
    whose containers are not told, its own cgroup counts.
    """
    by_name = {(pod.namespace, str(pod.name)): pod for pod in pods}
    by_uid = {pod.uid: pod for pod in pods}
    found: dict[tuple[PodName, str], tuple[bool, ContainerPeriods]] = {}
    for line in lines:
        if not line.startswith((_PERIODS, _THROTTLED)):
            continue
        text = line.decode("utf-8", "replace")
        head, _, tail = text.rpartition("}")
        labels: Mapping[str, str] = dict(_LABEL.findall(head))
        try:
            count = int(float(tail.split()[0]))
        except (ValueError, IndexError, OverflowError):
            continue
        cgroup = labels.get("id", "")
        place = _POD_CGROUP.search(cgroup)
        pod = by_name.get((labels.get("namespace", ""), labels.get("pod", "")))
        if pod is None and place is not None:
            pod = by_uid.get(place.group(1).replace("_", "-"))
        if pod is None:
            continue
        inner = bool(labels.get("container")) or (place is not None and place.group(2) is not None)
        name = labels.get("container") or (cgroup.rpartition("/")[2][:12] if inner else "")
        _, known = found.get((pod.name, cgroup), (inner, ContainerPeriods(pod.name, name, cgroup, 0, 0)))
        counted = replace(known, periods=count) if line.startswith(_PERIODS) else replace(known, throttled=count)
        found[pod.name, cgroup] = (inner, counted)
    inside = {pod for (pod, _), (inner, item) in found.items() if inner and item.periods}
    return tuple(item for (pod, _), (inner, item) in found.items() if item.periods and (inner or pod not in inside))
