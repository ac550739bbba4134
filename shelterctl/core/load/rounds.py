"""Rounds of metrics: what the application's pods used, and when by this machine's clock that was measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shelterctl.core.load.clocks import Clocks
from shelterctl.core.load.timeline import UsagePoint
from shelterctl.core.state import Pod, PodName, Usage


@dataclass(frozen=True, slots=True)
class _Used:
    """What a pod used, from when on by its node's clock, and what it requests (None: nothing)."""

    pod: PodName
    node: str
    start_s: float
    cpu_millicores: int
    request_millicores: int | None


@dataclass(frozen=True, slots=True)
class Round:
    """A round as it came: `seen_at_s` by this machine's clock, the rest by the nodes'."""

    seen_at_s: float
    node: str
    sampled_at_s: float
    window_s: float
    limit_percent: float | None
    used: tuple[_Used, ...]

    @property
    def starts(self) -> tuple[tuple[str, float], ...]:
        """Each pod's node and window: another measurement has others."""
        return tuple((item.node, item.start_s) for item in self.used)

    def placed(self, clocks: Clocks, steady_since_s: Mapping[PodName, float], began_s: float) -> UsagePoint:
        """By times from the load's begin on. `steady_since_s` is since when each pod was seen to be ready and not restarted, by this
        machine's clock."""
        starts = [clocks.earliest_s(item.node, item.start_s) for item in self.used]
        known = [start for start in starts if start is not None]
        steady = [
            item
            for item, start in zip(self.used, starts, strict=True)
            if start is not None and start >= steady_since_s.get(item.pod, math.inf)
        ]
        old = [item for item in steady if steady_since_s[item.pod] <= began_s]
        requested = _sum([item.request_millicores for item in self.used])
        return UsagePoint(
            seen_at_s=self.seen_at_s - began_s,
            # What was seen was measured before.
            sampled_at_s=min(clocks.likely_s(self.node, self.sampled_at_s), self.seen_at_s) - began_s,
            window_s=self.window_s,
            cpu_millicores=sum(item.cpu_millicores for item in self.used),
            pods=len(self.used),
            limit_percent=self.limit_percent,
            measured_from_s=min(known) - began_s if len(known) == len(starts) else None,
            steady_millicores=sum(item.cpu_millicores for item in steady),
            steady_pods=len(steady),
            old_millicores=sum(item.cpu_millicores for item in old),
            old_pods=len(old),
            request_millicores=None if requested is None else requested / len(self.used),
        )


def round_of(seen_at_s: float, known: Sequence[tuple[Usage, Pod]]) -> Round:
    """A round of at least one pod."""
    node, sampled_at_s = max(((pod.node, item.sampled_at_s) for item, pod in known), key=lambda pair: pair[1])
    limits = [limit for _, pod in known for limit in pod.cpu_limits_millicores]
    limit = _sum(limits)
    return Round(
        seen_at_s=seen_at_s,
        node=node,
        sampled_at_s=sampled_at_s,
        window_s=max(item.window_s for item, _ in known),
        limit_percent=100 * sum(item.cpu_millicores for item, _ in known) / limit if limit else None,
        used=tuple(
            _Used(pod.name, pod.node, item.sampled_at_s - item.window_s, item.cpu_millicores, _sum(pod.cpu_requests_millicores))
            for item, pod in known
        ),
    )


def _sum(values: Sequence[int | None]) -> int | None:
    """Of requests or limits; None where one is not set, or there is none."""
    return sum(value or 0 for value in values) if values and all(values) else None
