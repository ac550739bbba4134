"""Writes asked for through the service one by one, each by the id that the application gave it when it took it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice

from shelterctl.core.stack.answer_id import NoId, OneRule
from shelterctl.core.stack.exchange import tokens_in
from shelterctl.ports.clock import Clock
from shelterctl.ports.http import Http, SendOutcome

#: How many ask side by side, and how many questions a second they put together: a reading is no load.
ASKERS = 4
QUESTIONS_PER_S = 200.0
#: After that long no further question is put (seconds).
ASKING_TIMEOUT_S = 120.0
#: An answer that shows one write.
ONE_BYTES = 4 * 2**20
_TIMEOUT_S = 10.0
_TRIES = 3
#: So many of those that were not shown are asked for once more at the end: a service that lags has had its time then.
_AGAIN = 200


class Shown(Enum):
    """What the service answered to the question for one write."""

    THERE = "there"
    ABSENT = "absent"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class AskedById:
    """What came of it, by token. `absent` and `unanswered` have what was answered instead.

    `left` counts those whose turn did not come in time, `without_id` the acknowledged ones whose answer had no id.
    """

    there: frozenset[str]
    absent: dict[str, str]
    unanswered: dict[str, str]
    left: int
    without_id: int

    @property
    def asked(self) -> int:
        return len(self.there) + len(self.absent) + len(self.unanswered)


@dataclass
class ById:
    """Keeps the ids as they come, and asks for them. Writers share it: each puts its own tokens in."""

    rule: OneRule
    ids: dict[str, str] = field(default_factory=dict)

    def note(self, mark: str, body: bytes) -> None:
        """Keeps the id of an acknowledged write; one without is counted by its absence."""
        try:
            self.ids[mark] = self.rule.id_in(body)
        except NoId:
            return

    def one(self, http: Http, clock: Clock, url: str, mark: str) -> tuple[Shown, str]:
        """Asks for one write, and again where there is no answer: reading changes nothing."""
        said = ""
        for attempt in range(_TRIES):
            if attempt:
                clock.sleep(1.0)
            try:
                answer = http.request("GET", f"{url}{self.rule.address(self.ids[mark])}", timeout_s=_TIMEOUT_S, most_bytes=ONE_BYTES)
            except SendOutcome as error:
                said = error.reason
                continue
            if answer.status in (404, 410):
                return Shown.ABSENT, f"answers {answer.status}"
            if answer.status == 200:
                shown = mark in tokens_in(answer.body)
                return (Shown.THERE, "") if shown else (Shown.ABSENT, "answers 200 with something else")
            said = f"answers {answer.status}"
        return Shown.UNANSWERED, said

    def ask(self, make_http: Callable[[], Http], clock: Clock, url: str, marks: Sequence[str]) -> Generator[str, None, AskedById]:
        """Asks for all of them, in their order, as far as the time goes."""
        known = [mark for mark in marks if mark in self.ids]
        found: dict[str, tuple[Shown, str]] = {}
        until_s = clock.monotonic_s() + ASKING_TIMEOUT_S
        turns = iter(known)
        lock, stopped = threading.Lock(), threading.Event()

        def work() -> None:
            http = make_http()
            try:
                while clock.monotonic_s() < until_s and not stopped.is_set():
                    began_s = clock.monotonic_s()
                    with lock:
                        mark = next(turns, None)
                    if mark is None:
                        return
                    found[mark] = self.one(http, clock, url, mark)
                    clock.sleep(max(0.0, ASKERS / QUESTIONS_PER_S - (clock.monotonic_s() - began_s)))
            finally:
                http.close()

        with ThreadPoolExecutor(ASKERS) as pool:
            running = [pool.submit(work) for _ in range(min(ASKERS, len(known)))]
            try:
                while any(not each.done() for each in running):
                    yield f"through the service by id: {len(found)} of {len(known)}"
                    clock.sleep(0.2)
            finally:
                stopped.set()
            for each in running:
                each.result()
        self._again(make_http, clock, url, found)
        return _told(found, left=len(known) - len(found), without_id=len(marks) - len(known))

    def _again(self, make_http: Callable[[], Http], clock: Clock, url: str, found: dict[str, tuple[Shown, str]]) -> None:
        absent = list(islice(_of(found, Shown.ABSENT), _AGAIN))
        if not absent:
            return
        clock.sleep(1.0)
        http = make_http()
        try:
            for mark in absent:
                found[mark] = self.one(http, clock, url, mark)
        finally:
            http.close()


def _of(found: dict[str, tuple[Shown, str]], kind: Shown) -> Iterable[str]:
    return (mark for mark, (shown, _) in found.items() if shown is kind)


def _told(found: dict[str, tuple[Shown, str]], *, left: int, without_id: int) -> AskedById:
    by_kind = {kind: {mark: found[mark][1] for mark in _of(found, kind)} for kind in Shown}
    return AskedById(frozenset(by_kind[Shown.THERE]), by_kind[Shown.ABSENT], by_kind[Shown.UNANSWERED], left, without_id)
