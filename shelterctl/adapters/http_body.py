"""The body of an answer, read as far as was asked for: an application may answer 200 MB, without an end, or with zeros packed small."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable

from shelterctl.ports.http import AnswerTooLarge, SendOutcome

PIECE_BYTES = 2**16
#: Both clients ask for this: what is packed costs a server, and says nothing more.
ACCEPTED = "identity"
#: A zlib stream or gzip, by its head (zlib's manual, inflateInit2).
_EITHER = 32 + zlib.MAX_WBITS


def gathered(pieces: Iterable[bytes], *, status: int, encoding: str, most_bytes: int, timeout_s: float) -> bytes:
    """The body from its pieces as they come, unpacked where the server packed it all the same.

    `timeout_s` is for all of it: each piece may come in time, and the last one never. Nothing beyond `most_bytes` is kept or unpacked.
    Raises AnswerTooLarge, and SendOutcome where it does not end in time or cannot be unpacked.
    """
    until_s = time.monotonic() + timeout_s
    packed = encoding.strip().lower()
    if packed not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise SendOutcome(f"the answer is packed as {encoding}, which nobody asked for", sent=True)
    decoder = None if packed in ("", "identity") else zlib.decompressobj(_EITHER)
    body = bytearray()
    try:
        for piece in pieces:
            # One byte more than may be: that one tells.
            body += piece if decoder is None else decoder.decompress(piece, most_bytes + 1 - len(body))
            if len(body) > most_bytes:
                raise AnswerTooLarge(status, most_bytes)
            if time.monotonic() > until_s:
                raise SendOutcome(f"the answer did not end within {timeout_s:g} s", sent=True)
    except zlib.error as error:
        raise SendOutcome(f"the answer cannot be unpacked as {packed}: {error}", sent=True) from error
    if decoder is not None and not decoder.eof and body:
        raise SendOutcome(f"the answer ends in the middle of its {packed}", sent=True)
    return bytes(body)


def announced(length: str, encoding: str, *, status: int, most_bytes: int) -> None:
    """Raises AnswerTooLarge where the head says so already: what is packed becomes larger."""
    if length.isdecimal() and int(length) > most_bytes and encoding.strip().lower() in ("", "identity"):
        raise AnswerTooLarge(status, most_bytes)
