"""The client of locustfiles/ against a server that misbehaves: what Locust is told of it, and what the server saw."""

from __future__ import annotations

import gzip
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator

import brotli  # type: ignore[import-untyped]
import pytest

from tests.adapters.misbehaving_server import OK, Answer, answers, closes, free_port, is_silent, resets, serving
from tests.adapters.swarm.asking import Asker, asking

pytestmark = pytest.mark.local

GET = {"method": "GET", "url": "/"}
MOST_BYTES = 64 * 1024 * 1024


@pytest.fixture(scope="module")
def asker() -> Iterator[Asker]:
    with asking() as process:
        yield process


def answer(*fields: str, body: bytes = b"", status: str = "200 OK") -> bytes:
    return "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", *fields, "")).encode() + body


def sized(body: bytes, *fields: str) -> bytes:
    return answer(*fields, f"Content-Length: {len(body)}", body=body)


def raw_deflated(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


CHUNKED = answer(
    "Transfer-Encoding: chunked",
    body=b'4;part="1"\r\nabcd\r\n00A ; x=y\r\n0123456789\r\n0\r\nX-Sum: 14\r\nX-Other: none\r\n\r\n',
)
WHOLE = {
    "sized": (sized(b"hello"), "hello"),
    "empty": (sized(b""), ""),
    "chunked, with extensions and trailers": (CHUNKED, "abcd0123456789"),
    "chunked and empty": (answer("Transfer-Encoding: chunked", body=b"0\r\n\r\n"), ""),
    "after interim answers": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + sized(b"late"), "late"),
    "without a reason": (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", "ok"),
    "gzip": (sized(gzip.compress(b"packed"), "Content-Encoding: gzip"), "packed"),
    "gzip in two members": (sized(gzip.compress(b"pack") + gzip.compress(b"ed"), "Content-Encoding: GZIP"), "packed"),
    "deflate": (sized(zlib.compress(b"packed"), "Content-Encoding: deflate"), "packed"),
    "bare deflate": (sized(raw_deflated(b"packed"), "Content-Encoding: deflate"), "packed"),
    "br": (sized(brotli.compress(b"packed"), "Content-Encoding: br"), "packed"),
}


@pytest.mark.parametrize("case", WHOLE)
@pytest.mark.parametrize("piece", [0, 1])
def test_a_whole_answer_is_read_to_its_end_and_the_connection_kept(asker: Asker, case: str, piece: int) -> None:
    text, content = WHOLE[case]
    with serving(in_pieces(text, piece) if piece else answers(text), answers()) as server:
        told = asker.ask(server.url, GET, GET)
    assert [(event["status"], event["content"], event["kind"]) for event in told.events] == [(200, content, ""), (200, "{}", "")]
    assert told.events[0]["length"] == len(content)
    assert (server.connections, len(server.requests)) == (1, 2)


def in_pieces(text: bytes, size: int, pause_s: float = 0.0005) -> Answer:
    def act(connection: socket.socket) -> bool:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(text), size):
            connection.sendall(text[at : at + size])
            time.sleep(pause_s)
        return True

    return act


@pytest.mark.parametrize(
    ("method", "text"),
    [
        ("HEAD", answer("Content-Length: 500")),
        ("HEAD", answer("Transfer-Encoding: chunked")),
        ("HEAD", answer("Content-Encoding: gzip")),
        ("GET", answer(status="204 No Content")),
        ("GET", answer("Content-Length: 500", status="304 Not Modified")),
    ],
)
def test_an_answer_that_has_no_body_is_waited_for_no_longer(asker: Asker, method: str, text: bytes) -> None:
    with serving(answers(text), answers()) as server:
        told = asker.ask(server.url, {"method": method, "url": "/"}, GET)
    assert [event["kind"] for event in told.events] == ["", ""]
    assert (told.events[0]["content"], server.connections) == ("", 1)


@pytest.mark.parametrize(
    "text",
    [answer(body=b"to the end"), b"HTTP/1.0 200 OK\r\nContent-Length: 10\r\n\r\nto the end", sized(b"to the end", "Connection: Close, x")],
)
def test_an_answer_that_ends_its_connection_leaves_none_to_ask_on(asker: Asker, text: bytes) -> None:
    with serving(answers(text, keep=False), answers()) as server:
        told = asker.ask(server.url, GET, GET)
    assert [(event["content"], event["kind"]) for event in told.events] == [("to the end", ""), ("{}", "")]
    assert server.connections == 2


def test_a_connection_that_the_server_closed_while_it_was_idle_is_replaced(asker: Asker) -> None:
    with serving(answers(), answers(), close_idle=True) as server:
        told = asker.ask(server.url, GET, {"pause_s": 0.2}, GET)
    assert [event["kind"] for event in told.events] == ["", ""]
    assert (server.connections, len(server.requests)) == (2, 2)


