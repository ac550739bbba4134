"""Whether the database answers, asked at most once a second whoever probes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

TTL_S: Final = 1.0
# A new pod's first packets may be dropped until the network knows it, some tenths of a second. Whoever is told "no" waits a whole
# period of the probe before it asks again, so that the first "no" comes late, and well within the probe's timeout (2 s).
FIRST_NO_AFTER_S: Final = 1.0
_PAUSE_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Readiness:
    """``reason`` is None while the database answers; ``age_s`` is how old this knowledge is."""

    reason: str | None
    age_s: float

    @property
    def ready(self) -> bool:
        return self.reason is None


class CachedPing:
    """Remembers the last ping. Safe for threads: while one pings, the others get what was known before.

    :param ping: None if the database answers, else the reason; must come back within a few seconds.
    """

    def __init__(
        self,
        ping: Callable[[], str | None],
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._ping = ping
        self._monotonic = monotonic
        self._sleep = sleep
        self._pinging = threading.Lock()
        self._last: tuple[float, str | None] | None = None

    def check(self) -> Readiness:
        known = self._last
        if known is not None and self._monotonic() - known[0] < TTL_S:
            return self._report(known)
        if known is None:
            # Without earlier knowledge everyone waits for the first answer.
            self._pinging.acquire()
        elif not self._pinging.acquire(blocking=False):
            return self._report(known)
        try:
            latest = self._last
            if latest is None or latest is known:
                latest = self._asked(patient=latest is None)
                self._last = latest
            return self._report(latest)
        finally:
            self._pinging.release()

    def _asked(self, *, patient: bool) -> tuple[float, str | None]:
        began = started = self._monotonic()
        reason = self._ping()
        while patient and reason is not None and self._monotonic() - began < FIRST_NO_AFTER_S:
            self._sleep(_PAUSE_S)
            started = self._monotonic()
            reason = self._ping()
        return started, reason

    def _report(self, last: tuple[float, str | None]) -> Readiness:
        return Readiness(last[1], max(0.0, self._monotonic() - last[0]))
