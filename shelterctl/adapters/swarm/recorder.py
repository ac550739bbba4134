"""Counts what the users of one Locust process ask and get, and gives it away as one line a second.

Loaded by `locust_bridge`; what it imports of shelterctl imports nothing of it: gevent has patched everything here. It counts by events,
since Locust's CSV lacks the last second and its percentiles are rounded to whole milliseconds or tens.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import gevent
from locust.env import Environment
from locust.exception import StopUser

from shelterctl.adapters.swarm.answers import is_own, kind_of, oddity_of
from shelterctl.adapters.swarm.bins import RELATIVE_ERROR, Named, bin_of
from shelterctl.adapters.swarm.own_process import complain, leave
from shelterctl.adapters.swarm.own_stats import OwnStats
from shelterctl.adapters.swarm.own_tasks import OwnTasks
from shelterctl.adapters.swarm.pace import Schedule

SCHEMA = 1
SAMPLE_S = 1.0
LAG_PROBE_S = 0.05
#: A name, a pod or a kind of failure that is new after so many others is counted as "(other)": nothing here grows without limit.
MOST_KEYS = 200
#: A request that Locust broke off when the swarm stopped.
UNENDED = "no answer until the end of the run"
#: Locust stops a user who pauses at once. One whose pause was just over gets that at its next step, in a request of which nothing has been
#: sent yet. What really hangs has been waited for, as long as the stop timeout.
NEVER_SENT_S = 1.0


class Sink(Protocol):
    """Where the lines go."""

    def write(self, kind: str, body: Mapping[str, object]) -> None:
        """Raises OSError where the line is lost."""

    def close(self) -> None:
        """Waits until what was written is there."""


class FileSink:
    """The file of samples."""

    def __init__(self, path: str) -> None:
        self.file = Path(path).open("a", buffering=1, encoding="utf-8")  # noqa: SIM115 - it stays open for the process's life

    def write(self, kind: str, body: Mapping[str, object]) -> None:
        self.file.write(json.dumps({"kind": kind, **body}, separators=(",", ":")) + "\n")

    def close(self) -> None:
        self.file.close()


class Bound(Protocol):
    """How many requests may begin."""

    def take(self) -> bool:
        """Whether one more may; waits where that is not known yet."""

    @property
    def over(self) -> bool:
        """Whether none may any more."""


class Limit:
    """So many, in this process."""

    def __init__(self, requests: int) -> None:
        self.left = requests

    def take(self) -> bool:
        self.left -= 1
        return self.left >= 0

    @property
    def over(self) -> bool:
        return self.left <= 0


class Recorder:
    """The counts since the last line."""

    def __init__(self) -> None:
        self.sink: Sink | None = None
        self.bound: Bound | None = None
        self.schedule: Schedule | None = None
        #: What is done when the last request that the bound lets begin has ended.
        self.at_bound: Callable[[], object] = lambda: None
        self.began = time.monotonic()
        self.last_line = self.began
        self.cpu_s = time.process_time()
        groups = ("by_pod", "by_name", "failure_kinds", "own_kinds", "oddities")
        self.known: dict[str, set[str]] = {group: set() for group in groups}
        self.own_tasks = OwnTasks()
        #: Locust's own statistics, where they are filled from here.
        self.stats: OwnStats | None = None
        self.environment: Environment | None = None
        self.under_way = 0
        self.done = False
        self.reset()

    def reset(self) -> None:
        self.most_users = 0
        self.named: dict[str, Named] = {}
        #: The same by the two words that Locust tells, which cost less to look up than to join.
        self.asked: dict[tuple[str, str], Named] = {}
        self.lag_bins: dict[int, int] = {}
        self.max_ms = self.lag_max_ms = 0.0
        self.by_pod: dict[str, int] = {}
        self.failure_kinds: dict[str, int] = {}
        self.own_kinds: dict[str, int] = {}
        self.oddities: dict[str, int] = {}
        self.first_by_pod: dict[str, float] = {}
        self.last_answer: float | None = None

    def write(self, kind: str, body: Mapping[str, object]) -> None:
        if self.sink is not None:
            self.sink.write(kind, body)

    def begin(self, environment: Environment) -> None:
        self.environment = environment
        self.began = self.last_line = time.monotonic()
        self.cpu_s = time.process_time()
        self.reset()
        self.write("start", {"schema": SCHEMA, "relative_error": RELATIVE_ERROR, "wall_s": time.time(), "pid": os.getpid()})
        gevent.spawn(self.every_second)
        gevent.spawn(self.measure_lag)

    def on_request(
        self,
        request_type: str,
        name: str,
        response_time: float | None,
        exception: object = None,
        response: object = None,
        response_length: int | None = None,
        **_: object,
    ) -> None:
        self.last_answer = time.monotonic()
        named = self.count_request(request_type, name, response_time)
        if exception is None and response_length:
            named.sized += 1
            named.size_bytes += response_length
        headers = getattr(response, "headers", None)
        pod = (headers.get("x-pod") or "") if headers else ""
        if pod in self.by_pod:
            self.by_pod[pod] += 1
        else:
            if pod and pod not in self.known["by_pod"]:
                self.first_by_pod[pod] = time.time()
            self.count("by_pod", self.by_pod, pod)
        if exception is not None:
            self.own_tasks.request_failed()
            self.count_failure(named, kind_of(response, exception), own=is_own(exception))
        elif oddity := oddity_of(response):
            self.count("oddities", self.oddities, oddity)

    def let_begin(self) -> None:
        """Counts a request that begins. Raises StopUser where as many as were asked for have begun."""
        self.look_at_users()
        if self.bound is not None and not self.bound.take():
            self.look_for_end()
            raise StopUser
        self.under_way += 1

    def look_at_users(self) -> None:
        runner = self.environment.runner if self.environment else None
        self.most_users = max(self.most_users, runner.user_count if runner else 0)

    def ended(self) -> None:
        """The last one of those that were asked for ends the load."""
        self.under_way -= 1
        self.look_for_end()

    def look_for_end(self) -> None:
        if self.bound is not None and self.bound.over and not self.under_way:
            # Not from within the user that has just been answered: it must count its answer first.
            gevent.spawn_later(0.05, self.at_bound)

    def on_unended(self, request_type: str, name: str, waited_s: float, broken: BaseException) -> None:
        """A request that began and that somebody broke off: Locust at the end of the run, or the user's own time limit."""
        stopped = isinstance(broken, gevent.GreenletExit)
        if self.environment is None or self.done or (stopped and waited_s < NEVER_SENT_S):
            return
        named = self.count_request(request_type, name, waited_s * 1000)
        self.count("by_pod", self.by_pod, "")
        self.count_failure(named, UNENDED if stopped else type(broken).__name__)

    def count_request(self, request_type: str, name: str, response_time_ms: float | None) -> Named:
        """Counts it, from when it was due where a rate wanted it earlier."""
        named = self.asked.get((request_type, name)) or self.first_of(request_type, name)
        named.requests += 1
        if response_time_ms is not None:
            if self.schedule is not None:
                response_time_ms += 1000 * self.schedule.taken_late_s()
            index, bins = bin_of(response_time_ms), named.bins
            bins[index] = bins.get(index, 0) + 1
            if response_time_ms > self.max_ms:
                self.max_ms = response_time_ms
        return named

    def first_of(self, request_type: str, name: str) -> Named:
        """The first of its name since the last line."""
        key = self.key_of("by_name", f"{request_type} {name}")
        named = self.asked[request_type, name] = self.named.setdefault(key, Named(key))
        return named

    def count_failure(self, named: Named, kind: str, *, own: bool = False) -> None:
        named.failures += 1
        self.count("failure_kinds", self.failure_kinds, kind)
        if own:
            self.count("own_kinds", self.own_kinds, kind)

    def count(self, group: str, counts: dict[str, int], key: str) -> None:
        if key not in counts:
            key = self.key_of(group, key)
        counts[key] = counts.get(key, 0) + 1

    def key_of(self, group: str, key: str) -> str:
        """The key that it is counted under."""
        known = self.known[group]
        if key not in known:
            if len(known) >= MOST_KEYS:
                key = "(other)"
            known.add(key)
        return key

    def flush(self, *, final: bool = False) -> None:
        now, cpu_s = time.monotonic(), time.process_time()
        self.look_at_users()
        all_named = self.named.values()
        latency_bins: Counter[int] = Counter()
        for named in all_named:
            latency_bins.update(named.bins)
        body = {
            "elapsed_s": round(now - self.began, 4),
            "wall_s": round(time.time(), 4),
            "interval_s": round(now - self.last_line, 4),
            "users": self.most_users,
            "requests": sum(named.requests for named in all_named),
            "failures": sum(named.failures for named in all_named),
            "latency_bins": latency_bins,
            "max_ms": round(self.max_ms, 4),
            "cpu_s": round(cpu_s - self.cpu_s, 4),
            "lag_bins": self.lag_bins,
            "lag_max_ms": round(self.lag_max_ms, 4),
            "by_pod": self.by_pod,
            "first_by_pod": self.first_by_pod,
            "by_name": {named.name: named.requests for named in all_named},
            "bytes_by_name": {named.name: named.size_bytes for named in all_named if named.sized},
            "sized_by_name": {named.name: named.sized for named in all_named if named.sized},
            "bins_by_name": {named.name: named.bins for named in all_named if named.bins},
            "failures_by_name": {named.name: named.failures for named in all_named if named.failures},
            "late": 0 if self.schedule is None else self.schedule.taken_late(),
            "failure_kinds": self.failure_kinds,
            "own_kinds": self.own_kinds,
            "oddities": self.oddities,
            **self.own_tasks.taken(),
            "last_answer_s": None if self.last_answer is None else round(self.last_answer - self.began, 4),
            "final": final,
        }
        if self.stats is not None:
            self.stats.feed(all_named)
        self.last_line, self.cpu_s = now, cpu_s
        self.reset()
        self.write("sample", body)

    def on_test_stop(self, **_: object) -> None:
        """Every user has ended: Locust prints its statistics before the last line is written."""
        if self.stats is not None:
            self.stats.feed(self.named.values())
            self.stats = None

    def every_second(self) -> None:
        due = self.began
        while not self.done:
            due += SAMPLE_S
            gevent.sleep(max(0.0, due - time.monotonic()))
            if self.done:
                return
            try:
                self.flush()
            except OSError as error:
                # Without its counts the run proves nothing: end it, loudly.
                complain(f"the load samples cannot be written: {error}")
                self.done = True
                leave(74)

    def measure_lag(self) -> None:
        """How late a greenlet wakes: what every response time is inflated by, because one loop reads all of them."""
        while not self.done:
            before = time.monotonic()
            gevent.sleep(LAG_PROBE_S)
            late_ms = max(0.0, (time.monotonic() - before - LAG_PROBE_S) * 1000)
            index = bin_of(late_ms)
            self.lag_bins[index] = self.lag_bins.get(index, 0) + 1
            self.lag_max_ms = max(self.lag_max_ms, late_ms)
            self.look_at_users()

    def finish(self) -> None:
        """Writes what is left, once: after the last user has gone, so that no request is missing."""
        if self.environment is not None and not self.done:
            self.done = True
            self.flush(final=True)
            if self.sink is not None:
                self.sink.close()
