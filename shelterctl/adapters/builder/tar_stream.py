"""Reads a tar from a stream of chunks, forward and without copying what is skipped, and writes entries of one.

The standard library's `tarfile` copies every byte three times on the way past: for an archive of 250 MB of which three kilobytes are
wanted that took longer than it took the engine to make the archive.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_HEADER = tarfile.BLOCKSIZE
_BLOCK = 1024 * 1024
#: Extended headers hold names and sizes: kilobytes at most.
_EXTENSION_LIMIT = 1024 * 1024


class TarDamaged(ValueError):
    """The stream is not a tar, or ends too early."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the archive; links, folders and devices are not `regular`."""

    name: str
    size_bytes: int
    regular: bool


class TarStream:
    """Iterate over `entries`; between two of them `content` gives the current one's bytes once. What is not read is skipped."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = filter(None, chunks)
        self._rest = memoryview(b"")
        self._unread = 0
        self._padding = 0

    def entries(self) -> Iterator[Entry]:
        """The entries in order. Raises TarDamaged."""
        override: dict[str, str] = {}
        while header := self._header():
            if header.type in (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK):
                if header.size > _EXTENSION_LIMIT:
                    raise TarDamaged(f"an extended header of {header.size} bytes")
                self._begin(header.size)
                text = b"".join(self.content())
                if header.type == tarfile.XHDTYPE:
                    override |= _pax(text)
                elif header.type == tarfile.GNUTYPE_LONGNAME:
                    override["path"] = text.rstrip(b"\0").decode("utf-8", "surrogateescape")
                continue
            entry = Entry(override.get("path", header.name), int(override.get("size", header.size)), header.isreg())
            override = {}
            self._begin(entry.size_bytes)
            yield entry

    def content(self) -> Iterator[memoryview]:
        """The rest of the current entry's bytes, in pieces. Raises TarDamaged where the stream ends within it."""
        while self._unread:
            piece = self._next(self._unread)
            self._unread -= len(piece)
            yield piece

    def _begin(self, size_bytes: int) -> None:
        self._unread, self._padding = size_bytes, -size_bytes % _HEADER

    def _header(self) -> tarfile.TarInfo | None:
        """The next header, None at the end of the archive."""
        for _ in self.content():
            pass
        self._begin(self._padding + _HEADER)
        block = b"".join(self.content())[-_HEADER:]
        self._begin(0)
        if not any(block):
            return None
        try:
            return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise TarDamaged(f"not a tar: {error}") from error

    def _next(self, most: int) -> memoryview:
        if not self._rest:
            self._rest = memoryview(next(self._chunks, b""))
            if not self._rest:
                raise TarDamaged("it ends too early")
        piece, self._rest = self._rest[:most], self._rest[most:]
        return piece


def tar_entry(name: str, content: bytes) -> bytes:
    """An entry whose content is at hand."""
    return _head(name, len(content)) + content + _padding(len(content))


def tar_file(name: str, path: Path) -> Iterator[bytes]:
    """An entry whose content is a file's, in pieces. Raises OSError."""
    size_bytes = path.stat().st_size
    yield _head(name, size_bytes)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block
    yield _padding(size_bytes)


def _head(name: str, size_bytes: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size_bytes
    info.mode = 0o644
    # GNU's format holds sizes of 8 GiB and more.
    return info.tobuf(tarfile.GNU_FORMAT)


def _padding(size_bytes: int) -> bytes:
    return b"\0" * (-size_bytes % tarfile.BLOCKSIZE)


def _pax(records: bytes) -> dict[str, str]:
    """The records of a pax header (`length key=value` and a newline, POSIX.1-2001) that change how an entry is read."""
    found: dict[str, str] = {}
    while records:
        length, _, _ = records.partition(b" ")
        if not length.isdigit() or not 0 < int(length) <= len(records):
            raise TarDamaged("a pax header that is none")
        key, _, value = records[len(length) + 1 : int(length) - 1].partition(b"=")
        if key in (b"path", b"size"):
            found[key.decode()] = value.decode("utf-8", "surrogateescape")
        records = records[int(length) :]
    return found
