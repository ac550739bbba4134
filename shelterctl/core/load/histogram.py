"""Latencies counted in logarithmic bins: a fixed relative error, a few hundred counters at most, and merging by addition.

The mapping is DDSketch's (Masson, Rim, Lee: "DDSketch", VLDB 2019, section 2.1): bin i holds the values in (γ^(i-1), γ^i] with
γ = (1 + α) / (1 - α); its estimate 2γ^i / (γ + 1) is within α of every value in the bin. 900 bins reach from 10 µs to 10 minutes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

#: Every percentile is within 1% of a value that was measured.
RELATIVE_ERROR = 0.01
_GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GAMMA = math.log(_GAMMA)
#: Shorter than this (10 µs, in ms) is counted as this: no clock that is used here resolves it.
SMALLEST_MS = 0.01


def bin_of(value_ms: float) -> int:
    """The bin of a latency in ms; values below SMALLEST_MS share its bin."""
    return math.ceil(math.log(max(value_ms, SMALLEST_MS)) / _LOG_GAMMA)


def value_of(index: int) -> float:
    """The latency in ms that stands for a bin, within RELATIVE_ERROR of every value in it."""
    return 2 * _GAMMA**index / (_GAMMA + 1)


class Histogram:
    """Counts by bin, and the exact largest value."""

    __slots__ = ("_counts", "count", "max_ms")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self.count = 0
        self.max_ms = 0.0

    def add(self, value_ms: float) -> None:
        """Counts one value."""
        self.merge({bin_of(value_ms): 1}, max_ms=value_ms)

    def merge(self, counts: Mapping[int, int], *, max_ms: float) -> None:
        """Adds the counts of another histogram whose largest value was `max_ms`."""
        for index, count in counts.items():
            self._counts[index] = self._counts.get(index, 0) + count
            self.count += count
        self.max_ms = max(self.max_ms, max_ms)

    def percentile(self, percent: float) -> float | None:
        """The value in ms that `percent` of the values do not exceed, or None where there is none.

        Nearest rank: the ceil(n·p/100)-th smallest value.
        """
        if not self.count:
            return None
        rank = max(1, math.ceil(self.count * percent / 100 - 1e-9))
        seen = 0
        for index in sorted(self._counts):
            seen += self._counts[index]
            if seen >= rank:
                return min(value_of(index), self.max_ms)
        return self.max_ms
