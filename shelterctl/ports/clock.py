"""Time, as the operations need it."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Time. `monotonic_s` orders what happened here; `wall_s` (since the epoch) is compared with the target's times."""

    def monotonic_s(self) -> float: ...

    def wall_s(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...
