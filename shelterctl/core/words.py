"""Numbers with their nouns, and lists that are cut short."""

from __future__ import annotations

from collections.abc import Sequence


def counted(number: int, noun: str) -> str:
    """`1 pod`, `2 pods`, `1,200 pods`: for nouns whose plural takes an s."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def listed(items: Sequence[str], most: int) -> str:
    """`a, b`, and where there are more than `most`: `a, b, c and 2 more`."""
    rest = len(items) - most
    return ", ".join(items[:most]) + (f" and {rest} more" if rest > 0 else "")
