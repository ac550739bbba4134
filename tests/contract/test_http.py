"""What every HTTP client does: those that send, and the one whose services are functions."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from shelterctl.adapters.http_client import HttpxClient
from shelterctl.adapters.http_question import Urllib3Client
from shelterctl.ports.http import Http, HttpAnswer, SendOutcome
from tests.adapters.misbehaving_server import free_port
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
