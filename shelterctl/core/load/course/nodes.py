"""The CPU of the nodes that the application's pods run on, while a load lasts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from shelterctl.core.events import NodesSeen, NodeUsage
from shelterctl.core.load.clocks import Clocks
from shelterctl.core.state import Pod, Role

#: A node that gives so much of what pods can have to whoever runs there makes them wait for their turn.
NODE_BUSY_PERCENT = 90.0


@dataclass(frozen=True, slots=True)
class NodePoint:
    """A measurement of a node: when it was seen and when it ended by this machine's clock, in seconds since the load's begin, over how
    long, what was used of what pods can have, and how many of the application's pods were there."""

    node: str
    seen_at_s: float
    sampled_at_s: float
    window_s: float
    cpu_millicores: int
    allocatable_millicores: int
    app_pods: int

    @property
    def percent(self) -> float:
        return 100 * self.cpu_millicores / self.allocatable_millicores


@dataclass(frozen=True, slots=True)
class NodeBusy:
    """A node over a load. `mean_percent` is over the time that was measured, `busy_share` the share of the whole load in which it was seen
    at NODE_BUSY_PERCENT and more, `measured_share` that in which it was seen at all: what was not measured does not count as busy."""

    node: str
    mean_percent: float
    most_percent: float
    busy_share: float
    measured_share: float


class NodeRounds:
    """Collects what is told of the nodes, each measurement once."""

    def __init__(self) -> None:
        self._points: list[tuple[float, NodeUsage, int]] = []
        self._last: dict[str, float] = {}
        self.problem = ""

    def add(self, at_s: float, event: NodesSeen, pods: Iterable[Pod]) -> None:
        """`pods` are the application's of then."""
        self.problem = event.problem
        on: dict[str, int] = {}
        for pod in pods:
            if pod.role is Role.APP and not pod.deleting:
                on[pod.node] = on.get(pod.node, 0) + 1
        for item in event.nodes:
            if item.allocatable_millicores and self._last.get(item.node) != item.sampled_at_s:
                self._last[item.node] = item.sampled_at_s
                self._points.append((at_s, item, on.get(item.node, 0)))

    def points(self, clocks: Clocks, began_s: float) -> tuple[NodePoint, ...]:
        """By the load's time; those that ended before it tell nothing of it."""
        found = []
        for seen_s, item, app_pods in self._points:
            sampled_s = clocks.likely_s(item.node, item.sampled_at_s) - began_s
            if sampled_s > 0:
                found.append(
                    NodePoint(
                        item.node, seen_s - began_s, sampled_s, item.window_s, item.cpu_millicores, item.allocatable_millicores, app_pods
                    )
                )
        return tuple(found)


def busy_nodes(points: Sequence[NodePoint], until_s: float) -> tuple[NodeBusy, ...]:
    """Each node that had a pod of the application, from the load's begin to `until_s`; the busiest first."""
    by_node: dict[str, list[NodePoint]] = {}
    for point in points:
        by_node.setdefault(point.node, []).append(point)
    found = [busy for name, own in by_node.items() if any(p.app_pods for p in own) and (busy := _busy(name, own, until_s)) is not None]
    return tuple(sorted(found, key=lambda item: (-item.busy_share, -item.mean_percent, item.node)))


def _busy(name: str, own: Sequence[NodePoint], until_s: float) -> NodeBusy | None:
    own = sorted(own, key=lambda point: point.sampled_at_s)
    spans: list[tuple[NodePoint, float]] = []
    # Windows may overlap: each second counts once, by the measurement that ended first.
    ends = [0.0, *(point.sampled_at_s for point in own)]
    for point, (before_s, _) in zip(own, pairwise(ends), strict=True):
        from_s = max(before_s, point.sampled_at_s - point.window_s, 0.0)
        if (length_s := min(point.sampled_at_s, until_s) - from_s) > 0:
            spans.append((point, length_s))
    measured_s = sum(length_s for _, length_s in spans)
    if not measured_s or until_s <= 0:
        return None
    busy_s = sum(length_s for point, length_s in spans if point.percent >= NODE_BUSY_PERCENT)
    mean = sum(point.percent * length_s for point, length_s in spans) / measured_s
    return NodeBusy(name, mean, max(point.percent for point, _ in spans), busy_s / until_s, measured_s / until_s)
