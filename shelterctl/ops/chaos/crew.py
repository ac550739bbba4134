"""Threads that each take one step after another on a schedule, until they are stopped or one of them breaks down."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from shelterctl.errors import ShelterError
from shelterctl.ports.http import Http

#: One step: the client of its thread, and how many the thread took before.
Step = Callable[[Http, int], None]
#: When the next step is due, by when the last one was and when it ended (seconds of the monotonic clock).
Schedule = Callable[[float, float], float]


class Account(Protocol):
    """What the steps write to; `problem` says what keeps it from being whole, empty where nothing does."""

    problem: str


def every(period_s: float) -> Schedule:
    """On a fixed schedule. What was held up is skipped: a burst of late steps would say nothing."""
    return lambda due_s, now_s: due_s + period_s * (1 + max(0, int((now_s - due_s) / period_s)))


def pausing(pause_s: float) -> Schedule:
    """As fast as the steps end, with a pause between them."""
    return lambda _due_s, now_s: now_s + pause_s


class Crew:
    """The threads of one account. `step_timeout_s` is the longest that a step takes."""

    def __init__(self, make_http: Callable[[], Http], account: Account, *, step_timeout_s: float) -> None:
        self._make_http = make_http
        self._account = account
        self._step_timeout_s = step_timeout_s
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def add(self, name: str, step: Step, schedule: Schedule, *, delay_s: float = 0.0) -> None:
        """One thread more, which begins `delay_s` after the start; `name` is what it is called where it breaks down."""
        self._threads.append(threading.Thread(target=self._work, args=(name, step, schedule, delay_s), daemon=True))

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> bool:
        """Lets each finish the step it is at; False where one did not end in time."""
        self._stop.set()
        deadline_s = time.monotonic() + self._step_timeout_s * 2
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.1, deadline_s - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self, name: str, step: Step, schedule: Schedule, delay_s: float) -> None:
        ended_well = False
        http: Http | None = None
        taken = 0
        due_s = time.monotonic() + delay_s
        try:
            http = self._make_http()
            while not self._stop.wait(max(0.0, due_s - time.monotonic())):
                step(http, taken)
                taken += 1
                due_s = schedule(due_s, time.monotonic())
            ended_well = True
        except ShelterError as error:
            # The journal cannot be written: nothing may be sent that is not in it.
            self._account.problem = f"the journal could not be written: {error.what}: {error.why}"
        finally:
            if not ended_well:
                # Whatever it was, one that broke down is no one that saw nothing.
                self._account.problem = self._account.problem or f"{name} broke down"
                self._stop.set()
            if http is not None:
                http.close()
