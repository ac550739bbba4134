"""One line when the database goes away and one when it is back, instead of one for each request."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable


class OutageLog:
    """Logs changes between failing and working. Safe for threads."""

    def __init__(self, logger: logging.Logger, monotonic: Callable[[], float]) -> None:
        self._logger = logger
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._since: float | None = None
        self._failures = 0

    def failed(self, error: Exception) -> None:
        with self._lock:
            self._failures += 1
            if self._since is not None:
                return
            self._since = self._monotonic()
        self._logger.warning("database: %s: %s", type(error).__name__, error)

    def succeeded(self) -> None:
        if self._since is None:
            return
        with self._lock:
            if self._since is None:
                return
            lasted_s, failures = self._monotonic() - self._since, self._failures
            self._since, self._failures = None, 0
        self._logger.warning("database: back after %.1f s and %d failed operations", lasted_s, failures)
