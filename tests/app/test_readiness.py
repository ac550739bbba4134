"""The cached ping, and the log of outages."""

from __future__ import annotations

import logging
import threading

import pytest
from shelter_app.outages import OutageLog
from shelter_app.readiness import CachedPing, Readiness

pytestmark = pytest.mark.unit


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_a_ping_is_asked_once_a_second() -> None:
    clock = Clock()
    answers = iter([None, "no database server could be selected"])
    ping = CachedPing(lambda: next(answers), clock)
    assert ping.check() == Readiness(None, 0.0)
    clock.now_s += 0.75
    assert ping.check() == Readiness(None, 0.75)
    clock.now_s += 0.5
    assert ping.check() == Readiness("no database server could be selected", 0.0)
    assert ping.check().ready is False


@pytest.mark.parametrize(("fails", "said", "asked"), [(3, None, 4), (100, "no route", 11)])
def test_the_first_no_is_said_after_a_second_and_not_at_once(fails: int, said: str | None, asked: int) -> None:
    clock = Clock()
    calls: list[float] = []

    def answer() -> str | None:
        calls.append(clock.now_s)
        return "no route" if len(calls) <= fails else None

    def sleep(seconds: float) -> None:
        clock.now_s = round(clock.now_s + seconds, 3)

    ping = CachedPing(answer, clock, sleep)
    assert ping.check().reason == said
    assert len(calls) == asked
    assert calls[-1] <= 101.0
    # What is known later is told at once.
    clock.now_s += 5
    assert ping.check().reason == said
    assert len(calls) == asked + 1


def test_while_one_pings_the_others_get_what_was_known() -> None:
    clock = Clock()
    pinging, release = threading.Event(), threading.Event()
    calls: list[int] = []

    def slow() -> str | None:
        calls.append(1)
        if len(calls) == 1:
            return None
        pinging.set()
        release.wait(10)
        return "gone"

    ping = CachedPing(slow, clock)
    ping.check()
    clock.now_s += 5
    refreshing = threading.Thread(target=ping.check)
    refreshing.start()
    assert pinging.wait(10)
    assert ping.check() == Readiness(None, 5.0)
    release.set()
    refreshing.join(10)
    assert ping.check() == Readiness("gone", 0.0)
    assert len(calls) == 2


def test_the_first_who_ask_together_share_one_ping() -> None:
    calls: list[int] = []
    ping = CachedPing(lambda: calls.append(1), Clock())
    barrier = threading.Barrier(8)

    def ask() -> None:
        barrier.wait(10)
        assert ping.check() == Readiness(None, 0.0)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(calls) == 1


def test_an_outage_is_two_lines(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    log = OutageLog(logging.getLogger("outages"), clock)
    log.succeeded()
    for _ in range(3):
        log.failed(TimeoutError("refused"))
        clock.now_s += 1
    log.succeeded()
    log.succeeded()
    assert [record.getMessage() for record in caplog.records] == [
        "database: TimeoutError: refused",
        "database: back after 3.0 s and 3 failed operations",
    ]
