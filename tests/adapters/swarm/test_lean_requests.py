"""What the client of locustfiles/ sends, where redirects and certificates lead it, and that it counts as Locust's own client does."""

from __future__ import annotations

import gzip
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from shelterctl.adapters.swarm.runner import LocustRunner
from shelterctl.core.load.plan import LoadPlan
from tests.adapters.misbehaving_server import OK, Answer, answers, closes, is_silent, resets, serving
from tests.adapters.swarm.asking import Asker, asking
from tests.adapters.swarm.load_target import LOCUSTFILE
from tests.adapters.swarm.load_target import serving as target_serving
from tests.adapters.swarm.test_runner import added, until_ended
from tools.bench_processes import FAST

pytestmark = pytest.mark.local

GET = {"method": "GET", "url": "/"}


@pytest.fixture(scope="module")
def asker() -> Iterator[Asker]:
    with asking() as process:
        yield process


def moved(location: str, status: str = "302 Found", *fields: str) -> Answer:
    lines = (f"HTTP/1.1 {status}", f"Location: {location}", "Content-Length: 0", *fields, "")
    return answers("".join(f"{line}\r\n" for line in lines).encode())


def fields_of(request: bytes) -> dict[str, str]:
    lines = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


def test_a_request_says_what_it_was_told_to(asker: Asker) -> None:
    with serving(*[answers()] * 4) as server:
        told = asker.ask(
            server.url + "/base/",
            {"method": "POST", "url": "/a?b=c", "json": {"n": 1}, "name": "written", "headers": {"X-A": "é"}},
            {"method": "PUT", "url": "/e", "data": "täglich"},
            {"method": "DELETE", "url": "no slash/ü?q=%20#part"},
            {"method": "GET", "url": "/h", "headers": {"host": "other.example", "Accept": "text/plain"}},
        )
    first, second, third, fourth = server.requests
    port = server.url.rpartition(":")[2]
    assert first.startswith(b"POST /base/a?b=c HTTP/1.1\r\n")
    assert first.endswith(b'\r\n\r\n{"n": 1}')
    assert fields_of(first.replace(b"\xe9", b"e")) == {
        "host": f"127.0.0.1:{port}",
        "x-a": "e",
        "user-agent": "locust-lean",
        "accept-encoding": "gzip, deflate, br",
        "content-type": "application/json",
        "accept": "application/json",
        "content-length": "8",
    }
    assert second.endswith("\r\n\r\ntäglich".encode())
    assert fields_of(second)["content-length"] == "8"
    assert third.startswith(b"DELETE /base/no%20slash/%C3%BC?q=%20 HTTP/1.1\r\n")
    assert "content-length" not in fields_of(third)
    assert (fields_of(fourth)["host"], fourth.lower().count(b"\r\nhost:")) == ("other.example", 1)
    assert [(event["type"], event["name"]) for event in told.events[:2]] == [("POST", "written"), ("PUT", "/e")]


@pytest.mark.parametrize(
    "request_",
    [
        {"method": "GET", "url": "/a\r\nX: y"},
        {"method": "GET", "url": "/a\x00"},
        {"method": "GET", "url": "http://127.0.0.1\r\n/"},
        {"method": "GET X", "url": "/"},
        {"method": "GET", "url": "/", "headers": {"X": "a\r\nY: b"}},
        {"method": "GET", "url": "/", "headers": {"X": "a\n"}},
        {"method": "GET", "url": "/", "headers": {"X\r\nY": "a"}},
        {"method": "GET", "url": "/", "headers": {"X: Y": "a"}},
        {"method": "POST", "url": "/", "data": "a", "headers": {"Content-Length": "0"}},
        {"method": "POST", "url": "/", "data": "a", "headers": {"transfer-encoding": "chunked"}},
    ],
)
def test_what_would_smuggle_something_into_a_head_is_refused(asker: Asker, request_: dict[str, Any]) -> None:
    with serving(answers()) as server:
        told = asker.ask(server.url, request_)
    assert [text.split(":")[0] for text in told.raised] == ["ValueError"]
    assert (told.events, server.requests) == ([], [])


@pytest.mark.parametrize("base", ["ftp://127.0.0.1", "127.0.0.1", "http://"])
def test_a_host_that_is_none_is_refused(base: str) -> None:
    with asking() as process, pytest.raises(ValueError, match="Expecting value"):
        process.ask(base)  # the program ended with the error instead of answering


