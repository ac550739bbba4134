"""Answers of HTTP/1.1 as lean_client.py reads them: the head, where the body ends, and what it is once decompressed.

The grammar is that of RFC 9112, read strictly: what two readers could understand in two ways is malformed. Errors have the types of
geventhttpclient, which Locust's own client raises, where it has one: a failure is then counted under the same name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError
from lean_content import MOST_BYTES, AnswerTooLarge, decoded

#: The longest head, the longest line of a chunk, and the longest trailers, in bytes.
MOST_HEAD_BYTES = 64 * 1024
#: Heads that are remembered as they were understood; longer ones are not.
_REMEMBERED_HEADS = 512
_REMEMBERED_BYTES = 1024
_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_HEAD = re.compile(rb"HTTP/1\.[01] [1-5][0-9][0-9](?: [^\r\n\0]*)?(?:\r\n" + _TOKEN + rb":[^\r\n\0]*)*")
_FIELD = re.compile(rb"\r\n(" + _TOKEN + rb"):[ \t]*([^\r\n]*)")
_TRAILERS = re.compile(rb"(?:" + _TOKEN + rb":[^\r\n\0]*\r\n)*")
_LENGTH = re.compile(r"[0-9]{1,18}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n\0]*)?")
#: More bytes of an answer; none where the connection was closed.
Receive = Callable[[], bytes]


class HeadTooLarge(HTTPParseError):
    """A head, a chunk's line or trailers of more than MOST_HEAD_BYTES."""


class Headers(Mapping[str, str]):
    """An answer's header fields, whatever the case of their names; a field that came several times has its values joined by commas."""

    __slots__ = ("_fields",)

    def __init__(self, fields: dict[str, str]) -> None:
        self._fields = fields

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"Headers({self._fields!r})"


class Head:
    """What the head of an answer says. `length` is None where nothing does, and then the connection's end is the body's."""

    __slots__ = ("chunked", "cookies", "encoding", "headers", "keeps", "length", "status")

    def __init__(self, raw: bytes) -> None:
        if _HEAD.fullmatch(raw) is None:
            raise HTTPParseError("an answer's head is no HTTP/1.1")
        self.status = int(raw[9:12])
        fields: dict[str, str] = {}
        cookies: list[str] = []
        for raw_name, raw_value in _FIELD.findall(raw):
            name, value = raw_name.decode("ascii").lower(), raw_value.decode("latin-1").rstrip(" \t")
            if name == "set-cookie":
                cookies.append(value)
            if name in fields:
                if name in ("content-length", "transfer-encoding"):
                    raise HTTPParseError(f"an answer has {name} twice")
                fields[name] = f"{fields[name]}, {value}"
            else:
                fields[name] = value
        self.headers = Headers(fields)
        self.cookies = tuple(cookies)
        current = raw[7:8] == b"1"
        words = {word.strip().lower() for word in fields.get("connection", "").split(",")}
        self.keeps = "close" not in words and (current or "keep-alive" in words)
        self.encoding = fields.get("content-encoding", "").lower()
        length = fields.get("content-length")
        if length is not None and _LENGTH.fullmatch(length) is None:
            raise HTTPParseError("an answer's Content-Length is no number")
        self.length = None if length is None else int(length)
        transfer = fields.get("transfer-encoding")
        self.chunked = transfer is not None
        if transfer is not None and (transfer.lower() != "chunked" or self.length is not None or not current):
            raise HTTPParseError("an answer's Transfer-Encoding cannot be read")


_heads: dict[bytes, Head] = {}


def head_of(raw: bytes) -> Head:
    """The head in its bytes, without the empty line. Most answers of a load have the same few: they are understood once.

    Raises HTTPParseError.
    """
    head = _heads.get(raw)
    if head is None:
        head = Head(raw)
        if len(raw) <= _REMEMBERED_BYTES:
            if len(_heads) >= _REMEMBERED_HEADS:
                _heads.clear()
            _heads[raw] = head
    return head


