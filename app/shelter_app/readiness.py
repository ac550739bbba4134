"""Whether the database answers, asked at most once a second whoever probes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

TTL_S: Final = 1.0


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

    def __init__(self, ping: Callable[[], str | None], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._ping = ping
        self._monotonic = monotonic
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
                started = self._monotonic()
                latest = (started, self._ping())
                self._last = latest
            return self._report(latest)
        finally:
            self._pinging.release()

    def _report(self, last: tuple[float, str | None]) -> Readiness:
        return Readiness(last[1], max(0.0, self._monotonic() - last[0]))