@pytest.mark.parametrize("client", ["lean", "fast"])
def test_redirects_are_followed_and_told_as_one_request(asker: Asker, client: str) -> None:
    script = [moved("/b"), moved("c?d", "307 Temporary Redirect"), answers(OK), moved("/x", "303 See Other"), answers(OK)]
    script += [moved("/y", "308 Permanent Redirect"), answers(OK), moved("/z")]
    with serving(*script) as server:
        told = asker.ask(
            server.url,
            {"method": "GET", "url": "/a"},
            {"method": "POST", "url": "/p", "data": "kept", "headers": {"Content-Type": "text/plain"}},
            {"method": "POST", "url": "/q", "data": "kept"},
            {"method": "GET", "url": "/r", "allow_redirects": False},
            client=client,
        )
    firsts = [request.split(b" HTTP")[0] for request in server.requests]
    assert firsts == [b"GET /a", b"GET /b", b"GET /c?d", b"POST /p", b"GET /x", b"POST /q", b"POST /y", b"GET /r"]
    assert [request.partition(b"\r\n\r\n")[2] for request in server.requests[3:7]] == [b"kept", b"", b"kept", b"kept"]
    assert "content-type" not in fields_of(server.requests[4])
    assert [(event["name"], event["status"], event["oddity"]) for event in told.events] == [
        ("/a", 200, "redirected"),
        ("/p", 200, "redirected"),
        ("/q", 200, "redirected"),
        ("/r", 302, ""),
    ]


@pytest.mark.parametrize("location", ["ftp://127.0.0.1/", "http://[::1", "javascript:alert(1)", "http://127.0.0.1:99999/", "http://x/\x01"])
def test_a_redirect_that_leads_nowhere_is_a_failure(asker: Asker, location: str) -> None:
    with serving(moved(location), answers()) as server:
        told = asker.ask(server.url, GET, GET)
    assert [event["kind"] for event in told.events] == ["RedirectFailed", ""]


def test_a_redirect_to_a_name_that_none_can_have_is_a_failure(asker: Asker) -> None:
    with serving(moved("http://a..b/"), moved("http://" + "x" * 80 + "/"), answers()) as server:
        told = asker.ask(server.url, GET, GET, GET)
    assert [event["kind"] for event in told.events] == ["gaierror", "gaierror", ""]


def test_redirects_in_a_circle_are_a_failure(asker: Asker) -> None:
    with serving(*[moved("/")] * 20) as server:
        told = asker.ask(server.url)
    assert [event["kind"] for event in told.events] == ["RedirectFailed"]
    assert len(server.requests) == 6


def test_what_is_meant_for_one_server_is_not_sent_to_another(asker: Asker) -> None:
    with (
        serving(answers()) as other,
        serving(moved(other.url.replace("127.0.0.1", "localhost") + "/"), moved("/same"), answers()) as server,
    ):
        base = server.url.replace("http://", "http://user:p%40ss@")
        told = asker.ask(base, {"method": "GET", "url": "/", "headers": {"Cookie": "a=b"}}, GET)
    assert [event["kind"] for event in told.events] == ["", ""]
    assert [fields_of(request).get("authorization") for request in server.requests] == ["Basic dXNlcjpwQHNz"] * 3
    assert not {"authorization", "cookie"} & set(fields_of(other.requests[0]))


@pytest.mark.parametrize("client", ["lean", "fast"])
def test_cookies_are_kept_for_the_user(asker: Asker, client: str) -> None:
    sets = OK.replace(b"X-Pod", b"Set-Cookie: session=one; Path=/; HttpOnly\r\nSet-Cookie: other=two; Path=/elsewhere\r\nX-Pod")
    with serving(answers(sets), *[answers()] * 2) as server:
        asker.ask(server.url, GET, GET, {"method": "GET", "url": "/elsewhere/x"}, client=client)
    cookies = [set(filter(None, fields_of(request).get("cookie", "").split("; "))) for request in server.requests]
    assert cookies == [set(), {"session=one"}, {"session=one", "other=two"}]


def test_a_large_request_is_sent_while_the_server_is_slow_to_read(asker: Asker) -> None:
    body = "x" * 8_000_000
    with serving(answers()) as server:
        told = asker.ask(server.url, {"method": "POST", "url": "/", "data": body})
    assert [event["kind"] for event in told.events] == [""]
    assert server.requests[0].endswith(b"\r\n\r\n" + body.encode())


