"""What happened, in the words that a cluster's events have; the newest few hundred."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace

from shelterctl.core.state import Happening

_KEPT = 300


class Journal:
    """Like happenings in a row are one, with a count."""

    def __init__(self) -> None:
        self._happenings: deque[Happening] = deque(maxlen=_KEPT)

    def add(self, subject: str, reason: str, message: str, *, warning: bool = False) -> None:
        for number, known in enumerate(self._happenings):
            if (known.subject, known.reason, known.message) == (subject, reason, message):
                del self._happenings[number]
                self._happenings.append(replace(known, count=known.count + 1, at_s=time.time()))
                return
        self._happenings.append(Happening(subject, reason, message, warning, 1, time.time()))

    def all(self) -> tuple[Happening, ...]:
        """Oldest first."""
        return tuple(self._happenings)
