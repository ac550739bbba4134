"""The figures of a load: the requests, by name and by pod, and what the generator itself was busy with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from shelterctl.core.load.histogram import Histogram
from shelterctl.core.state import PodName


class GeneratorEnd(Enum):
    """How the generator ended. Only FINISHED is an end that was meant from the start."""

    FINISHED = "finished"
    STOPPED = "stopped"
    DIED = "died"
    STUCK = "stuck"


#: A wait that is ten times as long as the generator was ever late is not its lateness.
WAITED_SHARE = 0.1
#: How `locustfiles/acknowledged.py` ends what it says of a write that was answered with success, in other words than the marked one.
ANOTHER_ANSWER = "with another answer than the marked write's"
_ERROR_STATUS = re.compile(r"HTTP [45]\d\d")


@dataclass(frozen=True, slots=True)
class PodTraffic:
    """What one pod answered. `late_share` is its share of the last LATE_S seconds, `first_at_s` counts from the load's begin."""

    pod: PodName
    requests: int
    share: float
    late_share: float
    first_at_s: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """Seconds on end (since the load's begin) in which requests failed or answers were slow, and what failed in them."""

    from_s: float
    until_s: float
    failures: int


@dataclass(frozen=True, slots=True)
class Traffic:
    """Every request of the run. Latencies in ms within 1%, the maximum exact; None where nothing was answered.

    `duration_s` lasts from the load's begin to its last answer, and `requests_per_s` is over it. `silent_s` is how long users were there
    after the last answer, within the load's own time. `own_kinds` are the failures that the generator's own machine caused (no file
    descriptor, no port, no memory left), `oddities` answers that count as well and may not be meant so. `late` are the requests that began
    later than the load's rate wanted them to, `untimed` those whose users told no response time of them (only a Locust file of one's own).
    `tasks` of the users began; `failed_checks` and `task_errors` count those that raised an AssertionError, or another exception, without a
    request that failed before it; `users_ended` are the users who ended by one. `fastest_ms` is the median of the second that answered
    fastest, of those with enough answers; None where there was none. `troubled` are the times with failed or slow answers.
    """

    requests: int
    failures: int
    duration_s: float
    requests_per_s: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    silent_s: float
    failure_kinds: Mapping[str, int] = field(default_factory=dict)
    by_name: Mapping[str, int] = field(default_factory=dict)
    by_pod: tuple[PodTraffic, ...] = ()
    own_kinds: Mapping[str, int] = field(default_factory=dict)
    oddities: Mapping[str, int] = field(default_factory=dict)
    grown: tuple[Growth, ...] = ()
    names: tuple[NameFigures, ...] = ()
    late: int = 0
    untimed: int = 0
    tasks: int = 0
    users_ended: int = 0
    failed_checks: Mapping[str, int] = field(default_factory=dict)
    task_errors: Mapping[str, int] = field(default_factory=dict)
    fastest_ms: float | None = None
    troubled: tuple[Trouble, ...] = ()

    @property
    def own_failures(self) -> int:
        return sum(self.own_kinds.values())

    @property
    def failure_ratio(self) -> float:
        """The share of the requests that the service failed, from 0 to 1; the generator's own failures count on neither side."""
        return self._share(self.failures - self.own_failures)

    @property
    def odd_ratio(self) -> float:
        """The share of the requests whose answers were others than that of a marked write: a failure, or another way to say yes."""
        return self._share(sum(count for kind, count in self.failure_kinds.items() if kind.endswith(ANOTHER_ANSWER)))

    def failed_for_certain(self, lag_max_ms: float) -> float:
        """The share that failed whatever the generator was busy with: an answer with an error's status is the service's own word.

        So is a time that ran out, where the generator was never late by more than a tenth of the longest wait.
        """
        waited = self.max_ms is not None and lag_max_ms <= WAITED_SHARE * self.max_ms
        certain = sum(
            count for kind, count in self.failure_kinds.items() if _ERROR_STATUS.fullmatch(kind) or (waited and kind == "TimeoutError")
        )
        return self._share(certain)

    def _share(self, count: int) -> float:
        """Of the requests that the generator's own machine did not fail."""
        asked = self.requests - self.own_failures
        return count / asked if asked else 0.0


@dataclass(frozen=True, slots=True)
class Disturbance:
    """Other commands (`who`) that changed the stack under the load, from `from_s` after its begin on.

    `before` is what the load had come to shortly before the first of them; None where it had not come to anything.
    """

    who: str
    from_s: float
    before: Traffic | None = None


@dataclass(frozen=True, slots=True)
class NameFigures:
    """The requests of one name. Latencies in ms within 1%; None where nothing was answered."""

    name: str
    requests: int
    failures: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True, slots=True)
class NameTraffic:
    """What was counted under one name so far."""

    name: str
    requests: int
    failures: int
    latency: Histogram

    def figures(self) -> NameFigures:
        p50, p95, p99 = (self.latency.percentile(percent) for percent in (50, 95, 99))
        return NameFigures(self.name, self.requests, self.failures, p50, p95, p99)


@dataclass(frozen=True, slots=True)
class Growth:
    """An answer that grew during the load: its mean size (bytes) in the first and in the last samples."""

    name: str
    first_bytes: int
    last_bytes: int


@dataclass(frozen=True, slots=True)
class ProcessLoad:
    """What one generator process was busy with; as the fields of the same name of `GeneratorLoad`."""

    name: str
    requests: int
    seconds: float
    cpu_percent_mean: float
    cpu_percent_peak: float
    busy_ratio: float
    lag_p99_ms: float
    lag_max_ms: float


@dataclass(frozen=True, slots=True)
class GeneratorLoad:
    """What the generator was busy with. CPU in percent of one core; `busy_ratio` is the share of the run at its limit.

    Of several processes (`processes`) each figure is that of the one it is worst for: any of them at its limit shapes what is measured.
    `lost` tells of processes that were missing or did not last, and of what is not counted.
    `cut_off_s` is how long its own way to the service was broken (a tunnel's): what failed then says nothing of the service.
    """

    users_asked: int
    users_reached: int
    seconds: float
    cpu_percent_mean: float
    cpu_percent_peak: float
    busy_ratio: float
    lag_p99_ms: float
    lag_max_ms: float
    end: GeneratorEnd
    last_lines: tuple[str, ...] = ()
    cut_off_s: float = 0.0
    processes: tuple[ProcessLoad, ...] = ()
    lost: tuple[str, ...] = ()

    def named(self, figure: str) -> str:
        """Which process the figure of this name is of: " (process 2)"; empty where there is but one."""
        if len(self.processes) < 2:
            return ""
        return f" ({max(self.processes, key=lambda process: float(getattr(process, figure))).name})"