@pytest.mark.parametrize(("act", "kind"), [(closes, "HTTPConnectionClosed"), (resets, "HTTPConnectionClosed ECONNRESET")])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_without_an_answer_is_a_failure_and_not_asked_again(asker: Asker, act: Answer, kind: str, method: str) -> None:
    with serving(answers(), act, answers()) as server:
        told = asker.ask(server.url, GET, {"method": method, "url": "/"}, GET)
    assert [event["kind"] for event in told.events] == ["", kind, ""]
    assert [(event["status"], event["ok"], event["content"]) for event in told.events[1:2]] == [(0, False, None)]
    assert len(server.requests) == 3


@pytest.mark.parametrize("act", [closes, resets])
def test_a_connection_that_rested_may_have_been_ended_meanwhile_and_a_read_is_asked_again(asker: Asker, act: Answer) -> None:
    """A server ends what is kept after a while (gunicorn: 2 s): a request that crosses that on its way is no failure of the service."""
    with serving(answers(), act, answers()) as server:
        told = asker.ask(server.url, GET, {"pause_s": 1.0}, GET)
    assert [event["kind"] for event in told.events] == ["", ""]
    assert len(server.requests) == 3


def test_a_write_is_sent_on_no_connection_that_rested(asker: Asker) -> None:
    """It would have to be sent twice, or be lost."""
    post = {"method": "POST", "url": "/"}
    with serving(answers(), answers(), answers()) as server:
        told = asker.ask(server.url, GET, post, {"pause_s": 1.0}, post)
    assert [event["kind"] for event in told.events] == ["", "", ""]
    assert server.connections == 2


def test_what_follows_an_answer_belongs_to_no_request(asker: Asker) -> None:
    forged = sized(b"forged")
    scripts = [answers(sized(b"one") + forged), answers(CHUNKED + forged), answers(answer(status="204 None") + forged), answers()]
    with serving(*scripts) as server:
        told = asker.ask(server.url, GET, GET, GET, GET)
    assert [event["content"] for event in told.events] == ["one", "abcd0123456789", "", "{}"]
    assert server.connections == 4


def test_bytes_that_come_unasked_between_two_requests_end_the_connection(asker: Asker) -> None:
    def talks_on(connection: socket.socket) -> bool:
        connection.sendall(OK)
        time.sleep(0.1)
        connection.sendall(sized(b"forged"))
        return True

    with serving(talks_on, answers()) as server:
        told = asker.ask(server.url, GET, {"pause_s": 0.3}, GET)
    assert [event["content"] for event in told.events] == ["{}", "{}"]
    assert server.connections == 2


