"""This machine's processor, as its operating system counts it."""

from __future__ import annotations

import os


class Processor:
    """Tells how busy all cores together were since the last question (percent, 0 to 100), and how many they are."""

    def __init__(self) -> None:
        import psutil

        self.cores = os.cpu_count() or 1
        self._percent = psutil.cpu_percent
        self._percent(interval=None)

    def busy_percent(self) -> float:
        return float(self._percent(interval=None))
