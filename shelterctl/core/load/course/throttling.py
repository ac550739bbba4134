"""In how many of their CPU periods the application's containers were throttled during a load."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from shelterctl.core.events import ContainerPeriods, PeriodsSeen
from shelterctl.core.state import PodName

#: Fewer periods than this (a period is 100 ms) are not worth a share.
FEWEST_PERIODS = 100


@dataclass(frozen=True, slots=True)
class Throttled:
    """A container over the load. `new` is one that came during it: its counts are from its start on, which takes CPU of its own."""

    pod: PodName
    container: str
    periods: int
    throttled: int
    new: bool = False


@dataclass(frozen=True, slots=True)
class Throttling:
    """What was read at the load's begin and its end, one taken from the other; `problem` says why that could not be had."""

    containers: tuple[Throttled, ...] = ()
    problem: str = ""

    @property
    def share(self) -> float | None:
        """The share of their periods in which those that were there all the time were throttled, from 0 to 1; None where it is not known.

        A period counts while the container has something to run: one that idles has none.
        """
        own = [item for item in self.containers if not item.new]
        periods = sum(item.periods for item in own)
        return sum(item.throttled for item in own) / periods if periods >= FEWEST_PERIODS else None


def throttling(begin: PeriodsSeen | None, end: PeriodsSeen | None, there: Collection[PodName]) -> Throttling:
    """`there` are the pods that were there at the begin; a reading is None where it did not come in time.

    Of a pod that was there and was not read then nothing is known: what it counts is from before the load, too.
    """
    if begin is None or end is None:
        return Throttling((), f"throttled periods were not read in time at the load's {'begin' if begin is None else 'end'}")
    before = {(item.pod, item.cgroup): item for item in begin.containers}
    read = {item.pod for item in begin.containers}
    found = []
    for item in end.containers:
        earlier = before.get((item.pod, item.cgroup))
        if earlier is None and item.pod in there and item.pod not in read:
            continue
        over = _over(earlier, item)
        if over is not None:
            found.append(over)
    return Throttling(tuple(found), begin.problem or end.problem)


def _over(earlier: ContainerPeriods | None, item: ContainerPeriods) -> Throttled | None:
    if earlier is None:
        # Another container, with a cgroup of its own.
        return Throttled(item.pod, item.container, item.periods, item.throttled, new=True)
    periods, throttled = item.periods - earlier.periods, item.throttled - earlier.throttled
    return Throttled(item.pod, item.container, periods, throttled) if periods > 0 and 0 <= throttled <= periods else None
