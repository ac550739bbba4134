"""What the users of every Locust file here have in common: their client, their pauses, their connections, their chance.

Environment: SHELTER_THINK_S (mean think time in seconds, 1 by default, 0 for none), SHELTER_RUN (marks what is sent), SHELTER_SEED (makes
the users' choices repeatable), SHELTER_WRITE_SHARE (the share of the requests that write, from 0 to 1).

The generator must not fire in step, or the p99 is its own:
- each user begins after a random part of one think time;
- think times are drawn from a negative exponential distribution cut off at ten times its mean, as in TPC-W (specification 1.8,
  clause 5.3.1.1). Many users who pause so, independently of each other, arrive as a Poisson process; the cut lowers the mean by 0.05%.

A kept-alive connection stays with the pod that accepted it, so users change theirs every 10 to 30 s: pods that an autoscaler adds get
their share of the requests soon.
"""

from __future__ import annotations

import os
import random
import time

import gevent
from lean_client import LeanSession
from locust import User
from locust.exception import StopTest
from locust.user.task import LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING

THINK_S = float(os.environ.get("SHELTER_THINK_S", "1"))
THINK_LIMIT = 10
RUN = os.environ.get("SHELTER_RUN", "locust")
SEED = os.environ.get("SHELTER_SEED", "")
WRITE_SHARE = os.environ.get("SHELTER_WRITE_SHARE", "")
CONNECTION_S = (10.0, 30.0)
#: Servers close connections that are idle (gunicorn after 2 s, where it is not told otherwise). A request that is sent at that very moment
#: fails by nobody's fault, so that after a longer pause a user comes on a new connection.
IDLE_S = 1.9

if SEED:
    random.seed(SEED)  # Locust draws the tasks from the module's own generator.


class LeanUser(User):
    """One user with a LeanSession as `client`. `number` counts the users, `chance` is this one's own."""

    abstract = True
    #: shelterctl counts what this class's requests do.
    session_class = LeanSession
    # A request that hangs must end as a failure while the swarm still waits for it (`shelterctl loadtest` waits 12 s at the end).
    connection_timeout = 5.0
    network_timeout = 10.0
    #: Whether certificates are taken unseen.
    insecure = False
    #: How many bytes of an answer are kept; None for all, of a size that has a bound.
    keep_bytes: int | None = None
    _count = 0

    def __init__(self, environment) -> None:
        super().__init__(environment)
        if self.host is None:
            raise StopTest("no host: say --host http://…")
        LeanUser._count += 1
        self.number = LeanUser._count
        self.chance = random.Random(f"{SEED}/{self.number}" if SEED else None)
        self.reconnect_at = 0.0
        bound = {} if self.keep_bytes is None else {"keep_bytes": self.keep_bytes}
        self.client = self.session_class(
            self.host,
            environment.events.request,
            self,
            connection_timeout=self.connection_timeout,
            network_timeout=self.network_timeout,
            insecure=self.insecure,
            **bound,
        )

    def on_start(self) -> None:
        gevent.sleep(self.chance.uniform(0, THINK_S))
        self.reconnect_at = time.monotonic() + self.chance.uniform(0, CONNECTION_S[1])

    def on_stop(self) -> None:
        self.client.close()

    def stop(self, force: bool = False) -> bool:
        """Locust kills a user who pauses, a moment later. One whose pause ends in that moment must not send a request to be killed in."""
        if force or self._state != LOCUST_STATE_WAITING:
            return super().stop(force)
        self._state = LOCUST_STATE_STOPPING
        return super().stop(force=True)

    def wait_time(self) -> float:
        now = time.monotonic()
        pause_s = min(self.chance.expovariate(1 / THINK_S), THINK_LIMIT * THINK_S) if THINK_S > 0 else 0.0
        due = now >= self.reconnect_at
        if due or pause_s > IDLE_S:
            self.client.close()  # the next request opens a new connection
        if due:
            self.reconnect_at = now + self.chance.uniform(*CONNECTION_S)
        return pause_s
