"""Single HTTP requests, each with a definite outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A response: status, lower-case headers, body. `elapsed_s` from the first byte sent to the last received."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed_s: float


class SendOutcome(Exception):
    """No response. `sent` is False only where it is certain that not one byte of the request left this machine."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent


class Http(Protocol):
    """One client with its own connections; it never retries."""

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None, timeout_s: float
    ) -> HttpAnswer:
        """Raises SendOutcome where there is no response."""

    def close(self) -> None: ...
