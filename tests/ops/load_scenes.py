"""Clocks, prepared seconds of load and told events, for tests in which nothing may be left to chance."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from shelterctl.core.deploy.room import NodeRoom
from shelterctl.core.events import Event, PeriodsSeen
from shelterctl.core.load.clocks import ClockReading
from shelterctl.core.load.plan import LoadPlan, LoadSample
from shelterctl.core.load.scaling import SCALE_UP_WITHIN_S
from shelterctl.core.state import Autoscaler, Pod, StackState
from shelterctl.errors import ApiUnreachable
from tests.core.load.examples import BEGAN


class SystemClock:
    """The machine's clocks."""

    def monotonic_s(self) -> float:
        return time.monotonic()

    def wall_s(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class SteppingClock:
    """Time passes only while somebody sleeps, and stands still until all that is due then was told; it begins with the examples' load."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.settled: Callable[[], bool] = lambda: True

    def monotonic_s(self) -> float:
        return self.now_s

    def wall_s(self) -> float:
        return BEGAN + self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        while not self.settled():
            time.sleep(0.001)


@dataclass
class PreparedSwarm:
    """A generator whose seconds of load are prepared: each is handed out when the clock has reached it."""

    clock: SteppingClock
    seconds: Sequence[LoadSample]
    runs_until_s: float
    on_start: Callable[[], None] = lambda: None
    lines: tuple[str, ...] = ()
    started: bool = False
    stopped: bool = False
    given: int = 0

    def start(self, plan: LoadPlan, folder: Path) -> None:
        self.on_start()
        self.started = True

    def samples(self) -> Sequence[LoadSample]:
        due = [item for item in self.seconds if item.elapsed_s <= self.clock.now_s or self.stopped]
        new, self.given = due[self.given :], len(due)
        return new

    def running(self) -> bool:
        return self.started and not self.stopped and self.clock.now_s < self.runs_until_s

    def stop(self) -> None:
        self.stopped = True

    def last_lines(self) -> tuple[str, ...]:
        return self.lines


@dataclass
class ToldStory:
    """What a cluster tells in order, each part when the clock has reached it, and the state that it ends with. Only what the
    operation reads: it stands in for the order of events, and no test here says anything about a cluster."""

    noun: ClassVar[str] = "the cluster"
    scale_up_within_s: ClassVar[float] = SCALE_UP_WITHIN_S
    clock: SteppingClock
    first: StackState
    story: Mapping[float, Event] = field(default_factory=dict)
    last: StackState | ApiUnreachable | None = None
    looks: int = 0
    told: int = 0
    ended: bool = False
    #: How long this machine's own way to the service broke after the load began.
    breaks_s: float = 0.0
    way_asked: int = 0
    #: What is counted at the load's begin, and at its end.
    counted: Sequence[PeriodsSeen] = (PeriodsSeen((), "nothing is counted in this story"),)
    periods_asked: int = 0

    def __post_init__(self) -> None:
        self.clock.settled = lambda: self.ended or self.told >= sum(at_s <= self.clock.now_s for at_s in self.story)

    def version(self) -> str:
        return "v1.34.4"

    def cut_off_s(self) -> float:
        self.way_asked += 1
        return self.breaks_s if self.way_asked > 1 else 0.0

    def clocks(self) -> tuple[ClockReading, ...]:
        """Two questions in one: the node told its time between them, so that its clock is known to be this machine's."""
        now_s = self.clock.wall_s()
        return tuple(ClockReading("minikube", told_s, told_s, told_s) for told_s in (now_s - 0.1, now_s))

    def periods(self, pods: Sequence[Pod]) -> PeriodsSeen:
        self.periods_asked += 1
        return self.counted[min(self.periods_asked, len(self.counted)) - 1]

    def rooms(self) -> tuple[NodeRoom, ...]:
        return (NodeRoom("minikube", 2000, 1950, 4 * 2**30, 2**30),)

    def state(self, *, warnings_since_s: float = 0.0, with_usage: bool = True) -> StackState:
        self.looks += 1
        answer = self.first if self.looks == 1 or self.last is None else self.last
        if isinstance(answer, ApiUnreachable):
            raise answer
        return answer

    def watch(self, stop: Callable[[], bool]) -> Iterator[Event]:
        for at_s, event in self.story.items():
            while self.clock.now_s < at_s and not stop():
                time.sleep(0.001)
            if stop():
                break
            yield event
            self.told += 1
        self.ended = True
        while not stop():
            time.sleep(0.001)


def stack(pods: Sequence[Pod], scaler: Autoscaler | None) -> StackState:
    return StackState(BEGAN, "shelter", (), tuple(pods), scaler, (), None)