def read_answer(receive: Receive, method: str) -> tuple[Head, bytes, bool]:
    """The next answer to a request with this method: its head, its content, and whether the connection can be asked again.

    Raises HTTPConnectionClosed where the connection ends before an answer, HTTPParseError where the answer is malformed or too large, and
    what `receive` raises.
    """
    try:
        data = receive()
    except ConnectionResetError as error:
        raise HTTPConnectionClosed("connection closed.") from error
    if not data:
        raise HTTPConnectionClosed("connection closed.")
    heads = 0
    while True:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            data, end = _until_head_ends(data, receive)
        heads += end
        if heads > MOST_HEAD_BYTES:
            raise HeadTooLarge(f"an answer's head has more than {MOST_HEAD_BYTES} bytes")
        head = head_of(data[:end])
        if head.status >= 200:
            break
        if head.status == 101:
            raise HTTPParseError("an answer changes the protocol, which nobody asked for")
        data = data[end + 4 :] or _more(receive, "before its head")
    rest = data[end + 4 :]
    length = head.length
    if method == "HEAD" or head.status == 204 or head.status == 304:
        return head, b"", head.keeps and not rest
    if head.chunked:
        content, whole = _chunks(rest, receive)
    elif length is None:
        content, whole = _until_closed(rest, receive), False
    elif len(rest) == length:
        content, whole = rest, True
    else:
        content, whole = _exactly(length, rest, receive)
    if head.encoding and content:
        content = decoded(content, head.encoding)
    return head, content, whole and head.keeps


def _more(receive: Receive, where: str) -> bytes:
    data = receive()
    if not data:
        raise HTTPParseError(f"the connection was closed within an answer, {where}")
    return data


def _until_head_ends(data: bytes, receive: Receive) -> tuple[bytes, int]:
    buffer = bytearray(data)
    while True:
        # Told at once: a server that speaks something else may wait for more, and the wait would be blamed.
        if not buffer.startswith(b"HTTP/1."[: len(buffer)]) or b"\n\n" in buffer:
            raise HTTPParseError("an answer's head is no HTTP/1.1")
        if len(buffer) > MOST_HEAD_BYTES:
            raise HeadTooLarge(f"an answer's head has more than {MOST_HEAD_BYTES} bytes")
        sought = max(0, len(buffer) - 3)
        buffer += _more(receive, "in its head")
        end = buffer.find(b"\r\n\r\n", sought)
        if end >= 0:
            return bytes(buffer), end


def _exactly(length: int, rest: bytes, receive: Receive) -> tuple[bytes, bool]:
    if length > MOST_BYTES:
        raise AnswerTooLarge(f"an answer has more than {MOST_BYTES} bytes")
    if len(rest) > length:
        return rest[:length], False  # what follows belongs to no request
    parts, missing = [rest], length - len(rest)
    while missing > 0:
        part = _more(receive, f"{missing} bytes before its end")
        parts.append(part)
        missing -= len(part)
    content = b"".join(parts)
    return (content, True) if not missing else (content[:length], False)


def _until_closed(rest: bytes, receive: Receive) -> bytes:
    parts, size = [rest], len(rest)
    while part := receive():
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES:
            raise AnswerTooLarge(f"an answer has more than {MOST_BYTES} bytes")
    return b"".join(parts)


def _chunks(rest: bytes, receive: Receive) -> tuple[bytes, bool]:
    buffer, at, parts, size = bytearray(rest), 0, [], 0

    def line_end() -> int:
        sought = at
        while (end := buffer.find(b"\r\n", sought)) < 0:
            if len(buffer) - at > MOST_HEAD_BYTES:
                raise HeadTooLarge(f"a chunk's line has more than {MOST_HEAD_BYTES} bytes")
            sought = max(at, len(buffer) - 1)
            buffer.extend(_more(receive, "in a chunk's line"))
        return end

    while True:
        end = line_end()
        found = _CHUNK.fullmatch(buffer, at, end)
        if found is None:
            raise HTTPParseError("a chunk begins with no size")
        length, at = int(found[1], 16), end + 2
        if not length:
            break
        size += length
        if size > MOST_BYTES:
            raise AnswerTooLarge(f"an answer has more than {MOST_BYTES} bytes")
        while len(buffer) < at + length + 2:
            buffer += _more(receive, "in a chunk")
        if buffer[at + length : at + length + 2] != b"\r\n":
            raise HTTPParseError("a chunk does not end where its size says")
        parts.append(bytes(buffer[at : at + length]))
        at += length + 2
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
    return b"".join(parts), len(buffer) == at + 2
