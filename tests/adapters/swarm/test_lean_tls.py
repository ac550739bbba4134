"""TLS of the client of locustfiles/: whose certificates it takes, and that a handshake ends."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.adapters.misbehaving_server import Answer, answers, closes
from tests.adapters.swarm.asking import Asker, asking

pytestmark = pytest.mark.local

GET = {"method": "GET", "url": "/"}
#: What the machine itself may have set.
NO_AUTHORITIES = {"REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": "", "SSL_CERT_FILE": "", "SSL_CERT_DIR": ""}


@pytest.fixture(scope="module")
def asker() -> Iterator[Asker]:
    with asking() as process:
        yield process


@contextmanager
def tls_serving(folder: Path, *script: Answer) -> Iterator[tuple[str, Path]]:
    """A server of 127.0.0.1 and localhost with a certificate that no authority knows: its URL, and the certificate's file."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    argv += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))
    steps = iter(script)

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with suppress(OSError), context.wrap_socket(connection, server_side=True) as wrapped:
                    while wrapped.recv(65536) and next(steps, closes)(wrapped):
                        pass

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}", certificate
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_certificate_is_held_to_the_authorities_of_the_environment(tmp_path: Path, variable: str) -> None:
    large = b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 3_000_000
    script = answers(), answers(large), answers(keep=False), answers()
    with tls_serving(tmp_path, *script) as (url, certificate), asking(**{**NO_AUTHORITIES, variable: str(certificate)}) as asker:
        told = asker.ask(url, GET, GET, GET, {"pause_s": 0.1}, GET)
    assert [(event["kind"], event["length"]) for event in told.events] == [("", 2), ("", 3_000_000), ("", 2), ("", 2)]


def test_a_certificate_that_nobody_vouches_for_is_a_failure(asker: Asker, tmp_path: Path) -> None:
    with tls_serving(tmp_path, *[answers()] * 2) as (url, certificate):
        assert [event["kind"] for event in asker.ask(url).events] == ["SSLCertVerificationError"]
        assert [event["kind"] for event in asker.ask(url, insecure=True).events] == [""]
        with asking(**{**NO_AUTHORITIES, "SSL_CERT_FILE": str(certificate)}) as trusting:
            wrong = trusting.ask(url.replace("127.0.0.1", "127.0.0.2"))
        assert [event["kind"] for event in wrong.events] in (["SSLCertVerificationError"], ["ConnectionRefusedError ECONNREFUSED"])


def test_a_handshake_that_nobody_answers_has_a_deadline(asker: Asker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        told = asker.ask(f"https://127.0.0.1:{listener.getsockname()[1]}", connection_timeout=0.5)
    assert [event["kind"] for event in told.events] == ["TimeoutError"]
    assert told.elapsed_s < 3
