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


#: How much of an answer is read where nobody says otherwise.
MOST_BYTES = 32 * 2**20


class SendOutcome(Exception):
    """No response, or none that was whole. `sent` is False only where it is certain that not one byte of the request left this machine."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent


class AnswerTooLarge(SendOutcome):
    """There is an answer, and no more than `most_bytes` of it was read: its `status` is known, and what it says is not."""

    def __init__(self, status: int, most_bytes: int) -> None:
        super().__init__(f"the answer is larger than {mebibytes(most_bytes)}", sent=True)
        self.status = status
        self.most_bytes = most_bytes


class Http(Protocol):
    """One client with its own connections; it never retries."""

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
        """Raises SendOutcome where there is no whole response, AnswerTooLarge where its body has more than `most_bytes`."""

    def close(self) -> None: ...


def mebibytes(number: int) -> str:
    """A bound in words."""
    return f"{number / 2**20:.3g} MiB"
