"""Numbers with their nouns."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """`1 pod`, `2 pods`, `1,200 pods`: for nouns whose plural takes an s."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
