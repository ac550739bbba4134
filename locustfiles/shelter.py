"""Users of the shelter application: two thirds of their requests read /data, one third writes to it.

Runs under `shelterctl loadtest`, and by itself: `locust -f locustfiles/shelter.py --host http://192.168.49.2:30300`.

Environment: SHELTER_THINK_S (mean think time in seconds, 1 by default, 0 for none), SHELTER_RUN (marks the documents written),
SHELTER_SEED (makes the users' choices repeatable), SHELTER_WRITE_SHARE (the share of the requests that write, from 0 to 1).

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
WRITE_SHARE = os.environ.get("SHELTER_WRITE_SHARE", "")
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


class Written:
    """The documents that the swarm wrote last, as id and value: a ring, since picking from the middle of a deque is slow."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.documents: list[tuple[str, float]] = []
        self.oldest = 0

    def add(self, document_id: str, value: float) -> None:
        if len(self.documents) < self.size:
            self.documents.append((document_id, value))
        else:
            self.documents[self.oldest] = (document_id, value)
            self.oldest = (self.oldest + 1) % self.size

    def pick(self, chance: random.Random) -> tuple[str, float] | None:
        return chance.choice(self.documents) if self.documents else None


WRITTEN = Written(REMEMBERED)


def parsed(answer) -> dict | None:
    """The answer's JSON object; None where it holds none."""
    try:
        document = json.loads(answer.content)
    except (ValueError, TypeError):
        return None
    return document if isinstance(document, dict) else None


def wrong_document(document: dict | None, document_id: str, value: float) -> str:
    """Why this is not the document that was written under the id; empty where it is. A status of 200 alone says nothing."""
    if document is None:
        return "a document was read without JSON"
    if "id" not in document:
        return "a document was read without an id"
    if document["id"] != document_id:
        return "another document was read than was asked for"
    data = document.get("data")
    return "" if isinstance(data, dict) and data.get("value") == value else "a document was read with another content than was written"


def wrong_page(page: dict | None, after: str) -> str:
    """Why this is no page of documents after an id, in the order of their ids; empty where it is one."""
    if page is None:
        return "a page was answered without JSON"
    items = page.get("items")
    if not isinstance(items, list):
        return "a page without items"
    if len(items) > PAGE:
        return f"a page of more than {PAGE} documents"
    for item in items:
        if not isinstance(item, dict) or not isinstance(item.get("id"), str) or not isinstance(item.get("data"), dict):
            return "a page with something else than documents"
        if item["id"] <= after:
            return "a page out of order"
        after = item["id"]
    if page.get("next") and (not items or page["next"] != items[-1]["id"]):
        return "a page that leads elsewhere than behind its last document"
    return ""


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
            stored = parsed(answer)
            if stored is None or not isinstance(stored.get("id"), str):
                answer.failure("a write was answered without an id")
            else:
                WRITTEN.add(stored["id"], document["value"])

    @task(8)
    def read(self) -> None:
        written = WRITTEN.pick(self.chance)
        if written is None:
            self.page()
            return
        with self.client.get(f"/data/{written[0]}", name="/data/[id]", catch_response=True) as answer:
            if 0 < answer.status_code < 400 and (problem := wrong_document(parsed(answer), *written)):
                answer.failure(problem)

    @task(3)
    def page(self) -> None:
        written = WRITTEN.pick(self.chance)
        after = written[0] if written else ""
        path = f"/data?limit={PAGE}&after={after}" if after else f"/data?limit={PAGE}"
        with self.client.get(path, name=f"/data?limit={PAGE}", catch_response=True) as answer:
            if 0 < answer.status_code < 400 and (problem := wrong_page(parsed(answer), after)):
                answer.failure(problem)

    @task(1)
    def greet(self) -> None:
        with self.client.get("/", headers={"Accept": "application/json"}, name="/", catch_response=True) as answer:
            if 0 < answer.status_code < 400:
                page = parsed(answer)
                if page is None:
                    answer.failure("the front page was answered without JSON")
                elif "message" not in page:
                    answer.failure("the front page is no JSON object of the application's")


if WRITE_SHARE:
    # The reads keep their proportions among each other.
    reads = {ShelterUser.read: 8, ShelterUser.page: 3, ShelterUser.greet: 1}
    ShelterUser.tasks = [ShelterUser.write] * round(1200 * float(WRITE_SHARE))
    for read, weight in reads.items():
        ShelterUser.tasks += [read] * round(100 * weight * (1 - float(WRITE_SHARE)))
