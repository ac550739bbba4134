"""A load: what was asked for, what is expected of the service under it, and what the generator counts in each second."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from shelterctl.core.load.shape import Stage, cut, length_s, plateau_s, users_at
from shelterctl.core.load.thresholds import Threshold, impossible

#: One generator process has one core: it sends about 4,000 requests/s, which is 4,000 users who think for a second. Five
#: times that many can be kept waiting on slow answers; more would only measure the generator.
MAX_USERS = 20_000
#: Starting a user costs about a millisecond of the generator's core.
MAX_SPAWN_RATE = 1_000.0
MAX_REQUESTS = 10_000_000
#: What one generator's core can send at the very most.
MAX_RATE = 10_000.0
#: More than any one machine has cores for.
MAX_PROCESSES = 64
#: The option of a load whose generator is a Job in the cluster.
IN_CLUSTER = "--in-cluster"
MIN_DURATION_S = 1.0
MAX_DURATION_S = 12 * 3600.0


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """A swarm of `users` against `host` (a URL), started at `spawn_rate` users/s, for `duration_s` from its start on.

    `think_s` is the mean time between a user's answer and its next request; `seed` makes the users' choices repeatable; `run`
    marks the documents that the users write. `variables` are what the Locust file finds in its environment besides.
    With `requests` it ends after so many, at the latest after `duration_s`. With `stages` the users follow them: `users` and `duration_s`
    are then the most of them and their length. With `rate_per_s` requests begin at that rate, whether or not earlier ones are answered, as
    far as `users` at once allow. `asked` are the options that a command line must repeat to mean the same load, `tag` a name for the run.
    `options` go to Locust as they are. The users, the rate and the requests are those of all its `processes` together, or of
    all its `workers` on other machines (their names), which come to the address `listen` ("0.0.0.0:5557").
    """

    host: str
    users: int
    spawn_rate: float
    duration_s: float
    locustfile: str
    run: str = ""
    think_s: float = 1.0
    seed: int | None = None
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    requests: int | None = None
    stages: tuple[Stage, ...] = ()
    rate_per_s: float | None = None
    asked: tuple[str, ...] = ()
    tag: str = ""
    options: tuple[str, ...] = ()
    processes: int = 1
    workers: tuple[str, ...] = ()
    listen: str = ""

    @property
    def generators(self) -> int:
        """How many processes send."""
        return len(self.workers) or self.processes

    def command(self, *, users: int | None = None, duration_s: float | None = None, watched: bool) -> str:
        """The command line of this load, or of one with other users or another duration; `watched` where no --host was given."""
        seconds = min(MAX_DURATION_S, self.duration_s if duration_s is None else duration_s)
        host = "" if watched else f" --host {self.host}"
        count = self.users if users is None else min(MAX_USERS * self.generators, max(self.generators, users))
        until = f" --requests {self.requests}" if self.requests is not None and duration_s is None else ""
        more = "".join(f" {option}" for option in self.asked) + (f" --processes {self.processes}" if self.processes > 1 else "")
        if self.workers:
            more += f" --workers {','.join(self.workers)} --listen {self.listen}"
        if self.stages:
            grown, longer = count / max(self.users, 1), seconds / max(self.duration_s, 1.0)
            # Stretched, a stage ends on a whole second: nobody types 78.3333s.
            lasting = [stage.duration_s if longer == 1 else float(math.ceil(stage.duration_s * longer)) for stage in self.stages]
            stages = ",".join(str(Stage(s, round(stage.users * grown))) for s, stage in zip(lasting, self.stages, strict=True))
            return f"shelterctl loadtest{host} --stages {stages}{more}"
        return f"shelterctl loadtest{host} --users {count} --spawn-rate {self.spawn_rate:g} --duration {seconds:.0f}s{until}{more}"

    def at(self, host: str) -> LoadPlan:
        """The same load against another host."""
        return replace(self, host=host)

    def marked(self, run: str) -> LoadPlan:
        """The same load, its documents marked with a run."""
        return replace(self, run=run)

    def lasting(self, duration_s: float) -> LoadPlan:
        """The same load, broken off after a time."""
        stages = cut(self.stages, duration_s)
        users = max((stage.users for stage in stages), default=0) if self.stages else self.users
        return replace(self, duration_s=duration_s, stages=stages, users=users)

    @property
    def inside(self) -> bool:
        """Whether its generator ran inside the cluster."""
        return IN_CLUSTER in self.asked

    @property
    def ramp_s(self) -> float:
        """How long it takes until every user has started."""
        return plateau_s(self.stages)[0] if self.stages else self.users / self.spawn_rate

    @property
    def full_until_s(self) -> float:
        """Until when every user is there, since the load's begin."""
        return plateau_s(self.stages)[1] if self.stages else self.duration_s

    @property
    def users_reachable(self) -> int:
        """The most users that are there for as long as a look at them takes: a ramp's last one comes at its very end."""
        if not self.stages:
            return self.users
        return max(users_at(self.stages, float(second)) for second in range(int(length_s(self.stages)) + 1))

    def problems(self) -> tuple[str, ...]:
        """Sentences about values that cannot be meant; empty where all is well."""
        found = []
        url = urlsplit(self.host)
        if url.scheme not in ("http", "https") or not url.netloc:
            found.append(f"--host {self.host}: a URL such as http://192.168.49.2:30300")
        if self.workers and self.processes > 1:
            return (*found, "--workers says how many processes there are: leave --processes out")
        if not 1 <= self.generators <= MAX_PROCESSES:
            return (*found, f"--processes {self.generators}: from 1 to {MAX_PROCESSES}")
        most_per_s, most_users = MAX_RATE * self.generators, MAX_USERS * self.generators
        if self.rate_per_s is not None and not 0 < self.rate_per_s <= most_per_s:
            found.append(f"--rate {self.rate_per_s:g}/s: requests per second, more than 0 and at most {most_per_s:,.0f}")
        if self.users < 1:
            found.append(f"--users {self.users}: at least one user")
        elif self.users > most_users:
            found.append(f"--users {self.users}: one generator process runs at most {MAX_USERS:,} users (--processes)")
        elif self.users < self.generators:
            found.append(f"{self.generators} generator processes are more than the {self.users} users: some would have nothing to do")
        if not 0 < self.spawn_rate <= MAX_SPAWN_RATE:
            found.append(f"--spawn-rate {self.spawn_rate:g}: users per second, more than 0 and at most {MAX_SPAWN_RATE:,.0f}")
        if not MIN_DURATION_S <= self.duration_s <= MAX_DURATION_S:
            what = f"--stages {','.join(map(str, self.stages))}: {self.duration_s:g} s together" if self.stages else ""
            found.append(f"{what or f'--duration {self.duration_s:g}s'}: from {MIN_DURATION_S:g} s to {MAX_DURATION_S / 3600:g} h")
        if self.requests is not None and not 1 <= self.requests <= MAX_REQUESTS:
            found.append(f"--requests {self.requests}: from 1 to {MAX_REQUESTS:,}")
        if not 0 <= self.think_s <= 3600:
            found.append(f"--think {self.think_s:g}s: from 0 s to 1 h")
        if not found and not self.stages and self.ramp_s >= self.duration_s:
            found.append(
                f"--users {self.users} at --spawn-rate {self.spawn_rate:g} take {self.ramp_s:.0f} s to start, and the run ends "
                f"after {self.duration_s:g} s: ask for a longer --duration or a higher --spawn-rate"
            )
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Expectations:
    """What the service must do under the load to pass. Ratios from 0 to 1, times in ms.

    With `require_scale_up`, a run that did not show a scale-up is no pass, whatever the reason. Where a condition of `fail_on` holds the
    run has failed; one of `abort_on` ends it as well. With `scaling_alone` nothing is asked of the latencies: a generator that was slow
    itself leaves no doubt where a scale-up came and enough requests succeeded.
    """

    max_failure_ratio: float = 0.01
    max_p95_ms: float | None = None
    require_scale_up: bool = False
    fail_on: tuple[Threshold, ...] = ()
    abort_on: tuple[Threshold, ...] = ()
    scaling_alone: bool = False

    def problems(self) -> tuple[str, ...]:
        """Sentences about values that cannot be meant; empty where all is well."""
        found = []
        if not 0 <= self.max_failure_ratio < 1:
            found.append(f"--max-failures {100 * self.max_failure_ratio:g}%: from 0% to less than 100%")
        if self.max_p95_ms is not None and not self.max_p95_ms > 0:
            found.append(f"--max-p95 {self.max_p95_ms:g} ms: more than 0 ms")
        found += [problem for condition in (*self.fail_on, *self.abort_on) if (problem := impossible(condition))]
        return tuple(found)


