"""What a load came to: the requests, the pods that answered them, and what the generator itself was busy with."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from shelterctl.core.load.busy import Busy
from shelterctl.core.load.histogram import Histogram
from shelterctl.core.load.plan import LoadPlan, LoadSample, ProcessSecond
from shelterctl.core.load.traffic import GeneratorEnd, GeneratorLoad, Growth, NameTraffic, PodTraffic, Traffic, Trouble
from shelterctl.core.state import PodName

#: The share of the requests at the end of the run is over so many seconds.
LATE_S = 30.0
#: Answers are sized in the first and the last so many samples (about a second each), where there are so many of them.
SIZED_SAMPLES = 15
SIZED_ANSWERS = 10
#: A second's median is told by so many answers.
TIMED_ANSWERS = 10
#: Answers that take this many times their fastest second's median are slow; below SLOW_MS they are at once whatever that was (Nielsen,
#: "Usability Engineering", 1993, ch. 5).
SLOW_TIMES = 3.0
SLOW_MS = 100.0
#: So many times with trouble are kept apart; more of them are all over the load.
MOST_TROUBLED = 500
#: Below this an answer that has doubled is still a small one.
GROWN_BYTES = 10_000
#: What a generator process counts names under that are too many (`adapters.swarm.recorder`).
OTHER = "(other)"
#: The answers that carried no pod's name.
NO_POD = PodName("")


@dataclass(slots=True)
class _Sizes:
    """The answers of some samples: how many, and how large."""

    samples: int = 0
    answers: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def add(self, sample: LoadSample) -> None:
        self.samples += 1
        _add(self.answers, sample.sized_by_name)
        _add(self.sizes, sample.bytes_by_name)

    def mean(self, name: str) -> int | None:
        """Bytes an answer; None for a few, which say little."""
        answers = self.answers.get(name, 0)
        return self.sizes.get(name, 0) // answers if answers >= SIZED_ANSWERS else None


class LoadTally:
    """Adds samples up, in bounded memory however long the run lasts."""

    def __init__(self, plan: LoadPlan) -> None:
        self._plan = plan
        self._latency = Histogram()
        self._busy: dict[str, Busy] = {}
        self._totals: dict[str, int] = {}
        self._kinds: dict[str, int] = {}
        self._own: dict[str, int] = {}
        self._oddities: dict[str, int] = {}
        self._failed_checks: dict[str, int] = {}
        self._task_errors: dict[str, int] = {}
        self._names: dict[str, int] = {}
        self._by_name: dict[str, Histogram] = {}
        self._failures_by_name: dict[str, int] = {}
        self._late_requests = 0
        self._pods: dict[str, int] = {}
        self._first = _Sizes()
        self._sizes: deque[LoadSample] = deque(maxlen=SIZED_SAMPLES)
        self._late: deque[LoadSample] = deque()
        self._last_answer_s: float | None = None
        self._fastest_ms: float | None = None
        self._troubled: list[Trouble] = []
        self._loaded_until_s = 0.0
        self.began_wall_s: float | None = None
        self.elapsed_s = 0.0
        self.users_reached = 0
        self.complete = False
        self.told: list[str] = []
        self.first_by_pod: dict[PodName, float] = {}

    def add(self, sample: LoadSample) -> None:
        """Counts one sample; they come in order."""
        if self.began_wall_s is None:
            self.began_wall_s = sample.wall_s - sample.elapsed_s
        self.elapsed_s = sample.elapsed_s
        self.complete = self.complete or sample.final
        self.users_reached = max(self.users_reached, sample.users)
        if sample.users:
            self._loaded_until_s = sample.elapsed_s
        if sample.last_answer_s is not None:
            self._last_answer_s = sample.last_answer_s
        self._latency.merge(sample.latency_bins, max_ms=sample.max_ms)
        if sum(sample.latency_bins.values()) >= TIMED_ANSWERS and (median_ms := sample_percentiles(sample)[0]) is not None:
            self._fastest_ms = median_ms if self._fastest_ms is None else min(self._fastest_ms, median_ms)
        self._trouble(sample)
        _add(self._totals, {"requests": sample.requests, "failures": sample.failures, "tasks": sample.tasks, "ended": sample.users_ended})
        _add(self._kinds, sample.failure_kinds)
        _add(self._own, sample.own_kinds)
        _add(self._oddities, sample.oddities)
        _add(self._failed_checks, sample.failed_checks)
        _add(self._task_errors, sample.task_errors)
        _add(self._names, sample.by_name)
        _add(self._failures_by_name, sample.failures_by_name)
        for name, bins in sample.bins_by_name.items():
            self._by_name.setdefault(name, Histogram()).merge(bins, max_ms=math.inf)
        self._late_requests += sample.late
        _add(self._pods, sample.by_pod)
        for pod, wall_s in sample.first_by_pod.items():
            self.first_by_pod.setdefault(PodName(pod), wall_s)
        if self._first.samples < SIZED_SAMPLES:
            self._first.add(sample)
        self._sizes.append(sample)
        self._late.append(sample)
        while self._late[0].elapsed_s <= sample.elapsed_s - LATE_S:
            self._late.popleft()
        for process, second in parts_of(sample).items():
            self._busy.setdefault(process, Busy()).add(second)
        self.told += sample.told

    @property
    def requests(self) -> int:
        return self._totals.get("requests", 0)

    def of(self, name: str = "") -> NameTraffic:
        """What was counted under a request's name, or of all of them; nothing under a name that there is none of."""
        if not name:
            return NameTraffic("", self.requests, self._totals.get("failures", 0), self._latency)
        return NameTraffic(name, self._names.get(name, 0), self._failures_by_name.get(name, 0), self._by_name.get(name, Histogram()))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(_by_count(self._names))

    @property
    def names_are_partial(self) -> bool:
        """Whether a process may have counted under OTHER what another one has a name for: each knows the names that came to it first."""
        return self._plan.generators > 1 and any(name.endswith(OTHER) for name in self._names)

    def traffic(self) -> Traffic:
        """The requests so far."""
        requests = self._totals.get("requests", 0)
        duration_s = self._last_answer_s or 0.0
        late: dict[str, int] = {}
        for sample in self._late:
            _add(late, sample.by_pod)
        return Traffic(
            requests=requests,
            failures=self._totals.get("failures", 0),
            duration_s=duration_s,
            requests_per_s=requests / duration_s if duration_s else 0.0,
            p50_ms=self._latency.percentile(50),
            p95_ms=self._latency.percentile(95),
            p99_ms=self._latency.percentile(99),
            max_ms=self._latency.max_ms if self._latency.count else None,
            # After its time is over the load waits for what is under way: that no other answer comes then says nothing.
            silent_s=max(0.0, min(self._loaded_until_s, self._plan.duration_s) - duration_s),
            failure_kinds=_by_count(self._kinds),
            by_name=_by_count(self._names),
            names=tuple(self.of(name).figures() for name in _by_count(self._names)),
            late=self._late_requests,
            untimed=max(0, requests - self._latency.count),
            grown=self._grown(),
            own_kinds=_by_count(self._own),
            oddities=_by_count(self._oddities),
            tasks=self._totals.get("tasks", 0),
            users_ended=self._totals.get("ended", 0),
            failed_checks=_by_count(self._failed_checks),
            task_errors=_by_count(self._task_errors),
            fastest_ms=self._fastest_ms,
            troubled=tuple(self._troubled),
            by_pod=tuple(
                PodTraffic(
                    pod=PodName(pod),
                    requests=count,
                    share=count / requests,
                    late_share=late.get(pod, 0) / max(1, sum(late.values())),
                    first_at_s=self.first_by_pod.get(PodName(pod), 0.0) - (self.began_wall_s or 0.0) if pod else 0.0,
                )
                for pod, count in _by_count(self._pods).items()
            ),
        )

    def _trouble(self, sample: LoadSample) -> None:
        p95_ms = sample_percentiles(sample)[1]
        slow = p95_ms is not None and self._fastest_ms is not None and p95_ms >= max(SLOW_MS, SLOW_TIMES * self._fastest_ms)
        if not slow and not sample.failures:
            return
        from_s = sample.elapsed_s - sample.interval_s
        last = self._troubled[-1] if self._troubled else None
        if last is not None and (from_s - last.until_s < 1.0 or len(self._troubled) >= MOST_TROUBLED):
            self._troubled[-1] = Trouble(last.from_s, sample.elapsed_s, last.failures + sample.failures)
        else:
            self._troubled.append(Trouble(from_s, sample.elapsed_s, sample.failures))

    def _grown(self) -> tuple[Growth, ...]:
        """What answered with twice as much at the end as in the beginning."""
        last = _Sizes()
        for sample in self._sizes:
            last.add(sample)
        found = []
        for name in last.answers:
            before, after = self._first.mean(name), last.mean(name)
            if before and after and after >= max(2 * before, GROWN_BYTES):
                found.append(Growth(name, before, after))
        return tuple(found)

    def generator(self, end: GeneratorEnd, last_lines: tuple[str, ...]) -> GeneratorLoad:
        """The generator's own load so far; of several processes the worst of each figure."""
        processes = tuple(busy.load(name) for name, busy in sorted(self._busy.items())) or (Busy().load(""),)
        return GeneratorLoad(
            users_asked=self._plan.users_reachable,
            users_reached=self.users_reached,
            seconds=max(process.seconds for process in processes),
            cpu_percent_mean=max(process.cpu_percent_mean for process in processes),
            cpu_percent_peak=max(process.cpu_percent_peak for process in processes),
            busy_ratio=max(process.busy_ratio for process in processes),
            lag_p99_ms=max(process.lag_p99_ms for process in processes),
            lag_max_ms=max(process.lag_max_ms for process in processes),
            end=end,
            last_lines=last_lines if end in (GeneratorEnd.DIED, GeneratorEnd.STUCK) else (),
            processes=tuple(process for process in processes if process.name),
            lost=tuple(self.told),
        )


def parts_of(sample: LoadSample) -> Mapping[str, ProcessSecond]:
    """What each process was busy with; the only one has no name."""
    if sample.parts or sample.told or sample.noticed:
        return sample.parts
    return {"": ProcessSecond(sample.interval_s, sample.cpu_s, sample.requests, sample.lag_bins, sample.lag_max_ms)}


def sample_percentiles(sample: LoadSample) -> tuple[float | None, float | None, float | None]:
    """p50, p95 and p99 in ms of one sample."""
    latency = Histogram()
    latency.merge(sample.latency_bins, max_ms=sample.max_ms)
    return latency.percentile(50), latency.percentile(95), latency.percentile(99)


def _add(totals: dict[str, int], counts: Mapping[str, int]) -> None:
    for name, count in counts.items():
        totals[name] = totals.get(name, 0) + count


def _by_count(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
