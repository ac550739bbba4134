"""Reads the application's CPU periods at a load's begin and at its end, beside it: neither waits long for them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from shelterctl.core.events import Event, PeriodsSeen
from shelterctl.core.load.course.throttling import Throttling, throttling
from shelterctl.core.state import Pod
from shelterctl.errors import ShelterError
from shelterctl.ports.target import Target

#: A load begins so much later at most; a reading that comes after it, while the load runs, counts all the same.
BEGIN_WAIT_S = 2.0
END_WAIT_S = 5.0


class ThrottleWatch:
    """Reads in threads of its own, which are daemons: none of them keeps the process."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._there: tuple[Pod, ...] = ()
        self._begin: list[PeriodsSeen] = []
        self._end: list[PeriodsSeen] = []

    def begin(self, pods: Sequence[Pod]) -> Iterator[Event]:
        """`pods` are the application's."""
        self._there = tuple(pods)
        self._read(self._there, self._begin, BEGIN_WAIT_S)
        yield from self._begin

    def end(self, pods: Sequence[Pod]) -> Iterator[Event]:
        self._read(tuple(pods), self._end, END_WAIT_S)
        yield from self._end

    def found(self) -> Throttling:
        """What both readings show."""
        begin, end = next(iter(self._begin), None), next(iter(self._end), None)
        return throttling(begin, end, {pod.name for pod in self._there})

    def _read(self, pods: tuple[Pod, ...], into: list[PeriodsSeen], wait_s: float) -> None:
        def read() -> None:
            try:
                into.append(self._target.periods(pods))
            except ShelterError as error:
                into.append(PeriodsSeen((), f"throttled periods could not be read: {error.why or error.what}"))
            except Exception as error:  # noqa: BLE001 - evidence that cannot be had ends no load
                into.append(PeriodsSeen((), f"throttled periods could not be read: {type(error).__name__}: {error}"))

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        thread.join(wait_s)
