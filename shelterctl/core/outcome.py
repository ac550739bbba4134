"""How a step of an operation ended: apart from the events, which a command that only looks does not need."""

from __future__ import annotations

from enum import Enum


class Outcome(Enum):
    """How a step ended."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    FAILED = "failed"
