"""What every HTTP client does: those that send, and the one whose services are functions."""

from __future__ import annotations

import gzip
import json
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from shelterctl.adapters.http_client import HttpxClient
from shelterctl.adapters.http_question import Urllib3Client
from shelterctl.ports.http import AnswerTooLarge, Http, HttpAnswer, SendOutcome
from tests.adapters.misbehaving_server import CHUNKED, Answer, answers, chunk, free_port, serving, streams
from tests.fakes import HttpInMemory

pytestmark = pytest.mark.local


def echo(method: str, target: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
    """A service that says what it was asked."""
    said = {"method": method, "target": target, "key": headers.get("idempotency-key"), "body": body.decode()}
    return HttpAnswer(418 if target == "/teapot" else 200, {"x-pod": "app-1"}, json.dumps(said).encode(), 0.001)


class _Handler(BaseHTTPRequestHandler):
    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = echo(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        self.send_response(answer.status)
        self.send_header("X-Pod", answer.headers["x-pod"])
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = _any

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


MAKERS: dict[str, Callable[[int], Http]] = {
    "httpx": lambda port: HttpxClient(),
    "urllib3": lambda port: Urllib3Client(),
    "in memory": lambda port: HttpInMemory({f"127.0.0.1:{port}": echo}),
}


@pytest.fixture(params=MAKERS)
def client(request: pytest.FixtureRequest, port: int) -> Iterator[Http]:
    made = MAKERS[str(request.param)](port)
    yield made
    made.close()


def test_what_is_sent_is_what_is_answered(client: Http, port: int) -> None:
    answer = client.request(
        "POST", f"http://127.0.0.1:{port}/data?a=1", headers={"Idempotency-Key": "k"}, body='{"ü": 1}'.encode(), timeout_s=5
    )
    assert json.loads(answer.body) == {"method": "POST", "target": "/data?a=1", "key": "k", "body": '{"ü": 1}'}
    assert (answer.status, answer.headers["x-pod"]) == (200, "app-1")
    assert answer.elapsed_s > 0


def test_an_error_status_is_an_answer(client: Http, port: int) -> None:
    assert client.request("GET", f"http://127.0.0.1:{port}/teapot", timeout_s=5).status == 418


def test_where_nobody_listens_nothing_is_sent(client: Http) -> None:
    with pytest.raises(SendOutcome) as caught:
        client.request("POST", f"http://127.0.0.1:{free_port()}/data", body=b"{}", timeout_s=5)
    assert caught.value.sent is False
    assert caught.value.reason


def test_closing_twice_is_harmless(client: Http) -> None:
    client.close()
    client.close()


MIB = 2**20
#: 256 MiB of zeros in 256 KiB; a server that packs what nobody asked it to pack.
BOMB = gzip.compress(bytes(256 * MIB), 9)
OVER_THE_WIRE = {name: make for name, make in MAKERS.items() if name != "in memory"}


@pytest.fixture(params=OVER_THE_WIRE)
def sender(request: pytest.FixtureRequest) -> Iterator[Http]:
    made = OVER_THE_WIRE[str(request.param)](0)
    yield made
    made.close()


def test_a_body_that_is_as_large_as_may_be_is_an_answer_and_one_byte_more_is_not(client: Http, port: int) -> None:
    url = f"http://127.0.0.1:{port}/data"
    whole = client.request("GET", url, timeout_s=5).body
    assert client.request("GET", url, timeout_s=5, most_bytes=len(whole)).body == whole
    with pytest.raises(AnswerTooLarge) as caught:
        client.request("GET", url, timeout_s=5, most_bytes=len(whole) - 1)
    assert (caught.value.status, caught.value.most_bytes, caught.value.sent) == (200, len(whole) - 1, True)
    # What was left unread is no part of the next answer.
    assert client.request("GET", url, timeout_s=5).body == whole


@pytest.mark.parametrize(
    "answer",
    [
        streams(CHUNKED, chunk(b"x" * 2**16)),
        streams(CHUNKED, chunk(b"x" * 2**24)),
        streams(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 2**16),
        streams(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (200 * MIB), b"x" * 2**16, times=3200),
        streams(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", b"x" * 2**16),
        answers(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(BOMB), BOMB)),
        streams(CHUNKED.replace(b"chunked", b"chunked\r\nContent-Encoding: gzip"), chunk(BOMB)),
    ],
    ids=["chunks without end", "large chunks", "no length and no end", "200 MiB", "a length that is none", "gzip bomb", "bomb in chunks"],
)
def test_an_answer_of_any_size_costs_no_more_memory_than_its_bound(sender: Http, answer: Answer) -> None:
    with serving(answer) as server:
        # The body as it is read, and as it is kept; the server's own pieces are in this process, too.
        tracemalloc.start()
        try:
            with pytest.raises(AnswerTooLarge, match="larger than 4 MiB") as caught:
                sender.request("GET", server.url, timeout_s=30, most_bytes=4 * MIB)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert caught.value.status == 200
    assert peak < 48 * MIB


def test_a_client_that_keeps_what_it_is_sent_would_fail_that(sender: Http) -> None:
    """The measure itself: the same bomb with room for it takes the memory that the bound spares."""
    with serving(answers(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(BOMB), BOMB))) as server:
        tracemalloc.start()
        try:
            assert len(sender.request("GET", server.url, timeout_s=30, most_bytes=512 * MIB).body) == 256 * MIB
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak > 200 * MIB


def test_an_answer_that_trickles_without_end_ends_with_its_time(sender: Http) -> None:
    late = pytest.raises(SendOutcome, match=r"did not end within 0\.5 s")
    with serving(streams(CHUNKED, chunk(b"x"), pause_s=0.05)) as server, late:
        sender.request("GET", server.url, timeout_s=0.5)
    with serving(streams(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", b"x", pause_s=0.05)) as server, late:
        sender.request("GET", server.url, timeout_s=0.5)


@pytest.mark.parametrize(
    ("encoding", "sent"),
    [("gzip", gzip.compress(b"plain")), ("deflate", zlib.compress(b"plain")), ("GZIP", gzip.compress(b"plain")), ("identity", b"plain")],
)
def test_what_a_server_packs_all_the_same_is_unpacked(sender: Http, encoding: str, sent: bytes) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(sent)}\r\n\r\n".encode()
    with serving(answers(head + sent)) as server:
        assert sender.request("GET", server.url, timeout_s=5).body == b"plain"
        assert b"Accept-Encoding: identity\r\n" in server.requests[0]


@pytest.mark.parametrize(
    ("encoding", "sent", "said"),
    [
        ("gzip", gzip.compress(b"plain")[:-9], "ends in the middle"),
        ("gzip", b"plain", "cannot be unpacked as gzip"),
        ("br", b"\x0b\x02\x80plain\x03", "packed as br"),
    ],
)
def test_what_cannot_be_unpacked_is_no_answer(sender: Http, encoding: str, sent: bytes, said: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(sent)}\r\n\r\n".encode()
    with serving(answers(head + sent)) as server, pytest.raises(SendOutcome, match=said) as caught:
        sender.request("GET", server.url, timeout_s=5)
    assert caught.value.sent is True


def test_a_length_that_is_too_long_is_no_answer_and_one_too_short_spoils_no_other(sender: Http) -> None:
    with serving(answers(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", keep=False)) as server, pytest.raises(SendOutcome):
        sender.request("GET", server.url, timeout_s=5)
    with serving(answers(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}}, 7]"), answers()) as server:
        assert sender.request("GET", server.url, timeout_s=5).body == b"{}"
        # On a connection that is kept, what is left over makes the next answer none; it is taken for nobody's.
        with suppress(SendOutcome):
            assert sender.request("GET", server.url, timeout_s=5).status == 200
