"""Numbers with their nouns, and lists that are cut short."""

from __future__ import annotations

import re
from collections.abc import Sequence

#: What XML 1.0 forbids (2.2), lone surrogates, and what changes the direction or the lines of a text (Unicode TR 9 and TR 14).
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u2028\u2029\u202a-\u202e\u2066-\u2069\u200e\u200f]"
)
_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")


def counted(number: int, noun: str) -> str:
    """`1 pod`, `2 pods`, `1,200 pods`: for nouns whose plural takes an s."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def listed(items: Sequence[str], most: int) -> str:
    """`a, b`, and where there are more than `most`: `a, b, c and 2 more`."""
    rest = len(items) - most
    return ", ".join(items[:most]) + (f" and {rest} more" if rest > 0 else "")


def percent(share: float) -> str:
    """`12%`, `1%`, `0.25%`: a share from 0 to 1 with two digits that say something."""
    value = 100 * share
    return f"{value:.0f}%" if value >= 10 or value == round(value) else f"{value:.2g}%"


def plain(text: str) -> str:
    """The text as a page or a drawing may hold it: colours of a terminal are left out, other control characters become �."""
    return text if text.isprintable() else _UNPRINTABLE.sub("\ufffd", _COLOUR.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))
