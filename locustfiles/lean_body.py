"""The body of an answer as lean_http.py reads it: where it ends, and what of it is kept.

All of it up to MOST_BYTES, or its first bytes only: then the rest is read and counted, and never in memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from geventhttpclient.response import HTTPParseError
from lean_content import MOST_BYTES, AnswerTooLarge

#: The longest head, the longest line of a chunk, and the longest trailers, in bytes.
MOST_HEAD_BYTES = 64 * 1024
TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_TRAILERS = re.compile(rb"(?:" + TOKEN + rb":[^\r\n\0]*\r\n)*")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n\0]*)?")
#: More bytes of an answer; none where the connection was closed.
Receive = Callable[[], bytes]


class HeadTooLarge(HTTPParseError):
    """A head, a chunk's line or trailers of more than MOST_HEAD_BYTES."""


class Body:
    """The bytes of a body as they came, without the chunks' lines. `size` counts all of them, `keep_bytes` bounds what is kept."""

    __slots__ = ("_parts", "_room", "keep_bytes", "size")

    def __init__(self, keep_bytes: int | None = None) -> None:
        self.keep_bytes = keep_bytes
        self.size = 0
        self._room = 0 if keep_bytes is None else keep_bytes
        self._parts: list[bytes] = []

    def expect(self, size: int) -> None:
        """Raises AnswerTooLarge where a body of this size is one too many to keep."""
        if self.keep_bytes is None and size > MOST_BYTES:
            raise AnswerTooLarge(f"an answer has more than {MOST_BYTES} bytes")

    def add(self, data: bytes | bytearray, start: int, end: int) -> None:
        """Takes a stretch of what was received. Raises AnswerTooLarge."""
        self.size += end - start
        if self.keep_bytes is None:
            self.expect(self.size)
        elif not self._room:
            return
        else:
            end = min(end, start + self._room)
            self._room -= end - start
        self._parts.append(bytes(data[start:end]))

    def content(self) -> bytes:
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)


def more(receive: Receive, where: str) -> bytes:
    """Raises HTTPParseError where nothing more comes."""
    data = receive()
    if not data:
        raise HTTPParseError(f"the connection was closed within an answer, {where}")
    return data


def read_exactly(length: int, rest: bytes, receive: Receive, body: Body) -> bool:
    """So many bytes, beginning with `rest`; whether nothing came after them."""
    body.expect(length)
    if len(rest) > length:
        body.add(rest, 0, length)
        return False  # what follows belongs to no request
    body.add(rest, 0, len(rest))
    missing = length - len(rest)
    while missing > 0:
        part = more(receive, f"{missing} bytes before its end")
        body.add(part, 0, min(missing, len(part)))
        missing -= len(part)
    return not missing


def read_until_closed(rest: bytes, receive: Receive, body: Body) -> None:
    body.add(rest, 0, len(rest))
    while part := receive():
        body.add(part, 0, len(part))


def read_chunks(rest: bytes, receive: Receive, body: Body) -> bool:
    """Chunks and their trailers, beginning with `rest`; whether nothing came after them. Raises HTTPParseError."""
    buffer, at = bytearray(rest), 0

    def line_end() -> int:
        sought = at
        while (end := buffer.find(b"\r\n", sought)) < 0:
            if len(buffer) - at > MOST_HEAD_BYTES:
                raise HeadTooLarge(f"a chunk's line has more than {MOST_HEAD_BYTES} bytes")
            sought = max(at, len(buffer) - 1)
            buffer.extend(more(receive, "in a chunk's line"))
        return end

    while True:
        end = line_end()
        found = _CHUNK.fullmatch(buffer, at, end)
        if found is None:
            raise HTTPParseError("a chunk begins with no size")
        left, at = int(found[1], 16), end + 2
        if not left:
            break
        body.expect(body.size + left)
        while left > len(buffer) - at:
            # Piece by piece: one chunk may be the whole answer.
            body.add(buffer, at, len(buffer))
            left -= len(buffer) - at
            buffer, at = bytearray(more(receive, "in a chunk")), 0
        body.add(buffer, at, at + left)
        at += left
        while len(buffer) < at + 2:
            buffer += more(receive, "in a chunk")
        if buffer[at : at + 2] != b"\r\n":
            raise HTTPParseError("a chunk does not end where its size says")
        at += 2
        if at > MOST_HEAD_BYTES:
            del buffer[:at]
            at = 0
    began = at
    while (end := line_end()) != at:
        at = end + 2
        if at - began > MOST_HEAD_BYTES:
            raise HeadTooLarge(f"an answer's trailers have more than {MOST_HEAD_BYTES} bytes")
    if _TRAILERS.fullmatch(buffer, began, at) is None:
        raise HTTPParseError("an answer's trailers are no header fields")
    return len(buffer) == at + 2