@dataclass(frozen=True, slots=True)
class ProcessSecond:
    """What one of several generator processes was busy with in a sample; as the fields of the same name of `LoadSample`."""

    interval_s: float
    cpu_s: float
    requests: int
    lag_bins: Mapping[int, int]
    lag_max_ms: float


@dataclass(frozen=True, slots=True)
class LoadSample:
    """What the generator counted since its sample before: about a second of load.

    `elapsed_s` since the load began, `wall_s` since the epoch, both at the sample's end. `latency_bins` and `lag_bins` count values
    in ms by bin of `core.load.histogram`. `by_pod` counts answers by the pod that gave them ("" where none said), `first_by_pod` has
    the time (epoch seconds) of the first answer of each pod that is new in this sample, `by_name` counts requests by what was
    asked, `bytes_by_name` what was answered to those of them (`sized_by_name`) that did not fail. `bins_by_name` and `failures_by_name`
    count latencies and failures by those names; `late` are requests that began later than their rate wanted them to. A request that was
    broken off without an answer is in `requests` and `failures` too. `own_kinds` are the failures that the generator's own machine
    caused, `oddities` answers that count as well and may not be meant so. `cpu_s` is the processor time that the generator used, a lag how
    late its event loop woke. `last_answer_s` is when the last answer came, since the load began. `final` marks the last sample of a swarm
    that ended as it should. Where several processes share the load, `parts` has each one's own business by its name, and `told` what
    is not as it was asked for: who is missing, who died and what was counted of it. `noticed` is what changes nothing in the load.
    `tasks` of the users began; `failed_checks` and `task_errors` count those that raised an AssertionError, or another exception, without a
    request that failed before it; `users_ended` are the users who ended by one.
    """

    elapsed_s: float
    wall_s: float
    interval_s: float
    users: int
    requests: int
    failures: int
    latency_bins: Mapping[int, int]
    max_ms: float
    cpu_s: float
    lag_bins: Mapping[int, int]
    lag_max_ms: float
    by_pod: Mapping[str, int] = field(default_factory=dict)
    first_by_pod: Mapping[str, float] = field(default_factory=dict)
    by_name: Mapping[str, int] = field(default_factory=dict)
    bytes_by_name: Mapping[str, int] = field(default_factory=dict)
    sized_by_name: Mapping[str, int] = field(default_factory=dict)
    bins_by_name: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    failures_by_name: Mapping[str, int] = field(default_factory=dict)
    late: int = 0
    failure_kinds: Mapping[str, int] = field(default_factory=dict)
    own_kinds: Mapping[str, int] = field(default_factory=dict)
    oddities: Mapping[str, int] = field(default_factory=dict)
    tasks: int = 0
    users_ended: int = 0
    failed_checks: Mapping[str, int] = field(default_factory=dict)
    task_errors: Mapping[str, int] = field(default_factory=dict)
    last_answer_s: float | None = None
    final: bool = False
    parts: Mapping[str, ProcessSecond] = field(default_factory=dict)
    told: tuple[str, ...] = ()
    noticed: tuple[str, ...] = ()
