"""The client of locustfiles/ where it keeps the beginning of an answer, as the load of a user's own stack does."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import brotli  # type: ignore[import-untyped]
import pytest

from shelterctl.adapters.swarm.runner import LocustRunner
from shelterctl.core.load.plan import LoadPlan, LoadSample
from tests.adapters.misbehaving_server import Answer, answers, is_silent, serving
from tests.adapters.swarm.asking import ROOT, Asker, asking
from tests.adapters.swarm.test_lean_client import CUT, GET, MALFORMED, answer, in_pieces, raw_deflated, sized
from tests.adapters.swarm.test_runner import added, until_ended

pytestmark = pytest.mark.local

KEEP_BYTES = 1000
TEXT = "".join(f"{number}," for number in range(50_000)).encode()
PACKED = {
    "gzip": gzip.compress(TEXT),
    "deflate": zlib.compress(TEXT),
    "bare deflate": raw_deflated(TEXT),
    "br": brotli.compress(TEXT, quality=1),
}


@pytest.fixture(scope="module")
def asker() -> Iterator[Asker]:
    with asking() as process:
        yield process


def chunked(body: bytes, *fields: str, size: int) -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return answer("Transfer-Encoding: chunked", *fields, body=b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in [*parts, b""]))


@pytest.mark.parametrize("size", [0, 7, 999, 70_000, 10**6])
@pytest.mark.parametrize("piece", [0, 997])
def test_all_of_an_answer_is_counted_and_its_beginning_kept(asker: Asker, size: int, piece: int) -> None:
    """`size` of a chunk; 0 for an answer that says its length. The next one comes on the same connection."""
    text = chunked(TEXT, size=size) if size else sized(TEXT)
    with serving(in_pieces(text, piece) if piece else answers(text), answers(sized(b"short"))) as server:
        told = asker.ask(server.url, GET, GET, keep_bytes=KEEP_BYTES)
    assert [(event["kind"], event["length"], event["kept"]) for event in told.events] == [("", len(TEXT), KEEP_BYTES), ("", 5, 5)]
    assert told.events[0]["content"] == TEXT[:200].decode()
    assert server.connections == 1


def test_an_answer_that_ends_with_its_connection_is_counted_too(asker: Asker) -> None:
    with serving(answers(answer(body=TEXT), keep=False)) as server:
        told = asker.ask(server.url, keep_bytes=KEEP_BYTES)
    assert [(event["kind"], event["length"], event["kept"]) for event in told.events] == [("", len(TEXT), KEEP_BYTES)]


@pytest.mark.parametrize("way", PACKED)
@pytest.mark.parametrize("size", [0, 300])
def test_a_packed_answer_is_counted_as_it_came_and_its_beginning_unpacked(asker: Asker, way: str, size: int) -> None:
    packed, field = PACKED[way], f"Content-Encoding: {way.removeprefix('bare ')}"
    with serving(answers(chunked(packed, field, size=size) if size else sized(packed, field))) as server:
        told = asker.ask(server.url, keep_bytes=KEEP_BYTES)
    (event,) = told.events
    assert (event["kind"], event["length"]) == ("", len(packed))
    assert 200 < event["kept"] <= KEEP_BYTES
    assert event["content"] == TEXT[:200].decode()


@pytest.mark.parametrize("way", ["gzip", "deflate", "br", "utf-8"])
def test_how_a_beginning_is_packed_is_nobodys_failure(asker: Asker, way: str) -> None:
    with serving(answers(sized(b"plain text", f"Content-Encoding: {way}"))) as server:
        told = asker.ask(server.url, keep_bytes=KEEP_BYTES)
    assert [(event["kind"], event["length"], event["content"]) for event in told.events] == [("", 10, "plain text")]


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: %d\r\n\r\n" % (300 * 2**20),
        b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % (300 * 2**20),
        b"\r\n",
    ],
)
def test_an_answer_of_any_size_costs_no_memory(head: bytes) -> None:
    """Far more than the bound on what is kept whole, also where it is one chunk."""

    def act(connection: socket.socket) -> bool:
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + head)
        for _ in range(300):
            connection.sendall(bytes(2**20))
        connection.sendall(b"\r\n0\r\n\r\n" if b"chunked" in head else b"")
        return False

    with asking() as process, serving(answers(), act) as server:
        process.ask(server.url, keep_bytes=2**16)
        before = process.peak_bytes()
        told = process.ask(server.url, keep_bytes=2**16, network_timeout=20.0)
        grown = process.peak_bytes() - before
    assert [(event["kind"], event["length"], event["kept"]) for event in told.events] == [("", 300 * 2**20, 2**16)]
    assert grown < 8 * 2**20


@pytest.mark.parametrize("text", [*CUT, chunked(TEXT, size=999)[:-9], sized(TEXT)[:-9], *MALFORMED.values()])
def test_what_is_cut_or_malformed_is_the_same_failure(asker: Asker, text: bytes) -> None:
    found = []
    for keep_bytes in (None, KEEP_BYTES):
        with serving(answers(text, keep=False)) as server:
            told = asker.ask(server.url, keep_bytes=keep_bytes)
        found.append([(event["kind"], event["words"], event["status"], event["length"]) for event in told.events])
    assert found[0] == found[1]
    assert found[0][0][0] == "HTTPParseError"


def test_an_answer_that_goes_on_has_time_and_one_that_does_not_ends(asker: Asker) -> None:
    slow: Answer = in_pieces(sized(b"x" * 100), 20, 0.3)
    with serving(slow, is_silent) as server:
        told = asker.ask(server.url, GET, GET, keep_bytes=KEEP_BYTES, network_timeout=1.0)
    assert [(event["kind"], event["length"]) for event in told.events] == [("", 100), ("TimeoutError", 0)]
    assert told.events[0]["response_time_ms"] > 1000


class OwnStack(BaseHTTPRequestHandler):
    """Sends a browser on after a write, and from one page to another, which it packs."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[str]] = []
    packed = gzip.compress(TEXT)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send(303, b"", Location="/all")

    def do_GET(self) -> None:
        if self.path == "/all":
            self.send(302, b"elsewhere", Location="/whole")
        else:
            self.send(200, self.packed, **{"Content-Encoding": "gzip"})

    def send(self, status: int, body: bytes, **fields: str) -> None:
        self.asked.append(f"{self.command} {self.path}")
        self.send_response(status)
        for field, value in {**fields, "Content-Length": str(len(body))}.items():
            self.send_header(field, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Replying(BaseHTTPRequestHandler):
    """Answers each write with what the class says, and its status."""

    protocol_version = "HTTP/1.1"
    status, said = 200, b""

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        mark = json.loads(sent)["t"].encode()
        self._say(self.status, self.said.replace(b"TOKEN", mark))

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def loaded(handler: type[BaseHTTPRequestHandler], rules: dict[str, object], folder: Path, *, users: int, requests: int) -> list[LoadSample]:
    """The load of a stack by `rules`, on a server of its own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    generator = LocustRunner()
    try:
        plan = LoadPlan(
            f"http://127.0.0.1:{server.server_port}", users, users, 60, str(ROOT / "locustfiles" / "stack.py"), run="test", think_s=0.0,
            seed=1, requests=requests, variables={"STACK_EXCHANGE": json.dumps(rules)},
        )  # fmt: skip
        generator.start(plan, folder)
        return until_ended(generator)
    finally:
        generator.stop()
        server.shutdown()
        server.server_close()


ERROR = "an answer with an error in its JSON"
UNLIKE = "HTTP 200 without what [writes] ok says"
RULE = {"statuses": [], "text": "", "fields": {}}


@pytest.mark.parametrize(
    ("ok", "status", "said", "kind"),
    [
        (None, 200, b'{"error": "the database is away"}', ERROR),
        (None, 200, b'{"errors": 3}', None),
        ({**RULE, "text": "stored"}, 200, b"could not be written", UNLIKE),
        ({**RULE, "fields": {"ok": True, "name": "{token}"}}, 200, b'{"ok": true, "name": "TOKEN", "id": 4}', None),
        ({**RULE, "fields": {"ok": True}}, 200, b'{"ok": 1}', UNLIKE),
        ({**RULE, "statuses": [201, 202]}, 200, b"", "HTTP 200, which [writes] ok does not name"),
        # Only its beginning was kept: the rule's text may stand behind it.
        ({**RULE, "text": "stored"}, 200, b"x" * 2**17, None),
    ],
)  # fmt: skip
def test_a_write_of_a_users_own_stack_counts_by_what_its_answer_says(
    tmp_path: Path, ok: object, status: int, said: bytes, kind: str | None
) -> None:
    rules = {
        "write": {"method": "POST", "path": "/items", "template": {"t": "{token}"}, "headers": {}, "body": "json"},
        "ok": ok, "read": "/all", "mix": {"write": 1}, "most_writes": 15,
    }  # fmt: skip
    replying = type("Replying", (Replying,), {"status": status, "said": said})
    samples = loaded(replying, rules, tmp_path, users=1, requests=5)
    assert added(samples, "by_name") == {"POST /items": 5}
    assert added(samples, "failure_kinds") == ({} if kind is None else {kind: 5})


LEARNED = {"status": 201, "skeleton": '{"id": "int", "name": "{token}"}', "location": ""}


@pytest.mark.parametrize(
    ("more", "status", "said", "kind"),
    [
        ({"learned": LEARNED}, 201, b'{"name": "TOKEN", "id": 4}', None),
        ({"learned": LEARNED}, 200, b'{"name": "TOKEN", "id": 4}', "HTTP 200, where the marked write got 201"),
        ({"learned": LEARNED}, 201, b'{"error": "away"}', "HTTP 201 with another answer than the marked write's"),
        ({"learned": LEARNED}, 302, b"", "HTTP 302, where the marked write got 201"),
        ({"learned": {**LEARNED, "status": 303, "skeleton": ""}}, 303, b"", None),
        ({"refused": "a login is wanted"}, 303, b"", "HTTP 303: a login is wanted"),
    ],
)
def test_a_write_of_a_users_own_stack_counts_by_what_the_marked_one_showed(
    tmp_path: Path, more: dict[str, object], status: int, said: bytes, kind: str | None
) -> None:
    rules = {
        "write": {"method": "POST", "path": "/items", "template": {"t": "{token}"}, "headers": {}, "body": "json"},
        "ok": None, "read": "/all", "mix": {"write": 1}, "most_writes": 15, **more,
    }  # fmt: skip
    samples = loaded(type("Replying", (Replying,), {"status": status, "said": said}), rules, tmp_path, users=1, requests=5)
    assert added(samples, "failure_kinds") == ({} if kind is None else {kind: 5})


class Guarded(Replying):
    """Lets nobody in without a key, and keeps what each request had."""

    seen: ClassVar[set[tuple[str, str | None, str | None]]] = set()

    def do_GET(self) -> None:
        self.seen.add((f"{self.command} {self.path}", self.headers["Authorization"], self.headers["Request-Id"] and "an id"))
        self._say(200 if self.headers["Authorization"] == "Bearer t7" else 401, b"{}")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()


def test_every_request_of_a_users_own_stack_has_the_headers_of_the_load(tmp_path: Path) -> None:
    told = {"Authorization": "Bearer t7"}
    rules = {
        "write": {"method": "POST", "path": "/items", "template": {"t": "{token}"}, "headers": told, "body": "json", "key": "Request-Id"},
        "read": "/all", "mix": {"write": 1, "read": 1, "GET /about": 1}, "most_writes": 10, "headers": told,
    }  # fmt: skip
    Guarded.seen.clear()
    samples = loaded(Guarded, rules, tmp_path, users=2, requests=40)
    assert added(samples, "failure_kinds") == {}
    reads = {(f"GET {path}", "Bearer t7", None) for path in ("/all", "/about")}
    assert Guarded.seen == {*reads, ("POST /items", "Bearer t7", "an id")}


def test_the_load_of_a_users_own_stack_counts_what_came_and_follows_what_it_reads(tmp_path: Path) -> None:
    rules = {
        "write": {"method": "POST", "path": "/items", "template": {"t": "{token}"}, "headers": {}, "body": "form"},
        "read": "/all",
        "mix": {"write": 1, "read": 2},
        "most_writes": 15,
    }
    OwnStack.asked.clear()
    samples = loaded(OwnStack, rules, tmp_path, users=3, requests=90)
    names = added(samples, "by_name")
    assert names == {"POST /items": 15, "GET /all": 75}
    assert added(samples, "failure_kinds") == {}
    # A write's redirect is its answer, a reading's is followed and told.
    assert added(samples, "oddities") == {"redirected": 75}
    assert {path: OwnStack.asked.count(path) for path in set(OwnStack.asked)} == {"POST /items": 15, "GET /all": 75, "GET /whole": 75}
    assert added(samples, "bytes_by_name") == {"GET /all": 75 * len(OwnStack.packed)}
