"""Follows a target in the background while an operation does something else, and keeps count of when it could not be seen."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from shelterctl.core.events import Event
from shelterctl.core.load.clocks import ClockReading
from shelterctl.errors import ApiRejected, ShelterError
from shelterctl.ports.clock import Clock
from shelterctl.ports.target import Target

#: A watch can be silent for minutes, so the target is asked for a sign of life besides.
#: Each second, since the answer also tells the nodes' clocks: how well these are known decides which measurements count.
PROBE_EVERY_S = 1.0
#: An answer that comes so late counts as none until then.
SLOW_S = 15.0
#: How long the background threads may take to end; they are daemons, so that none of them keeps the process.
JOIN_S = 1.0


@dataclass(frozen=True, slots=True)
class ClocksSeen:
    """What the clocks of the target's machines said."""

    readings: tuple[ClockReading, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """The target did not answer, in epoch seconds. `until_s` is None while it lasts."""

    from_s: float
    until_s: float | None
    why: str


class TargetFeed:
    """The target's watch in a thread; `take` hands over what came, with the wall time at which it came."""

    def __init__(self, target: Target, clock: Clock) -> None:
        self._target = target
        self._clock = clock
        self._inbox: queue.SimpleQueue[tuple[float, Event | Gap | ClocksSeen]] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=target, daemon=True) for target in (self._watch, self._probe)]

    def start(self) -> None:
        """Begins to follow."""
        for thread in self._threads:
            thread.start()

    def take(self) -> Iterator[tuple[float, Event | Gap | ClocksSeen]]:
        """What came since the last call, in order; never blocks."""
        while True:
            try:
                yield self._inbox.get_nowait()
            except queue.Empty:
                return

    def stop(self) -> None:
        """Ends the following."""
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(JOIN_S)

    def _watch(self) -> None:
        why = "the watch broke down"
        try:
            for event in self._target.watch(self._stop.is_set):
                self._inbox.put((self._clock.wall_s(), event))
            why = "the watch ended by itself"
        except ShelterError as error:
            why = f"{error.what}: {error.why}" if error.why else error.what
        except Exception as error:  # noqa: BLE001 - as below: it is told as a gap
            why = f"unexpected: {type(error).__name__}: {error}"
        finally:
            now = self._clock.wall_s()
            if not self._stop.is_set():
                self._inbox.put((now, Gap(now, None, why)))

    def _probe(self) -> None:
        answered_s = self._clock.wall_s()
        why = ""
        while not self._stop.wait(PROBE_EVERY_S):
            try:
                self._inbox.put((self._clock.wall_s(), ClocksSeen(self._target.clocks())))
            except ShelterError as error:
                # A refusal is an answer too, unless the server says that it is in trouble itself.
                if not (isinstance(error, ApiRejected) and error.status < 500):
                    why = f"{error.what}: {error.why}" if error.why else error.what
                    continue
            except Exception as error:  # noqa: BLE001 - an answer of a shape that nobody thought of must not end the watch in silence
                why = f"unexpected: {type(error).__name__}: {error}"
                continue
            now = self._clock.wall_s()
            if not why and now - answered_s > SLOW_S:
                why = "it was slow to answer"
            if why:
                self._inbox.put((now, Gap(answered_s, now, why)))
            answered_s, why = now, ""
        if why:
            self._inbox.put((self._clock.wall_s(), Gap(answered_s, None, why)))