MALFORMED = {
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "no HTTP, and no end": b"220 mail.example\r\n",
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "another version": b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\n\r\n",
    "a name with a blank": answer("Content-Length : 2", body=b"ok"),
    "a folded field": answer("X-A: 1", " 2", "Content-Length: 2", body=b"ok"),
    "a line without a colon": answer("nonsense"),
    "a NUL": b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nok",
    "a length with a sign": answer("Content-Length: +2", body=b"ok"),
    "a length in words": answer("Content-Length: two", body=b"ok"),
    "a length of 5,000 digits": answer("Content-Length: " + "1" * 5000),
    "two lengths": answer("Content-Length: 2", "Content-Length: 3", body=b"okk"),
    "a length and chunks": answer("Content-Length: 2", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "an unknown transfer coding": answer("Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "a chunk without a size": answer("Transfer-Encoding: chunked", body=b"x\r\n\r\n"),
    "a chunk with a sign": answer("Transfer-Encoding: chunked", body=b"-1\r\n\r\n"),
    "a chunk that is longer than it says": answer("Transfer-Encoding: chunked", body=b"2\r\nabc\r\n0\r\n\r\n"),
    "trailers that are none": answer("Transfer-Encoding: chunked", body=b"0\r\nnonsense\r\n\r\n"),
    "another protocol": answer("Upgrade: h2c", status="101 Switching Protocols"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_answer_is_a_failure_and_ends_the_connection(asker: Asker, case: str) -> None:
    with serving(answers(MALFORMED[case]), answers()) as server:
        told = asker.ask(server.url, GET, GET)
    assert [event["kind"] for event in told.events] == ["HTTPParseError", ""]
    assert told.events[0]["words"]
    assert (server.connections, told.elapsed_s < 5) == (2, True)


CUT = [OK[:20], sized(b"hello")[:-2], CHUNKED[:-40], CHUNKED[:-3], b"HTTP/1.1 100 Continue\r\n\r\n"]


@pytest.mark.parametrize("text", CUT)
def test_an_answer_that_ends_too_soon_is_a_failure(asker: Asker, text: bytes) -> None:
    with serving(answers(text, keep=False)) as server:
        told = asker.ask(server.url)
    assert [(event["kind"], event["status"]) for event in told.events] == [("HTTPParseError", 0)]
    assert "closed within an answer" in told.events[0]["words"]


def zeros(size: int, head: bytes) -> Answer:
    def act(connection: socket.socket) -> bool:
        connection.sendall(head)
        block = bytes(1024 * 1024)
        for _ in range(size // len(block)):
            connection.sendall(block)
        return False

    return act


def bomb(pack: Callable[[bytes], bytes], name: str) -> Answer:
    return answers(sized(pack(bytes(MOST_BYTES + 1)), f"Content-Encoding: {name}"))


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (lambda: answers(answer(f"Content-Length: {MOST_BYTES + 1}")), "AnswerTooLarge"),
        (lambda: answers(answer("Transfer-Encoding: chunked", body=b"%x\r\n" % (MOST_BYTES + 1))), "AnswerTooLarge"),
        (lambda: zeros(MOST_BYTES + 2**20, answer()), "AnswerTooLarge"),
        (lambda: bomb(gzip.compress, "gzip"), "AnswerTooLarge"),
        (lambda: bomb(zlib.compress, "deflate"), "AnswerTooLarge"),
        (lambda: bomb(lambda data: bytes(brotli.compress(data, quality=1)), "br"), "AnswerTooLarge"),
        (lambda: answers(sized(gzip.compress(b"x" * 99)[:-9], "Content-Encoding: gzip")), "ContentUndecodable"),
        (lambda: answers(sized(brotli.compress(b"x" * 99)[:-1], "Content-Encoding: br")), "ContentUndecodable"),
        (lambda: answers(sized(b"plain", "Content-Encoding: gzip")), "ContentUndecodable"),
        (lambda: answers(sized(b"plain", "Content-Encoding: br")), "ContentUndecodable"),
        (lambda: answers(sized(b"plain", "Content-Encoding: zstd")), "ContentUndecodable"),
        (lambda: answers(answer("X: " + "x" * 70_000)), "HeadTooLarge"),
        (lambda: answers(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 20_000), "HeadTooLarge"),
        (lambda: answers(b"HTTP/1.1 103 Early\r\n\r\n" * 5_000), "HeadTooLarge"),
        (lambda: answers(answer("Transfer-Encoding: chunked", body=b"1;" + b"x" * 70_000)), "HeadTooLarge"),
        (lambda: answers(answer("Transfer-Encoding: chunked", body=b"0\r\n" + b"X-A: b\r\n" * 20_000)), "HeadTooLarge"),
    ],
)
def test_what_is_too_large_or_packed_wrongly_is_a_failure_with_a_name(asker: Asker, act: Callable[[], Answer], kind: str) -> None:
    with serving(act()) as server:
        told = asker.ask(server.url)
    assert [(event["kind"], event["length"]) for event in told.events] == [(kind, 0)]


def test_an_answer_of_the_largest_size_is_read(asker: Asker) -> None:
    with serving(zeros(MOST_BYTES, answer(f"Content-Length: {MOST_BYTES}"))) as server:
        told = asker.ask(server.url)
    assert [(event["kind"], event["length"]) for event in told.events] == [("", MOST_BYTES)]


DRIPS = [in_pieces(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 999, 1, 0.1), in_pieces(sized(b"x" * 9999), 60, 0.2), is_silent]


@pytest.mark.parametrize("act", [*DRIPS, in_pieces(answer("Transfer-Encoding: chunked") + b"1\r\nx\r\n" * 999, 50, 0.2)])
def test_a_server_that_drips_does_not_hang_the_user(asker: Asker, act: Answer) -> None:
    with serving(act) as server:
        told = asker.ask(server.url, network_timeout=1.0)
    assert [event["kind"] for event in told.events] == ["TimeoutError"]
    assert 0.9 < told.elapsed_s < 2.5


def test_a_chain_of_redirects_has_one_deadline(asker: Asker) -> None:
    def slowly(connection: socket.socket) -> bool:
        time.sleep(0.6)
        connection.sendall(answer("Location: /", "Content-Length: 0", status="302 Found"))
        return True

    with serving(*[slowly] * 5) as server:
        told = asker.ask(server.url, network_timeout=1.0)
    assert [event["kind"] for event in told.events] == ["TimeoutError"]
    assert told.elapsed_s < 2.5


def test_a_connection_has_a_deadline_of_its_own(asker: Asker) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(address)
        told = asker.ask(f"http://127.0.0.1:{address[1]}", connection_timeout=0.5)
        for each in waiting:
            each.close()
    assert [event["kind"] for event in told.events] == ["TimeoutError"]
    assert 0.4 < told.elapsed_s < 3


def test_nobody_there_is_told_by_the_systems_name(asker: Asker) -> None:
    told = asker.ask(f"http://127.0.0.1:{free_port()}")
    assert [event["kind"] for event in told.events] == ["ConnectionRefusedError ECONNREFUSED"]
    told = asker.ask("http://nobody.invalid")
    assert [event["kind"] for event in told.events] == ["gaierror"]


def test_names_and_addresses_of_version_6_are_reached(asker: Asker) -> None:
    with serving(answers()) as server:
        told = asker.ask(server.url.replace("127.0.0.1", "localhost"))
    assert [event["kind"] for event in told.events] == [""]
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no ::1")
    heads: list[bytes] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            heads.append(connection.recv(65536))
            connection.sendall(OK)

    thread = threading.Thread(target=serve)
    thread.start()
    port = listener.getsockname()[1]
    told = asker.ask(f"http://[::1]:{port}")
    thread.join(5)
    listener.close()
    assert [event["kind"] for event in told.events] == [""]
    assert f"Host: [::1]:{port}\r\n".encode() in heads[0]
