"""HTTP for a single question, such as the service's version: fulfils the Http port with urllib3, which is loaded for the API anyway.

The checks that account for every request use `http_client`: importing httpx takes a quarter of a second, and here nothing is written.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from shelterctl.ports.http import HttpAnswer, SendOutcome


class Urllib3Client:
    """Never a retry, never a proxy, never a redirect; a connection for each request."""

    def __init__(self) -> None:
        import urllib3

        self._pool = urllib3.PoolManager(num_pools=1, maxsize=1, retries=False)
        self._errors = urllib3.exceptions.HTTPError
        # Each is raised before a byte of the request leaves.
        self._unsent = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None, timeout_s: float
    ) -> HttpAnswer:
        """Raises SendOutcome."""
        began_s = time.monotonic()
        sent = {"Connection": "close", **(headers or {})}
        try:
            answer = self._pool.request(method, url, headers=sent, body=body, timeout=timeout_s, redirect=False, retries=False)
        except self._errors as error:
            raise SendOutcome(f"{type(error).__name__}: {error}", sent=not isinstance(error, self._unsent)) from error
        lower = {name.lower(): value for name, value in answer.headers.items()}
        return HttpAnswer(answer.status, lower, answer.data, time.monotonic() - began_s)

    def close(self) -> None:
        self._pool.clear()
