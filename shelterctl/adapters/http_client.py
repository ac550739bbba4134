"""HTTP for the checks: never a retry, never a proxy, never a redirect, and a certain word on whether a request left this machine."""

from __future__ import annotations

import time
from collections.abc import Mapping

from shelterctl.adapters import http_body
from shelterctl.ports.http import MOST_BYTES, HttpAnswer, SendOutcome


class HttpxClient:
    """One client with its own connections. Not shared between threads: each writer has its own."""

    def __init__(self) -> None:
        import httpx

        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=2.0)
        # Proxies and .netrc of the environment would put something between the check and what it checks.
        self._client = httpx.Client(transport=httpx.HTTPTransport(retries=0, limits=limits, trust_env=False), trust_env=False)
        self._errors = (httpx.HTTPError, httpx.InvalidURL)

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
        """Raises SendOutcome. `sent` turns true when the transport begins to write the request, whatever becomes of it then."""
        sent = False

        def trace(name: str, _info: Mapping[str, object]) -> None:
            nonlocal sent
            if name.endswith("send_request_headers.started"):
                sent = True

        began_s = time.monotonic()
        told = {"Accept-Encoding": http_body.ACCEPTED, **(headers or {})}
        try:
            # A connection whose answer was not read to its end is closed with it.
            with self._client.stream(method, url, headers=told, content=body, timeout=timeout_s, extensions={"trace": trace}) as answer:
                lower = {name.lower(): value for name, value in answer.headers.items()}
                status, packed = answer.status_code, lower.get("content-encoding", "")
                http_body.announced(lower.get("content-length", ""), packed, status=status, most_bytes=most_bytes)
                whole = http_body.gathered(answer.iter_raw(), status=status, encoding=packed, most_bytes=most_bytes, timeout_s=timeout_s)
        except self._errors as error:
            raise SendOutcome(f"{type(error).__name__}: {error}".rstrip(": "), sent=sent) from error
        return HttpAnswer(status, lower, whole, time.monotonic() - began_s)

    def close(self) -> None:
        self._client.close()
