"""The image while its database dies, hangs and comes back."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from shelter_app.settings import REQUEST_THREADS

from tests.app.conftest import RunApp, answers_ping, status
from tests.app.containers import Container, wait_until

pytestmark = pytest.mark.local


@dataclass(frozen=True, slots=True)
class Answer:
    """``applied`` is what a 503 says, None without one."""

    status: int
    applied: object


def post(url: str, key: str) -> Answer:
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    request = urllib.request.Request(f"{url}/data", json.dumps({"id": key}).encode(), headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return Answer(response.status, None)
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, json.load(error).get("applied"))


def stored(url: str) -> set[str]:
    """Every id, page by page."""
    found: set[str] = set()
    after = ""
    while True:
        with urllib.request.urlopen(f"{url}/data?limit=1000&after={after}", timeout=30) as response:
            page = json.load(response)
        found |= {item["id"] for item in page["items"]}
        if page["next"] is None:
            return found
        after = page["next"]


ACKNOWLEDGED = Answer(201, None)
NOT_APPLIED = Answer(503, False)
UNKNOWN = Answer(503, "unknown")


def test_every_write_through_a_kill_is_accounted_for(run_app: RunApp, mortal_mongo: Container) -> None:
    """Acknowledged is there, "applied": false is not, whatever the moment."""
    url = run_app(database=mortal_mongo).url()
    answers: dict[str, Answer] = {}
    stop = threading.Event()

    def write(writer: int) -> None:
        number = 0
        while not stop.is_set():
            key = f"w{writer}:{number}"
            answers[key] = post(url, key)
            number += 1

    def seen(kind: Answer) -> list[str]:
        return [key for key, answer in list(answers.items()) if answer == kind]

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    try:
        wait_until(lambda: len(seen(ACKNOWLEDGED)) > 20 or None, "writes before the kill")
        mortal_mongo.kill()
        wait_until(lambda: len(seen(NOT_APPLIED)) > 20 or None, "writes that are certainly not applied")
        before = len(seen(ACKNOWLEDGED))
        mortal_mongo.start()
        wait_until(lambda: len(seen(ACKNOWLEDGED)) > before + 20 or None, "writes after the restart")
    finally:
        stop.set()
        for writer in writers:
            writer.join(60)
    assert set(answers.values()) <= {ACKNOWLEDGED, NOT_APPLIED, UNKNOWN}
    found = stored(url)
    assert set(seen(ACKNOWLEDGED)) - found == set()
    assert set(seen(NOT_APPLIED)) & found == set()
    assert found <= set(answers)


def in_flight(url: str) -> int:
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as response:
        lines = response.read().decode().splitlines()
    return next(int(float(line.split()[1])) for line in lines if line.startswith("shelter_http_requests_in_flight "))


def test_while_every_thread_waits_for_a_database_that_hangs_liveness_answers(run_app: RunApp, mortal_mongo: Container) -> None:
    container = run_app(database=mortal_mongo)
    url = container.url()
    assert post(url, "before") == ACKNOWLEDGED
    with ThreadPoolExecutor(REQUEST_THREADS + 1) as pool:
        mortal_mongo.pause()
        try:
            waiting = [pool.submit(post, url, f"hung:{number}") for number in range(REQUEST_THREADS - 1)]
            wait_until(lambda: in_flight(url) == len(waiting) or None, "seven waiting threads")
            # The metrics came from the eighth thread; its turn, and then there is none for another request.
            last = pool.submit(post, url, "hung:last")
            behind = pool.submit(status, container, 8000, "/version", 30)
            live = [status(container, 8001, "/health/live") for _ in range(5)]
            busy = not last.done() and not behind.done()
            assert [future.result() for future in (*waiting, last)] == [UNKNOWN] * REQUEST_THREADS
            assert (busy, live, behind.result()) == (True, [200] * 5, 200)
            # From then on nobody waits, and it is certain.
            keys = iter(f"certain:{number}" for number in range(1000))
            wait_until(lambda: post(url, next(keys)) == NOT_APPLIED or None, "the hang to be noticed")
            assert [post(url, next(keys)) for _ in range(20)] == [NOT_APPLIED] * 20
            assert status(container, 8000, "/health/ready") == 503
        finally:
            mortal_mongo.unpause()
    wait_until(lambda: answers_ping(mortal_mongo), "MongoDB")
    wait_until(lambda: status(container, 8000, "/health/ready") == 200 or None, "readiness")
    assert post(url, "after") == ACKNOWLEDGED
    found = stored(url)
    assert {"before", "after"} <= found
    assert not any(key.startswith("certain:") for key in found)
