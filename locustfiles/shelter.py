"""Users of the shelter application: two thirds of their requests read /data, one third writes to it.

Runs under `shelterctl loadtest`, and by itself: `locust -f locustfiles/shelter.py --host http://192.168.49.2:30300`.

How the users pause and change their connections, and what they find in the environment: lean_user.py.
"""

import json
import random

from lean_user import RUN, WRITE_SHARE, LeanUser
from locust import task

PAGE = 50
#: How many of the ids written are remembered for reading; the newest replace the oldest.
REMEMBERED = 10_000
#: With it a document is about 200 bytes of JSON.
FILLER = "x" * 120


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


class ShelterUser(LeanUser):
    """One user. Writes 6 of 18 requests, reads 8 documents and 3 pages, and looks at the front page once."""

    def __init__(self, environment) -> None:
        super().__init__(environment)
        self.sent = 0

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
