"""HTTP for a single question, such as the service's version: fulfils the Http port with urllib3, which is loaded for the API anyway.

The checks that account for every request use `http_client`: importing httpx takes a quarter of a second, and here nothing is written.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from shelterctl.adapters import http_body
from shelterctl.ports.http import MOST_BYTES, HttpAnswer, SendOutcome

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse


class Urllib3Client:
    """Never a retry, never a proxy, never a redirect; a connection for each request."""

    def __init__(self) -> None:
        import urllib3

        self._pool = urllib3.PoolManager(num_pools=1, maxsize=1, retries=False)
        self._errors = urllib3.exceptions.HTTPError
        # Each is raised before a byte of the request leaves.
        self._unsent = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)

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
        """Raises SendOutcome."""
        began_s = time.monotonic()
        told = {"Connection": "close", "Accept-Encoding": http_body.ACCEPTED, **(headers or {})}
        try:
            answer = self._pool.request(
                method, url, headers=told, body=body, timeout=timeout_s, redirect=False, retries=False, preload_content=False
            )
            try:
                lower = {name.lower(): value for name, value in answer.headers.items()}
                status, packed = answer.status, lower.get("content-encoding", "")
                http_body.announced(lower.get("content-length", ""), packed, status=status, most_bytes=most_bytes)
                whole = http_body.gathered(_pieces(answer), status=status, encoding=packed, most_bytes=most_bytes, timeout_s=timeout_s)
            finally:
                answer.close()
        except self._errors as error:
            raise SendOutcome(f"{type(error).__name__}: {error}", sent=not isinstance(error, self._unsent)) from error
        return HttpAnswer(status, lower, whole, time.monotonic() - began_s)

    def close(self) -> None:
        self._pool.clear()


def _pieces(answer: BaseHTTPResponse) -> Iterator[bytes]:
    """The body as it comes: `stream` would wait until a piece is full, however slowly that is."""
    while piece := answer.read1(http_body.PIECE_BYTES, decode_content=False):
        yield piece
