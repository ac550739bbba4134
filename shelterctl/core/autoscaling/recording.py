"""What a run wrote down of the autoscaler, its pods and their measurements, each with the wall time at which it came."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from shelterctl.core.events import LoadTick
from shelterctl.core.state import Autoscaler, Pod, Usage

T = TypeVar("T")


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
class Recording:
    """A run. `blind` are the times without an answer of the target, as far as its notes say so.

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

    @property
    def began_s(self) -> float:
        """When the load began, or where there was none the first look (epoch seconds)."""
        if self.ticks.times_s:
            return self.ticks.times_s[0] - self.ticks.values[0].elapsed_s
        return min((at[0] for at in (self.scalers.times_s, self.pods.times_s) if at), default=0.0)

    @property
    def length_s(self) -> float:
        """From the load's begin to its end, or to the end of what was watched after it (seconds)."""
        loaded_s = self.ticks.values[-1].elapsed_s if self.ticks.values else 0.0
        after_s = self.ended_s - self.began_s
        # A look at the end, and the last statuses, come a moment after the load.
        return after_s if after_s > loaded_s + 20 else loaded_s

    @property
    def ended_s(self) -> float:
        return max((at[-1] for at in (self.scalers.times_s, self.pods.times_s, self.usage.times_s, self.ticks.times_s) if at), default=0.0)
