"""The requests of one name, and the bins of their latencies, which are those of `shelterctl.core.load.histogram`.

Loaded into Locust's process; it imports nothing of shelterctl.
"""

from __future__ import annotations

import math

RELATIVE_ERROR = 0.01
GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
LOG_GAMMA = math.log(GAMMA)
SMALLEST_MS = 0.01


def bin_of(value_ms: float) -> int:
    return math.ceil(math.log(value_ms if value_ms > SMALLEST_MS else SMALLEST_MS) / LOG_GAMMA)


class Named:
    """The requests of one name since the last line; `sized` are those whose answers' `size_bytes` count."""

    __slots__ = ("bins", "failures", "name", "requests", "size_bytes", "sized")

    def __init__(self, name: str) -> None:
        self.name = name
        self.requests = self.sized = self.size_bytes = self.failures = 0
        self.bins: dict[int, int] = {}
