"""A server as lean_client.py knows it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

#: No part of an address or of a head may hold them.
UNSENDABLE = re.compile(r"[\x00-\x1f\x7f]")
_PORTS = {"http": 80, "https": 443}


class Server:
    """Where requests go: scheme, host and port, and the connection to it that is kept."""

    __slots__ = ("connection", "host", "host_field", "port", "rests_since", "tls", "url")

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname or UNSENDABLE.search(url):
            raise ValueError(f"no http:// or https:// address: {url!r}")
        host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode("ascii")
        self.tls, self.host, self.port = parts.scheme == "https", host, parts.port or _PORTS[parts.scheme]
        name = f"[{self.host}]" if ":" in self.host else self.host
        self.host_field = name if self.port == _PORTS[parts.scheme] else f"{name}:{self.port}"
        self.url = f"{parts.scheme}://{self.host_field}"
        self.connection = None
        #: When the last answer came on the kept connection (monotonic clock).
        self.rests_since = 0.0

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None
