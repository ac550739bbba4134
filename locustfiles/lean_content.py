"""What an answer's content is once it is decompressed, within a bound: few bytes can say that they are many."""

from __future__ import annotations

import zlib

from geventhttpclient.response import HTTPParseError

#: The largest answer, as it is sent and decompressed, in bytes.
MOST_BYTES = 64 * 1024 * 1024


class AnswerTooLarge(HTTPParseError):
    """An answer of more than MOST_BYTES."""


class ContentUndecodable(HTTPParseError):
    """Content that is not compressed as its head says, or in a way that was not asked for."""


def decoded(content: bytes, encoding: str) -> bytes:
    """Content without its compression. Raises ContentUndecodable, AnswerTooLarge where it would become larger than MOST_BYTES."""
    if encoding == "identity":
        return content
    try:
        if encoding in ("gzip", "x-gzip"):
            return _gunzipped(content)
        if encoding == "deflate":
            return _inflated(content, _wbits(content), MOST_BYTES)[0]
    except zlib.error as error:
        raise ContentUndecodable(f"content is no {encoding}: {error}") from error
    if encoding == "br" and brotli is not None:
        return _unbrotlied(content)
    raise ContentUndecodable(f"content in {encoding[:40]}, which was not asked for")


def beginning(content: bytes, encoding: str, most: int) -> bytes:
    """What the beginning of a content says once it is decompressed, `most` bytes of it; as it came where it is not what its head says."""
    try:
        if encoding == "br" and brotli is not None:
            return brotli.Decompressor().process(content, output_buffer_limit=most)[:most] or content
        if encoding in ("gzip", "x-gzip", "deflate"):
            stream = zlib.decompressobj(_wbits(content) if encoding == "deflate" else 16 + zlib.MAX_WBITS)
            return stream.decompress(content, most) or content
    except UNDECODABLE:
        pass
    return content


def _wbits(content: bytes) -> int:
    """Deflate is said of zlib's format, and used for the bare one too (RFC 9110, 8.4.1.2)."""
    bare = len(content) < 2 or (content[0] & 15) != 8 or int.from_bytes(content[:2], "big") % 31 != 0
    return -zlib.MAX_WBITS if bare else zlib.MAX_WBITS


def _inflated(content: bytes, wbits: int, most: int) -> tuple[bytes, bytes]:
    """The content of the first stream, and what follows it."""
    stream = zlib.decompressobj(wbits)
    out = stream.decompress(content, most + 1)
    if len(out) > most:
        raise AnswerTooLarge(f"an answer has more than {MOST_BYTES} bytes when it is decompressed")
    if not stream.eof:
        raise zlib.error("it ends too soon")
    return out, stream.unused_data


def _gunzipped(content: bytes) -> bytes:
    parts, size = [], 0
    while True:
        part, content = _inflated(content, 16 + zlib.MAX_WBITS, MOST_BYTES - size)
        parts.append(part)
        size += len(part)
        if not content.startswith(b"\x1f\x8b"):  # another member may follow, and padding is passed over
            return b"".join(parts)


def _unbrotlied(content: bytes) -> bytes:
    stream = brotli.Decompressor()
    parts, size = [], 0
    try:
        while True:
            part = stream.process(content, output_buffer_limit=65536)
            parts.append(part)
            size += len(part)
            if size > MOST_BYTES:
                raise AnswerTooLarge(f"an answer has more than {MOST_BYTES} bytes when it is decompressed")
            if stream.is_finished():
                return b"".join(parts)
            if stream.can_accept_more_data() and not part:
                raise ContentUndecodable("content is no br: it ends too soon")
            content = b""
    except brotli.error as error:
        raise ContentUndecodable(f"content is no br: {error}") from error


try:
    import brotli

    brotli.Decompressor().process(b"", output_buffer_limit=1)
except (ImportError, TypeError, AttributeError):
    brotli = None  # or one that would decompress without a bound
UNDECODABLE = (zlib.error,) if brotli is None else (zlib.error, brotli.error)
ACCEPTED = "gzip, deflate" if brotli is None else "gzip, deflate, br"
