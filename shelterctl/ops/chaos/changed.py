"""What became of a token that is nowhere in the database as it was sent: the forms that applications and columns give a text."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence

#: The shortest beginning that is looked for: of eight letters and digits there are 10^12, so that it is nobody else's text.
LEAST_KEPT = 8


def find(locate: Callable[[str], Sequence[str]], mark: str) -> tuple[str, str] | None:
    """Where the token lies in another form, and how it was changed; None where nothing of it is found. `locate` tells capitals apart."""
    for form, spelled in (("", mark), *_cases(mark)):
        places = locate(spelled[:LEAST_KEPT])
        if places:
            kept = _kept(locate, spelled)
            cut = f"cut off or changed after {kept} of its {len(mark)} characters" if kept < len(mark) else ""
            changed = " and ".join(filter(None, (form, cut)))
            # The whole of it was looked for before: it came meanwhile, and is as it was sent.
            return (places[0], changed) if changed else None
    for text in _in_base64(mark):
        places = locate(text)
        if places:
            return places[0], "in base64"
    return None


def _cases(mark: str) -> Iterator[tuple[str, str]]:
    yield "in capitals", mark.upper()
    for spelled in dict.fromkeys((mark.capitalize(), mark.title())):
        yield "with a capital at its beginning", spelled


def _kept(locate: Callable[[str], Sequence[str]], text: str) -> int:
    """How many of its first characters are there, where `LEAST_KEPT` are."""
    there, away = LEAST_KEPT, len(text) + 1
    while away - there > 1:
        middle = (there + away) // 2
        if locate(text[:middle]):
            there = middle
        else:
            away = middle
    return there


def _in_base64(mark: str) -> Iterator[str]:
    """What is the same wherever the token stands in the bytes that were encoded: three of them make four letters."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + mark.encode()).decode().rstrip("=")
        # The first and the last group share their bits with what stands around.
        yield encoded[4 if before else 0 : (before + len(mark)) // 3 * 4]
