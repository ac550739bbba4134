"""The liveness port: what it answers, and that nobody can occupy it."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request

import pytest
from shelter_app.live import Liveness, LiveServer, answer, judge_worker
from shelter_app.server import access_line, problem_response


def well() -> Liveness:
    return Liveness(None)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("age_s", "parent", "reason"),
    [
        (0.5, True, None),
        (60.0, True, None),
        (61.0, True, "the main loop has not turned for 61 s"),
        (0.5, False, "the arbiter process is gone"),
    ],
)
def test_judgement(age_s: float, parent: bool, reason: str | None) -> None:
    assert judge_worker(age_s, 60.0, parent) == Liveness(reason)


@pytest.mark.unit
def test_alive() -> None:
    assert answer("GET /health/live?x=1 HTTP/1.1", well, "pod-a") == (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 34\r\nX-Pod: pod-a\r\n"
        b'Cache-Control: no-store\r\nConnection: close\r\n\r\n{"status": "live", "pod": "pod-a"}'
    )


@pytest.mark.unit
def test_head_has_no_body() -> None:
    assert answer("HEAD /health/live HTTP/1.1", well, "pod-a").endswith(b"Content-Length: 34\r\nX-Pod: pod-a\r\n"
        b"Cache-Control: no-store\r\nConnection: close\r\n\r\n")  # fmt: skip


@pytest.mark.unit
@pytest.mark.parametrize(
    ("line", "status", "detail", "header"),
    [
        ("GET / HTTP/1.1", 404, "only /health/live is served here", "X-Pod: pod-a"),
        ("GET /data HTTP/1.1", 404, "only /health/live is served here", "X-Pod: pod-a"),
        ("POST /health/live HTTP/1.1", 405, "only GET is served here", "Allow: GET, HEAD"),
        ("", 404, "only /health/live is served here", "X-Pod: pod-a"),
        ("GET /health/live HTTP/1.1", 503, "stuck", "Retry-After: 1"),
    ],
)
def test_problems(line: str, status: int, detail: str, header: str) -> None:
    head, _, body = answer(line, lambda: Liveness("stuck"), "pod-a").partition(b"\r\n\r\n")
    found = json.loads(body)
    assert (found["status"], found["detail"], found["pod"]) == (status, detail, "pod-a")
    assert "Content-Type: application/problem+json" in head.decode().split("\r\n")
    assert header in head.decode().split("\r\n")


@pytest.mark.unit
def test_what_gunicorn_itself_refuses_is_a_problem_too() -> None:
    head, _, body = problem_response(431, "Error parsing headers: 'limit'", "pod-a").partition(b"\r\n\r\n")
    assert head.decode().split("\r\n") == [
        "HTTP/1.1 431 Request Header Fields Too Large",
        "Connection: close",
        "Content-Type: application/problem+json",
        f"Content-Length: {len(body)}",
        "X-Pod: pod-a",
    ]
    assert json.loads(body) == {
        "type": "about:blank",
        "title": "Request Header Fields Too Large",
        "status": 431,
        "detail": "Error parsing headers: 'limit'",
        "instance": "",
        "pod": "pod-a",
    }


@pytest.mark.unit
def test_an_access_line_is_json_whatever_the_client_sent() -> None:
    atoms = {"t": "[now]", "h": "::1", "m": "GET", "U": '/"\\', "q": "", "s": "200", "B": 2, "D": 9, "a": 'x"'}
    assert json.loads(access_line(atoms)) == {
        "time": "[now]",
        "client": "::1",
        "method": "GET",
        "path": '/"\\',
        "query": "",
        "status": 200,
        "bytes": 2,
        "duration_us": 9,
        "user_agent": 'x"',
    }


@pytest.mark.local
def test_silent_and_senseless_connections_do_not_occupy_it() -> None:
    server = LiveServer("127.0.0.1", 0, "pod-a", well)
    server.start()
    silent = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(50)]
    senseless = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    senseless.sendall(b"\xff" * 20_000)
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/health/live", timeout=10) as response:
        assert (response.status, json.load(response)) == (200, {"status": "live", "pod": "pod-a"})
    for connection in (*silent, senseless):
        connection.close()


@pytest.mark.local
def test_it_stops_answering_200_when_the_worker_is_stuck() -> None:
    server = LiveServer("127.0.0.1", 0, "pod-a", lambda: Liveness("the main loop has not turned for 61 s"))
    server.start()
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"http://127.0.0.1:{server.port}/health/live", timeout=10)
    with caught.value as error:
        assert (error.code, json.load(error)["detail"]) == (503, "the main loop has not turned for 61 s")


@pytest.mark.local
def test_a_taken_port_is_an_error_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="Address already in use"):
            LiveServer("127.0.0.1", taken.getsockname()[1], "pod-a", well)
