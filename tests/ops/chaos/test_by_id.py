"""Writes asked for one by one: side by side, no faster than is decent, and no longer than that."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

import pytest

from shelterctl.adapters.clock import SystemClock
from shelterctl.core.stack.answer_id import OneRule
from shelterctl.core.stack.exchange import token
from shelterctl.ops.chaos import by_id
from shelterctl.ops.chaos.by_id import AskedById, ById
from shelterctl.ports.http import HttpAnswer
from tests.fakes import HttpInMemory

pytestmark = pytest.mark.unit

MARKS = [token("abcdefghijk", number) for number in range(60)]


class Service:
    """Shows everything; counts how many ask at once."""

    def __init__(self, wait_s: float = 0.0) -> None:
        self.wait_s = wait_s
        self.at_once = self.most = self.asked = 0
        self.lock = threading.Lock()

    def __call__(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        with self.lock:
            self.asked += 1
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        time.sleep(self.wait_s)
        with self.lock:
            self.at_once -= 1
        return HttpAnswer(200, {}, MARKS[int(target.rpartition("/")[2])].encode(), 0.001)


def ask(service: Service) -> AskedById:
    asker = ById(OneRule("/books/{id}"), {mark: str(number) for number, mark in enumerate(MARKS)})
    work = asker.ask(lambda: HttpInMemory({"app.test": service}), SystemClock(), "http://app.test", MARKS)
    while True:
        try:
            next(work)
        except StopIteration as stop:
            found: AskedById = stop.value
            return found


def test_several_ask_side_by_side_each_once() -> None:
    service = Service(0.01)
    found = ask(service)
    assert (len(found.there), found.absent, found.unanswered, found.left, service.asked) == (60, {}, {}, 0, 60)
    assert 1 < service.most <= by_id.ASKERS


def test_no_more_questions_a_second_than_are_decent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_id, "QUESTIONS_PER_S", 60.0)
    began_s = time.monotonic()
    ask(Service())
    assert time.monotonic() - began_s > 0.8


def test_what_does_not_come_to_its_turn_in_time_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_id, "ASKING_TIMEOUT_S", 0.2)
    found = ask(Service(0.05))
    assert 0 < found.asked < 60
    assert found.asked + found.left == 60


def test_who_goes_away_meanwhile_leaves_nobody_asking() -> None:
    service = Service(0.02)
    asker = ById(OneRule("/books/{id}"), {mark: str(number) for number, mark in enumerate(MARKS)})
    work = asker.ask(lambda: HttpInMemory({"app.test": service}), SystemClock(), "http://app.test", MARKS)
    next(work)
    work.close()
    asked = service.asked
    time.sleep(0.1)
    assert service.asked == asked < 60
