"""The HTTP client sends a request once or not at all, and tells the truth about which."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shelterctl.adapters.http_client import HttpxClient
from shelterctl.ports.http import SendOutcome
from tests.adapters.misbehaving_server import Answer, answers, closes, free_port, is_silent, resets, serving

pytestmark = pytest.mark.local


@pytest.fixture
def client() -> Iterator[HttpxClient]:
    made = HttpxClient()
    yield made
    made.close()


def post(client: HttpxClient, url: str, timeout_s: float = 5) -> object:
    return client.request("POST", f"{url}/data", headers={"Idempotency-Key": "k"}, body=b'{"a": 1}', timeout_s=timeout_s)


def outcome(client: HttpxClient, url: str, timeout_s: float = 5) -> SendOutcome:
    with pytest.raises(SendOutcome) as caught:
        post(client, url, timeout_s)
    return caught.value


def test_an_answer(client: HttpxClient) -> None:
    with serving(answers(b"HTTP/1.1 503 Busy\r\nX-Pod: app-1\r\nContent-Length: 3\r\n\r\nabc")) as server:
        answer = client.request("GET", f"{server.url}/x", timeout_s=5)
    assert (answer.status, answer.headers["x-pod"], answer.body) == (503, "app-1", b"abc")
    assert answer.elapsed_s > 0


def test_a_refused_connection_sent_nothing(client: HttpxClient) -> None:
    assert outcome(client, f"http://127.0.0.1:{free_port()}").sent is False


def test_a_host_that_no_name_has_sent_nothing(client: HttpxClient) -> None:
    assert outcome(client, "http://no-such-host.invalid").sent is False


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", "ftp://127.0.0.1", "nonsense", "http://"])
def test_a_url_that_is_none_sent_nothing(client: HttpxClient, url: str) -> None:
    assert outcome(client, url).sent is False


@pytest.mark.parametrize(
    "misbehaviour",
    [
        resets,
        closes,
        is_silent,
        answers(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", keep=False),
        answers(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf, and then silence"),
        answers(b"something else\r\n\r\n", keep=False),
        answers(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"),
    ],
    ids=["reset", "closed", "silent", "cut off", "half and silent", "no HTTP", "not gzip"],
)
def test_without_an_answer_the_request_was_sent_once(client: HttpxClient, misbehaviour: Answer) -> None:
    with serving(misbehaviour, answers(), answers()) as server:
        assert outcome(client, server.url, timeout_s=0.5).sent is True
        assert len(server.requests) == 1


def test_after_a_failure_the_next_request_is_a_new_one(client: HttpxClient) -> None:
    with serving(resets, answers()) as server:
        outcome(client, server.url)
        post(client, server.url)
        assert (len(server.requests), server.connections) == (2, 2)


def test_a_connection_is_kept(client: HttpxClient) -> None:
    with serving(answers(), answers(), answers()) as server:
        for _ in range(3):
            post(client, server.url)
        assert (len(server.requests), server.connections) == (3, 1)


def test_a_kept_connection_that_the_server_closed_is_not_used_again(client: HttpxClient) -> None:
    with serving(answers(), answers(), close_idle=True) as server:
        post(client, server.url)
        assert server.idle_closed.wait(5)
        post(client, server.url)
        assert (len(server.requests), server.connections) == (2, 2)


def test_a_kept_connection_that_breaks_under_the_request_is_told_and_not_tried_again(client: HttpxClient) -> None:
    with serving(answers(), closes, answers()) as server:
        post(client, server.url)
        assert outcome(client, server.url).sent is True
        assert (len(server.requests), server.connections) == (2, 1)


def test_a_kept_connection_to_a_server_that_went_away_sent_nothing(client: HttpxClient) -> None:
    with serving(answers(), close_idle=True) as server:
        post(client, server.url)
        assert server.idle_closed.wait(5)
    assert outcome(client, server.url).sent is False
    assert len(server.requests) == 1


def test_a_redirect_is_an_answer(client: HttpxClient) -> None:
    with serving(answers(b"HTTP/1.1 307 Go\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"), answers()) as server:
        assert client.request("POST", f"{server.url}/data", body=b"{}", timeout_s=5).status == 307
        assert len(server.requests) == 1


def test_no_proxy_of_the_environment_comes_between(client: HttpxClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    with serving(answers()) as server:
        fresh = HttpxClient()
        post(fresh, server.url)
        fresh.close()
        assert len(server.requests) == 1


def test_what_was_sent_is_what_was_asked(client: HttpxClient) -> None:
    with serving(answers()) as server:
        post(client, server.url)
    (request,) = server.requests
    assert request.startswith(b"POST /data HTTP/1.1\r\n")
    assert b"\r\nIdempotency-Key: k\r\n" in request
    assert request.endswith(b'\r\n\r\n{"a": 1}')
