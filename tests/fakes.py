"""Fakes that several tests share. Each is held to what its adapter does by the same cases in tests/contract."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from shelterctl.errors import StateFolderError
from shelterctl.ports.http import MOST_BYTES, AnswerTooLarge, HttpAnswer, SendOutcome


class SteppedClock:
    """Time passes while somebody sleeps, and never else."""

    def __init__(self, now_s: float = 1000.0) -> None:
        self.now_s = now_s

    def monotonic_s(self) -> float:
        return self.now_s

    def wall_s(self) -> float:
        return 1_000_000_000.0 + self.now_s

    def sleep(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        self.now_s += seconds


@dataclass
class FolderInMemory:
    """A run's folder whose journals are lists of lines. `full` makes it a disk without room."""

    run_id: str = "20261121-120000-kill-db"
    path: Path = Path("runs")
    journals: dict[str, list[str]] = field(default_factory=dict)
    full: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def append_journal(self, name: str, line: str) -> None:
        if self.full:
            raise StateFolderError(f"{self.path} cannot be written", why="No space left on device")
        with self._lock:
            self.journals.setdefault(name, []).append(line)


Respond = Callable[[str, str, Mapping[str, str], bytes], HttpAnswer]


@dataclass
class HttpInMemory:
    """A client of services that are functions, by the URL's host and port. What no function serves refuses connections."""

    services: Mapping[str, Respond]
    closed: bool = False

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout_s: float,
        most_bytes: int = MOST_BYTES,
    ) -> HttpAnswer:
        parts = urlsplit(url)
        respond = self.services.get(parts.netloc)
        if respond is None or parts.scheme != "http":
            raise SendOutcome("ConnectError: [Errno 111] Connection refused", sent=False)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        answer = respond(method, target, {name.lower(): value for name, value in (headers or {}).items()}, body or b"")
        if len(answer.body) > most_bytes:
            raise AnswerTooLarge(answer.status, most_bytes)
        return answer

    def close(self) -> None:
        self.closed = True
