"""What a run wrote down of the autoscaler, its pods and their measurements, each with the wall time at which it came."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeVar

from shelterctl.core.events import LoadTick, NodeUsage
from shelterctl.core.state import Autoscaler, Pod, Role, Usage

T = TypeVar("T")
#: How long after a pass a measurement that it read may have been seen here: the metrics are asked for every 5 s.
SEEN_LATE_S = 7.5


@dataclass(frozen=True, slots=True)
class Series(Generic[T]):
    """Values by the time (epoch seconds) from which each holds, in that order."""

    times_s: tuple[float, ...] = ()
    values: tuple[T, ...] = ()

    def at(self, at_s: float) -> T | None:
        """The value that holds at a time; None before the first."""
        position = bisect_right(self.times_s, at_s) - 1
        return self.values[position] if position >= 0 else None

    def after(self, at_s: float) -> tuple[float, T] | None:
        """The first that came after a time."""
        position = bisect_right(self.times_s, at_s)
        return (self.times_s[position], self.values[position]) if position < len(self.times_s) else None

    def __len__(self) -> int:
        return len(self.times_s)


def series(items: Sequence[tuple[float, T]]) -> Series[T]:
    """A series of (time, value), put in order."""
    ordered = sorted(items, key=lambda item: item[0])
    return Series(tuple(at_s for at_s, _ in ordered), tuple(value for _, value in ordered))


@dataclass(frozen=True, slots=True)
class Decided:
    """The replicas that the autoscaler asked for became others: when that was seen (epoch seconds), and what it had read."""

    at_s: float
    before: int
    after: int
    cpu_percent: int | None


@dataclass(frozen=True, slots=True)
class Recording:
    """A run. `blind` are the times without an answer of the target, as far as its notes say so.

    `down_watched_s` is from when until when the way down after the load was followed (epoch seconds); None where it was not.
    `damaged` counts the lines that could not be read: a run that was killed leaves one at its end.
    """

    run: str
    context: str
    namespace: str
    scalers: Series[Autoscaler | None]
    pods: Series[tuple[Pod, ...]]
    usage: Series[tuple[Usage, ...]]
    ticks: Series[LoadTick]
    blind: tuple[str, ...] = ()
    damaged: int = 0
    down_watched_s: tuple[float, float] | None = None
    nodes: Series[tuple[NodeUsage, ...]] = Series()

    def decisions(self) -> tuple[Decided, ...]:
        """Each change of the autoscaler's replicas; one that was deleted and made anew decided nothing by that."""
        told = pairwise(zip(self.scalers.times_s, self.scalers.values, strict=True))
        return tuple(
            Decided(at_s, before.desired, after.desired, after.cpu_percent)
            for (_, before), (at_s, after) in told
            if before is not None and after is not None and before.desired != after.desired
        )

    def rounds_for(self, at_s: float) -> list[tuple[Usage, ...]]:
        """The measurements that a pass of the controller at a time can have read, the one that was seen first before the other.

        The round that was seen last, or the one that was seen right after: the controller may have read it first.
        """
        found = [usage for usage in (self.usage.at(at_s),) if usage is not None]
        later = self.usage.after(at_s)
        return [*found, later[1]] if later is not None and later[0] - at_s <= SEEN_LATE_S else found

    def node_percent(self, at_s: float) -> float | None:
        """The CPU of the busiest node that has a pod of the application, in percent of what pods can have there, as it was last told."""
        own = {pod.node for pod in self.pods.at(at_s) or () if pod.role is Role.APP}
        told = [item for item in self.nodes.at(at_s) or () if item.node in own and item.allocatable_millicores]
        return max((100 * item.cpu_millicores / item.allocatable_millicores for item in told), default=None)

    @property
    def began_s(self) -> float:
        """When the load began, or where there was none the first look (epoch seconds)."""
        if self.ticks.times_s:
            return self.ticks.times_s[0] - self.ticks.values[0].elapsed_s
        return min((at[0] for at in (self.scalers.times_s, self.pods.times_s) if at), default=0.0)

    @property
    def loaded_s(self) -> float:
        """From the load's begin to its last second."""
        return self.ticks.values[-1].elapsed_s if self.ticks.values else 0.0

    @property
    def last_request_s(self) -> float:
        """From the load's begin to the end of the last second that had requests; 0 where none had."""
        return next((tick.elapsed_s for tick in reversed(self.ticks.values) if tick.requests), 0.0)

    @property
    def length_s(self) -> float:
        """From the load's begin to its end, or to the end of what was watched after it (seconds)."""
        loaded_s = self.loaded_s
        if self.down_watched_s is not None:
            return max(loaded_s, self.down_watched_s[1] - self.began_s)
        after_s = self.ended_s - self.began_s
        # A look at the end, and the last statuses, come a moment after the load.
        return after_s if after_s > loaded_s + 20 else loaded_s

    @property
    def ended_s(self) -> float:
        return max((at[-1] for at in (self.scalers.times_s, self.pods.times_s, self.usage.times_s, self.ticks.times_s) if at), default=0.0)
