"""Answers of HTTP/1.1 as lean_client.py reads them: the head, where the body ends, and what it is once decompressed.

The grammar is that of RFC 9112, read strictly: what two readers could understand in two ways is malformed. Errors have the types of
geventhttpclient, which Locust's own client raises, where it has one: a failure is then counted under the same name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError
from lean_body import MOST_HEAD_BYTES, TOKEN, Body, HeadTooLarge, Receive, more, read_chunks, read_exactly, read_until_closed
from lean_content import beginning, decoded

#: Heads that are remembered as they were understood; longer ones are not.
_REMEMBERED_HEADS = 512
_REMEMBERED_BYTES = 1024
_HEAD = re.compile(rb"HTTP/1\.[01] [1-5][0-9][0-9](?: [^\r\n\0]*)?(?:\r\n" + TOKEN + rb":[^\r\n\0]*)*")
_FIELD = re.compile(rb"\r\n(" + TOKEN + rb"):[ \t]*([^\r\n]*)")
_LENGTH = re.compile(r"[0-9]{1,18}")


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


def _unanswered() -> HTTPConnectionClosed:
    """The connection ended before a byte of an answer: the error says so, for whoever may ask again."""
    error = HTTPConnectionClosed("connection closed.")
    error.unanswered = True
    return error


def read_answer(receive: Receive, method: str, body: Body | None = None) -> tuple[Head, bytes, bool]:
    """The next answer to a request with this method: its head, its content, and whether the connection can be asked again.

    A `body` that keeps so many bytes makes the content its beginning, unpacked as far as that goes.
    Raises HTTPConnectionClosed where the connection ends before an answer, HTTPParseError where the answer is malformed or too large, and
    what `receive` raises.
    """
    try:
        data = receive()
    except ConnectionResetError as error:
        raise _unanswered() from error
    if not data:
        raise _unanswered()
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
        data = data[end + 4 :] or more(receive, "before its head")
    rest = data[end + 4 :]
    length = head.length
    if method == "HEAD" or head.status == 204 or head.status == 304:
        return head, b"", head.keeps and not rest
    if body is None:
        if length is not None and len(rest) == length:  # as most are: there is nothing to gather
            return head, decoded(rest, head.encoding) if head.encoding and rest else rest, head.keeps
        body = Body()
    if head.chunked:
        whole = read_chunks(rest, receive, body)
    elif length is None:
        read_until_closed(rest, receive, body)
        whole = False
    else:
        whole = read_exactly(length, rest, receive, body)
    content = body.content()
    if head.encoding and content:
        content = decoded(content, head.encoding) if body.keep_bytes is None else beginning(content, head.encoding, body.keep_bytes)
    return head, content, whole and head.keeps


def _until_head_ends(data: bytes, receive: Receive) -> tuple[bytes, int]:
    buffer = bytearray(data)
    while True:
        # Told at once: a server that speaks something else may wait for more, and the wait would be blamed.
        if not buffer.startswith(b"HTTP/1."[: len(buffer)]) or b"\n\n" in buffer:
            raise HTTPParseError("an answer's head is no HTTP/1.1")
        if len(buffer) > MOST_HEAD_BYTES:
            raise HeadTooLarge(f"an answer's head has more than {MOST_HEAD_BYTES} bytes")
        sought = max(0, len(buffer) - 3)
        buffer += more(receive, "in its head")
        end = buffer.find(b"\r\n\r\n", sought)
        if end >= 0:
            return bytes(buffer), end
