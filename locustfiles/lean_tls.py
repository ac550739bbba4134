"""TLS over the connections of lean_connection.py, and how a connection to a server is made."""

from __future__ import annotations

import os
import socket
import ssl
import time
from pathlib import Path

import gevent
import gevent.socket
import gevent.ssl
from lean_connection import BLOCK, Connection


class TlsConnection:
    """TLS over a Connection."""

    __slots__ = ("_incoming", "_outgoing", "_plain", "_tls")

    def __init__(self, plain: Connection, host: str, context: ssl.SSLContext) -> None:
        """Shakes hands. Raises ssl.SSLError, OSError."""
        self._plain = plain
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        try:
            self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
            self._do(self._tls.do_handshake)
        except BaseException:
            plain.close()
            raise

    @property
    def deadline(self) -> float:
        return self._plain.deadline

    @deadline.setter
    def deadline(self, deadline: float) -> None:
        self._plain.deadline = deadline

    def close(self) -> None:
        self._plain.close()

    def is_idle(self) -> bool:
        """As of a plain one. What TLS 1.3 sends by itself after the handshake, tickets for a next one, is no end."""
        try:
            while not self._plain.is_idle():
                if not self._feed():
                    return False
                try:
                    self._tls.read(1)
                except ssl.SSLWantReadError:
                    continue
                return False
        except OSError:
            return False
        return not self._incoming.pending and not self._tls.pending()

    def send(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            written = self._do(lambda rest=rest: self._tls.write(rest))
            rest = rest[written:]

    def receive(self) -> bytes:
        try:
            return self._do(lambda: self._tls.read(BLOCK))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""  # many servers end without TLS's own goodbye

    def _feed(self) -> bool:
        """Takes what came; False at the connection's end."""
        data = self._plain.receive()
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        return bool(data)

    def _do(self, step):
        while True:
            try:
                done = step()
            except ssl.SSLWantReadError:
                self._flush()
                self._feed()
            else:
                self._flush()
                return done

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._plain.send(self._outgoing.read())


_contexts: dict[bool, ssl.SSLContext] = {}


def tls_context(insecure: bool) -> ssl.SSLContext:
    """What certificates are held to, made once: REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE, else OpenSSL's own (SSL_CERT_FILE, SSL_CERT_DIR)."""
    if insecure not in _contexts:
        bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
        if insecure:
            context = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif bundle:
            folder = Path(bundle).is_dir()
            context = gevent.ssl.create_default_context(cafile=None if folder else bundle, capath=bundle if folder else None)
        else:
            context = gevent.ssl.create_default_context()
            if not os.environ.get("SSL_CERT_FILE") and not os.environ.get("SSL_CERT_DIR") and not _has_authorities():
                import certifi

                context.load_verify_locations(certifi.where())
        _contexts[insecure] = context
    return _contexts[insecure]


def _has_authorities() -> bool:
    paths = ssl.get_default_verify_paths()
    return bool(paths.cafile or paths.capath)


def connected(host: str, port: int, timeout_s: float, deadline: float, tls: ssl.SSLContext | None) -> Connection | TlsConnection:
    """A connection within `timeout_s`, and until the deadline (monotonic clock). Raises OSError."""
    until = min(deadline, time.monotonic() + timeout_s)
    first: OSError | None = None
    for family, address in _addresses(host, port, until):
        try:
            plain = Connection(family, address, until)
            return plain if tls is None else TlsConnection(plain, host, tls)
        except OSError as error:
            first = first or error
            if time.monotonic() >= until:
                break
    raise first or OSError(f"{host} has no address")


def _addresses(host: str, port: int, until: float) -> list[tuple[int, tuple]]:
    """Addresses are their own answer: gevent would ask a thread. Names are asked for each connection, since what they mean changes."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return [(family, (host, port))]
    with gevent.Timeout(max(0.001, until - time.monotonic()), TimeoutError("timed out")):
        try:
            found = gevent.socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
        except UnicodeError as error:  # a label that is empty or too long
            raise socket.gaierror(socket.EAI_NONAME, f"{host[:80]!r} is no host's name") from error
    return [(family, address) for family, _, _, _, address in found]
