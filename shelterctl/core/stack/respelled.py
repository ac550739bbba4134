"""The forms that applications and columns give a token: what else to look for where it is not stored as it was sent. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterator

#: The shortest beginning that is looked for: of eight letters and digits there are 10^12, so that it is nobody else's text.
LEAST_KEPT = 8
BASE64 = "in base64"


def forms(mark: str) -> Iterator[tuple[str, str]]:
    """How a token may have been changed, and what it is then; empty for one that is as it was sent, as far as it is there."""
    yield "", mark
    yield "in capitals", mark.upper()
    for spelled in dict.fromkeys((mark.capitalize(), mark.title())):
        yield "with a capital at its beginning", spelled
    for before in range(3):
        # Three bytes make four letters: what stands before the token moves it. The first and the last group share their bits with that.
        encoded = base64.b64encode(b"\0" * before + mark.encode()).decode().rstrip("=")
        yield BASE64, encoded[4 if before else 0 : (before + len(mark)) // 3 * 4]
