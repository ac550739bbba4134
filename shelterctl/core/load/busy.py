"""How busy a generator process was: whether what was measured is its own limit."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from shelterctl.core.load.histogram import Histogram
from shelterctl.core.load.plan import ProcessSecond
from shelterctl.core.load.traffic import ProcessLoad

#: Locust itself warns at 90% of a core: one process cannot use more than all of one, and waits for itself before that.
BUSY_CPU_PERCENT = 90.0
#: A second of full load is noise (a burst of new users); five in a row are not.
BUSY_WINDOW_S = 5.0


#: All cores busy to so much in a second: whatever runs on them waits for its turn.
MACHINE_BUSY_PERCENT = 95.0


@dataclass(frozen=True, slots=True)
class MachineLoad:
    """How busy the generator's machine was during a load, whatever ran on it: the mean over all its cores (percent), and the share of the
    seconds in which they were busy to MACHINE_BUSY_PERCENT."""

    cores: int
    mean_percent: float
    busy_ratio: float


class Busy:
    """Adds up one process's seconds."""

    def __init__(self) -> None:
        self._lag = Histogram()
        self._window: deque[ProcessSecond] = deque()
        self._busy_s = self._cpu_s = self._seconds = 0.0
        self._requests = 0
        #: None until there was a whole window.
        self._peak_percent: float | None = None

    def add(self, second: ProcessSecond) -> None:
        self._lag.merge(second.lag_bins, max_ms=second.lag_max_ms)
        self._requests += second.requests
        self._cpu_s += second.cpu_s
        self._seconds += second.interval_s
        self._window.append(second)
        seconds = math.fsum(item.interval_s for item in self._window)
        while seconds - self._window[0].interval_s >= BUSY_WINDOW_S - 0.5:
            seconds -= self._window.popleft().interval_s
        if seconds < BUSY_WINDOW_S - 0.5:
            return
        percent = 100 * math.fsum(item.cpu_s for item in self._window) / seconds
        self._peak_percent = max(self._peak_percent or 0.0, percent)
        if percent >= BUSY_CPU_PERCENT:
            self._busy_s += second.interval_s

    def load(self, name: str) -> ProcessLoad:
        """The process so far. One without a whole window is judged by its mean: it may have been busy all along."""
        mean = 100 * self._cpu_s / self._seconds if self._seconds else 0.0
        busy = self._busy_s / self._seconds if self._seconds else 0.0
        if self._peak_percent is None:
            busy = 1.0 if mean >= BUSY_CPU_PERCENT else 0.0
        return ProcessLoad(
            name=name,
            requests=self._requests,
            seconds=self._seconds,
            cpu_percent_mean=mean,
            cpu_percent_peak=mean if self._peak_percent is None else self._peak_percent,
            busy_ratio=busy,
            lag_p99_ms=self._lag.percentile(99) or 0.0,
            lag_max_ms=self._lag.max_ms,
        )


def machine_load(cores: int, seconds: Sequence[float]) -> MachineLoad | None:
    """From the percentages of each second; None where there is none."""
    if not seconds:
        return None
    busy = sum(percent >= MACHINE_BUSY_PERCENT for percent in seconds)
    return MachineLoad(cores, math.fsum(seconds) / len(seconds), busy / len(seconds))
