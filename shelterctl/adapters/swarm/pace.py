"""How many users there are over time, and when their requests begin, in Locust's own process.

Loaded by `locust_bridge` where a load has stages or a rate. It imports nothing of shelterctl, since gevent has patched everything here.
"""

from __future__ import annotations

import json
import os
import time
from weakref import WeakKeyDictionary

import gevent
from gevent.event import Event
from locust import LoadTestShape
from locust.exception import StopUser

#: A request that begins this much later than it was due is late: an idle loop wakes within a few milliseconds.
LATE_S = 0.01
#: Users come and go at once where the stages say so, a second's worth at a time.
_MOST_A_SECOND = 1000.0


class Stages(LoadTestShape):
    """The users of SHELTERCTL_LOAD_STAGES, [[seconds, users], …]: evenly from one stage's number to the next one's."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.stages = [(float(seconds), int(users)) for seconds, users in json.loads(os.environ["SHELTERCTL_LOAD_STAGES"])]

    def tick(self) -> tuple[int, float]:
        """Locust asks each second. The end is the bridge's: until then the last number stays."""
        at_s, before = self.get_run_time(), 0  # type: ignore[no-untyped-call]
        for seconds, users in self.stages:
            if at_s < seconds:
                return round(before + (users - before) * at_s / seconds), _MOST_A_SECOND
            at_s, before = at_s - seconds, users
        return before, _MOST_A_SECOND


class Schedule:
    """Requests that begin at a rate: each takes the next moment that is due. One that finds it past is late by that much.

    A service that answers slowly keeps the users waiting, so that later requests begin late: what they are late by counts into their
    response time, or the slow moments would hide themselves (Tene, "How NOT to Measure Latency": coordinated omission).
    """

    def __init__(self, rate_per_s: float) -> None:
        self.gap_s = 1 / rate_per_s
        self.due_s: float | None = None
        self.offset_s = 0.0
        self.ended = Event()
        self.late = 0
        self._late_s: WeakKeyDictionary[gevent.Greenlet, float] = WeakKeyDictionary()

    def share(self, index: int, workers: int) -> None:
        """Takes every so manieth moment only: `workers` processes keep the rate together, one after the other."""
        self.offset_s = index * self.gap_s
        self.gap_s *= workers

    def wait(self) -> None:
        """Until the next request is due. Raises StopUser where the load has ended before that: whoever waited then has sent nothing."""
        now_s = time.monotonic()
        due_s = now_s + self.offset_s if self.due_s is None else self.due_s
        self.due_s = due_s + self.gap_s
        if due_s > now_s:
            self.ended.wait(due_s - now_s)
        if self.ended.is_set():
            raise StopUser
        late_s = max(0.0, time.monotonic() - due_s)
        self.late += late_s > LATE_S
        self._late_s[gevent.getcurrent()] = late_s

    def end(self, **_: object) -> None:
        """The users are told to stop: those who wait would send on for as long as they may finish what they do."""
        self.ended.set()

    def taken_late_s(self) -> float:
        """How late this user's last request began; asked once."""
        return self._late_s.pop(gevent.getcurrent(), 0.0)

    def taken_late(self) -> int:
        """How many began late since the last call."""
        late, self.late = self.late, 0
        return late
