"""Durations as people write them: 90, 45s, 5m, 1m30s, 2h, 250ms."""

from __future__ import annotations

import re
from math import isfinite

_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")


def parse_duration_s(text: str) -> float:
    """Returns the seconds in `text`; a bare number counts seconds.

    Raises ValueError, with a sentence for the user, where the text is no duration.
    """
    seconds = _seconds(text)
    if not isfinite(seconds):
        raise ValueError(f"“{text[:20]}…” is longer than any wait")
    return seconds


def _seconds(text: str) -> float:
    cleaned = text.strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", cleaned):
        return float(cleaned)
    parts = _PART.findall(cleaned)
    if not parts or "".join(number + unit for number, unit in parts) != cleaned:
        raise ValueError(f"“{text}” is not a duration: write 45s, 5m or 1m30s")
    return sum(float(number) * _UNIT_S[unit] for number, unit in parts)


def format_duration(seconds: float) -> str:
    """The shortest form that says it: 8.9 s, 4 min 20 s, 2 h 5 min."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