def test_an_answer_that_comes_before_the_request_is_out_is_read(asker: Asker) -> None:
    """As a server does that takes no body so large."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno")
                connection.shutdown(socket.SHUT_WR)
                with suppress(OSError):
                    while connection.recv(1_000_000):
                        time.sleep(0.001)

        thread = threading.Thread(target=refuse)
        thread.start()
        told = asker.ask(f"http://127.0.0.1:{listener.getsockname()[1]}", {"method": "POST", "url": "/", "data": "x" * 8_000_000})
        thread.join(10)
    assert [event["kind"] for event in told.events] == ["HTTP 413"]


@pytest.mark.parametrize("client", ["lean", "fast"])
def test_the_user_judges_an_answer(asker: Asker, client: str) -> None:
    with serving(answers(), answers(OK.replace(b"200 OK", b"503 Busy")), answers()) as server:
        told = asker.ask(
            server.url, {**GET, "failure": "not what was written"}, {**GET, "failure": ""}, {**GET, "url": "/last"}, client=client
        )
    assert [(event["status"], event["kind"]) for event in told.events] == [(200, "not what was written"), (503, ""), (200, "")]
    assert told.events[0]["keys"] == [
        *("context", "exception", "name", "request_type", "response", "response_length", "response_time", "start_time", "url")
    ]


def status(number: int, body: bytes = b"{}") -> bytes:
    return f"HTTP/1.1 {number} Said\r\nX-Pod: app-{number}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


PACKED = gzip.compress(b'{"error": "none"}')
SAME: dict[str, list[Answer]] = {
    "statuses": [
        answers(status(number, b"" if number == 304 else b"{}"))
        for number in (200, 201, 202, 206, 299, 300, 304, 305, 400, 404, 410, 429, 500, 503, 599)
    ],
    "errors in good answers": [answers(status(200, b'{"error": "no database"}')), answers(status(200, b'{"errors": []}'))],
    "compressed": [
        answers(f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(PACKED)}\r\n\r\n".encode() + PACKED),
        answers(b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nContent-Length: 10\r\n\r\n" + zlib.compress(b"ok")),
    ],
    "chunked": [answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nX-T: 1\r\n\r\n")],
    "to the end": [answers(b"HTTP/1.1 200 OK\r\n\r\nall of it", keep=False), answers()],
    "closed": [answers(), closes, answers()],
    "reset": [answers(), resets, answers()],
    "cut in the head": [answers(OK[:20], keep=False), answers()],
    "cut in the body": [answers(OK[:-1], keep=False), answers()],
    "no HTTP": [answers(b"SSH-2.0-x\r\n\r\n"), answers()],
    "silent": [is_silent, answers()],
}


@pytest.mark.parametrize("case", SAME)
def test_both_clients_tell_locust_the_same(asker: Asker, case: str) -> None:
    told = {}
    for client in ("fast", "lean"):
        with serving(*SAME[case]) as server:
            found = asker.ask(server.url, *[GET] * len(SAME[case]), client=client, network_timeout=1.0)
        counted = ("type", "name", "length", "kind", "oddity", "keys")
        told[client] = [{key: event[key] for key in counted} for event in found.events], len(server.requests)
    assert told["lean"] == told["fast"]


@pytest.mark.parametrize(
    "options", [(), ("--fail-every", "7"), ("--error-every", "5"), ("--empty-every", "6"), ("--mix-up-every", "4"), ("--redirect",)]
)
def test_a_load_of_the_shipped_file_is_counted_alike_with_both_clients(tmp_path: Path, options: tuple[str, ...]) -> None:
    other = tmp_path / "fast.py"
    other.write_text(FAST.format(folder=str(LOCUSTFILE.parent), path=str(LOCUSTFILE)))
    counted = []
    for locustfile in (LOCUSTFILE, other):
        with target_serving(*options) as target:
            plan = LoadPlan(target.url, 1, 1, 60, str(locustfile), run="same", think_s=0.0, seed=7, requests=400)
            generator = LocustRunner()
            generator.start(plan, tmp_path)
            samples = until_ended(generator)
            generator.stop()
            groups = ("by_name", "by_pod", "bytes_by_name", "sized_by_name", "failures_by_name", "failure_kinds", "own_kinds", "oddities")
            counted.append(({group: added(samples, group) for group in groups}, sum(sample.requests for sample in samples), target.count()))
    # What is written is as long as its random number: the bytes of two runs with a seed are the same, too.
    assert counted[0] == counted[1]
    assert counted[0][1] == 400


def test_the_files_run_under_plain_locust_from_any_folder(tmp_path: Path) -> None:
    environment = {"PATH": "", "SHELTER_REQUEST": '{"method": "GET", "path": "/", "body": null, "headers": {}}', "SHELTER_THINK_S": "0.1"}
    with target_serving() as target:
        argv = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE.with_name("request.py")), "--headless", "--host", target.url]
        done = subprocess.run([*argv, "-u", "3", "-r", "3", "-t", "2s"], cwd=tmp_path, env=environment, capture_output=True, timeout=60)
        assert (done.returncode, target.count() > 3) == (0, True), done.stderr
