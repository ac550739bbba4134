"""Users of the shelter application: two thirds of their requests read /data, one third writes to it.

Runs under `shelterctl loadtest`, and by itself: `locust -f locustfiles/shelter.py --host http://192.168.49.2:30300`.

Environment: SHELTER_THINK_S (mean think time in seconds, 1 by default, 0 for none), SHELTER_RUN (marks the documents written),
SHELTER_SEED (makes the users' choices repeatable).

The generator must not fire in step, or the p99 is its own:
- each user begins after a random part of one think time;
- think times are drawn from a negative exponential distribution cut off at ten times its mean, as in TPC-W (specification 1.8,
  clause 5.3.1.1). Many users who pause so, independently of each other, arrive as a Poisson process; the cut lowers the mean by 0.05%.

A kept-alive connection stays with the pod that accepted it, so users change theirs every 10 to 30 s: pods that an autoscaler adds get
their share of the requests soon.
"""

import json
import os
import random
import time

import gevent
from locust import FastHttpUser, task

THINK_S = float(os.environ.get("SHELTER_THINK_S", "1"))
THINK_LIMIT = 10
RUN = os.environ.get("SHELTER_RUN", "locust")
SEED = os.environ.get("SHELTER_SEED", "")
CONNECTION_S = (10.0, 30.0)
#: Servers close connections that are idle (gunicorn after 2 s, where it is not told otherwise). A request that is sent at that very moment
#: fails by nobody's fault, so that after a longer pause a user comes on a new connection.
IDLE_S = 1.9
PAGE = 50
#: How many of the ids written are remembered for reading; the newest replace the oldest.
REMEMBERED = 10_000
#: With it a document is about 200 bytes of JSON.
FILLER = "x" * 120

if SEED:
    random.seed(SEED)  # Locust draws the tasks from the module's own generator.


class WrittenIds:
    """The ids of the documents that the swarm wrote last: a ring, since picking from the middle of a deque is slow."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.ids: list[str] = []
        self.oldest = 0

    def add(self, document_id: str) -> None:
        if len(self.ids) < self.size:
            self.ids.append(document_id)
        else:
            self.ids[self.oldest] = document_id
            self.oldest = (self.oldest + 1) % self.size

    def pick(self, chance: random.Random) -> str | None:
        return chance.choice(self.ids) if self.ids else None


WRITTEN = WrittenIds(REMEMBERED)


class ShelterUser(FastHttpUser):
    """One user. Writes 6 of 18 requests, reads 8 documents and 3 pages, and looks at the front page once."""

    # A request that hangs must end as a failure while the swarm still waits for it (`shelterctl loadtest` waits 12 s at the end).
    connection_timeout = 5.0
    network_timeout = 10.0
    _count = 0

    def __init__(self, environment) -> None:
        super().__init__(environment)
        ShelterUser._count += 1
        self.number = ShelterUser._count
        self.chance = random.Random(f"{SEED}/{self.number}" if SEED else None)
        self.sent = 0
        self.reconnect_at = 0.0

    def on_start(self) -> None:
        gevent.sleep(self.chance.uniform(0, THINK_S))
        self.reconnect_at = time.monotonic() + self.chance.uniform(0, CONNECTION_S[1])

    def wait_time(self) -> float:
        now = time.monotonic()
        pause_s = min(self.chance.expovariate(1 / THINK_S), THINK_LIMIT * THINK_S) if THINK_S > 0 else 0.0
        due = now >= self.reconnect_at
        if due or pause_s > IDLE_S:
            self.client.client.close()  # the next request opens a new connection
        if due:
            self.reconnect_at = now + self.chance.uniform(*CONNECTION_S)
        return pause_s

    @task(6)
    def write(self) -> None:
        self.sent += 1
        document = {"run": RUN, "user": self.number, "sequence": self.sent, "value": self.chance.random(), "filler": FILLER}
        with self.client.post("/data", json=document, name="/data", catch_response=True) as answer:
            if answer.status_code != 201:
                if 0 < answer.status_code < 400:  # 0: no answer, which Locust counts as a failure itself
                    answer.failure(f"a write was answered with {answer.status_code}")
                return
            try:
                WRITTEN.add(str(json.loads(answer.content)["id"]))
            except (ValueError, KeyError, TypeError):
                answer.failure("a write was answered without an id")

    @task(8)
    def read(self) -> None:
        document_id = WRITTEN.pick(self.chance)
        if document_id is None:
            self.page()
        else:
            self.client.get(f"/data/{document_id}", name="/data/[id]")

    @task(3)
    def page(self) -> None:
        after = WRITTEN.pick(self.chance)
        self.client.get(f"/data?limit={PAGE}&after={after}" if after else f"/data?limit={PAGE}", name=f"/data?limit={PAGE}")

    @task(1)
    def greet(self) -> None:
        self.client.get("/", headers={"Accept": "application/json"}, name="/")
