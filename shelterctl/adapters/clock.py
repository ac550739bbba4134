"""The real time."""

from __future__ import annotations

import time


class SystemClock:
    """Fulfils the Clock port with this machine's clocks."""

    def monotonic_s(self) -> float:
        return time.monotonic()

    def wall_s(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
