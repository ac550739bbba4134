"""Merges what several generator processes count, second by second, into the samples of one load.

Counts and bins add, so that percentiles are as right as those of one process. What one process is limited by (a core, its event loop) is
kept for each (`LoadSample.parts`): a sum of four would hide the one that is busy. Nothing that came is dropped: a sample that comes
after its second was told counts in the next one.

Clocks: a process on another machine has its own. The difference is at most the smallest (arrival − its own time) that was seen, since no
message arrives before it was sent; a sample ends no later than it arrived. A difference below SAME_CLOCK_S is the message's way.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from shelterctl.core.load.plan import LoadSample, ProcessSecond

K = TypeVar("K")
SAME_CLOCK_S = 0.25
#: A process that has told nothing for so long is not waited for; what it tells later counts then.
SILENT_S = 5.0
#: A sample of nothing.
EMPTY = LoadSample(
    elapsed_s=0.0, wall_s=0.0, interval_s=0.0, users=0, requests=0, failures=0, latency_bins={}, max_ms=0.0, cpu_s=0.0, lag_bins={},
    lag_max_ms=0.0,
)  # fmt: skip


@dataclass(slots=True)
class _Source:
    """One process. Times in epoch seconds of the clock that arrivals are told in."""

    name: str
    arrived_s: float
    ahead_s: float = math.inf
    latest: int = -1
    until_s: float = 0.0
    users: int = 0
    requests: int = 0
    lines: int = 1
    final: bool = False
    lost: bool = False

    @property
    def shift_s(self) -> float:
        """What its own time lacks to ours."""
        return 0.0 if abs(self.ahead_s) < SAME_CLOCK_S else self.ahead_s


@dataclass(slots=True)
class _Part:
    source: _Source
    sample: LoadSample
    end_s: float


class Merge:
    """The samples of the processes `names`, of a load that began at `began_wall_s` and was meant for `expected` processes."""

    def __init__(self, names: Iterable[str], began_wall_s: float, expected: int) -> None:
        self._began_s = began_wall_s
        self._sources = {name: _Source(name, began_wall_s) for name in names}
        self._waiting: dict[int, list[_Part]] = {}
        self._told_until = -1
        self._elapsed_s = 0.0
        self._told: list[str] = []
        self._noticed: list[str] = []
        self._complete = len(self._sources) >= expected
        self._ended = False
        self._closed = False
        if not self._complete:
            self._told.append(f"{len(self._sources)} of {expected} generator processes were there: {', '.join(self._sources) or 'none'}")

    def add(self, name: str, sample: LoadSample, arrived_wall_s: float, line: int) -> None:
        """Takes a sample of a process; `line` numbers all that it tells, from 1 (its beginning) on."""
        source = self._sources[name]
        if line > source.lines + 1:
            self._told.append(f"{line - source.lines - 1} of the counts of {name} did not arrive: its requests in them are not counted")
        source.lines = max(source.lines, line)
        source.arrived_s = max(source.arrived_s, arrived_wall_s)
        source.ahead_s = min(source.ahead_s, arrived_wall_s - sample.wall_s)
        end_s = max(0.0, min(sample.wall_s + source.shift_s, arrived_wall_s) - self._began_s)
        second = max(self._told_until + 1, round(end_s))
        source.latest = max(source.latest, second)
        source.until_s = max(source.until_s, end_s)
        source.requests += sample.requests
        source.final = source.final or sample.final
        self._waiting.setdefault(second, []).append(_Part(source, sample, end_s))

    def lose(self, name: str, why: str, wall_s: float) -> None:
        """A process that the load went on without, or that did not end as it should."""
        source = self._sources[name]
        source.lost = True
        at_s = wall_s - self._began_s
        text = f"{name} {why} ({at_s:.0f} s into the load): {source.requests:,} requests of it are counted"
        self._told.append(text if source.final else f"{text}, until {source.until_s:.1f} s; what it sent after that is not")

    def find_again(self, name: str, wall_s: float) -> None:
        """One that was lost, and tells what it counts again."""
        self._sources[name].lost = False
        self._told.append(f"{name} answered again ({wall_s - self._began_s:.0f} s into the load): what it tells from then on is counted")

    def refuse(self, name: str, why: str) -> None:
        """A process that was not let in: it may be one that is missing, and where none is missing it changes nothing."""
        (self._noticed if self._complete else self._told).append(f"a process on {name} was refused: {why}")

    def end(self) -> None:
        """Every process that was there has told its last."""
        self._ended = True

    def take(self, now_wall_s: float) -> list[LoadSample]:
        """The seconds that are whole; what a silent process would add is not waited for."""
        if self._closed:
            return []
        live = [
            source.latest
            for source in self._sources.values()
            if not source.final and not source.lost and now_wall_s - source.arrived_s < SILENT_S
        ]
        until = min(live, default=max(self._waiting, default=-1))
        if self._ended:
            return self.rest()
        return [self._merged(self._waiting.pop(second), second) for second in sorted(self._waiting) if second <= until]

    def rest(self) -> list[LoadSample]:
        """All that is left: nothing more comes."""
        if self._closed:
            return []
        self._closed = True
        found = [self._merged(self._waiting.pop(second), second) for second in sorted(self._waiting)]
        if self._told or self._noticed or (self._ended and not found):
            found.append(self._merged([], self._told_until))
        return [*found[:-1], replace(found[-1], final=self._ended)] if found else []

    def _merged(self, parts: list[_Part], second: int) -> LoadSample:
        self._told_until = max(self._told_until, second)
        before_s = self._elapsed_s
        self._elapsed_s = max([before_s, *(part.end_s for part in parts)])
        for source in self._sources.values():
            mine = [part.sample.users for part in parts if part.source is source]
            source.users = max(mine) if mine else 0 if source.final or source.lost else source.users
        told, self._told = tuple(self._told), []
        noticed, self._noticed = tuple(self._noticed), []
        samples = [part.sample for part in parts]
        answers = [self._since_begin_s(part, part.sample.last_answer_s) for part in parts if part.sample.last_answer_s is not None]
        first: dict[str, float] = {}
        for part in parts:
            for pod, at_s in part.sample.first_by_pod.items():
                first[pod] = min(first.get(pod, math.inf), at_s + part.source.shift_s)
        names = {name for sample in samples for name in sample.bins_by_name}
        return replace(
            EMPTY,
            elapsed_s=self._elapsed_s,
            wall_s=self._began_s + self._elapsed_s,
            interval_s=self._elapsed_s - before_s,
            users=sum(source.users for source in self._sources.values()),
            requests=sum(sample.requests for sample in samples),
            failures=sum(sample.failures for sample in samples),
            latency_bins=added(sample.latency_bins for sample in samples),
            max_ms=max((sample.max_ms for sample in samples), default=0.0),
            cpu_s=math.fsum(sample.cpu_s for sample in samples),
            lag_bins=added(sample.lag_bins for sample in samples),
            lag_max_ms=max((sample.lag_max_ms for sample in samples), default=0.0),
            by_pod=added(sample.by_pod for sample in samples),
            first_by_pod=first,
            by_name=added(sample.by_name for sample in samples),
            bytes_by_name=added(sample.bytes_by_name for sample in samples),
            sized_by_name=added(sample.sized_by_name for sample in samples),
            bins_by_name={name: added(sample.bins_by_name.get(name, {}) for sample in samples) for name in names},
            failures_by_name=added(sample.failures_by_name for sample in samples),
            late=sum(sample.late for sample in samples),
            failure_kinds=added(sample.failure_kinds for sample in samples),
            own_kinds=added(sample.own_kinds for sample in samples),
            oddities=added(sample.oddities for sample in samples),
            tasks=sum(sample.tasks for sample in samples),
            users_ended=sum(sample.users_ended for sample in samples),
            failed_checks=added(sample.failed_checks for sample in samples),
            task_errors=added(sample.task_errors for sample in samples),
            last_answer_s=max(answers, default=None),
            parts=_parts(parts),
            told=told,
            noticed=noticed,
        )

    def _since_begin_s(self, part: _Part, last_answer_s: float) -> float:
        began_s = part.sample.wall_s - part.sample.elapsed_s + part.source.shift_s
        return min(max(0.0, began_s + last_answer_s - self._began_s), part.end_s)


def added(counts: Iterable[Mapping[K, int]]) -> dict[K, int]:
    total: dict[K, int] = {}
    for each in counts:
        for key, count in each.items():
            total[key] = total.get(key, 0) + count
    return total


def _parts(parts: Iterable[_Part]) -> dict[str, ProcessSecond]:
    found: dict[str, ProcessSecond] = {}
    for part in parts:
        sample, before = part.sample, found.get(part.source.name, ProcessSecond(0.0, 0.0, 0, {}, 0.0))
        found[part.source.name] = ProcessSecond(
            interval_s=before.interval_s + sample.interval_s,
            cpu_s=before.cpu_s + sample.cpu_s,
            requests=before.requests + sample.requests,
            lag_bins=added((before.lag_bins, sample.lag_bins)),
            lag_max_ms=max(before.lag_max_ms, sample.lag_max_ms),
        )
    return found
