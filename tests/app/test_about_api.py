"""Greeting, version, metrics, probes and the errors of the router, with no database anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from shelter_app import create_app

from tests.app.containers import settings_for

pytestmark = pytest.mark.local

NO_SERVER = "no database server could be selected"


@pytest.fixture
def app() -> Iterator[Flask]:
    settings = settings_for("127.0.0.1:1")
    app = create_app(settings)
    yield app
    app.extensions["shelter_store"].close()


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize("accept", ["application/json", "*/*", None, "application/json, text/html;q=0.5", "image/png"])
def test_the_greeting_as_json(client: FlaskClient, accept: str | None) -> None:
    answer = client.get("/", headers={} if accept is None else {"Accept": accept})
    assert (answer.status_code, answer.content_type, answer.headers["Vary"]) == (200, "application/json", "Accept")
    found = answer.get_json()
    utc, local = datetime.fromisoformat(found.pop("utc")), datetime.fromisoformat(found.pop("local"))
    assert (utc, utc.utcoffset(), local.utcoffset()) == (local, timedelta(0), timedelta(hours=9))
    assert found == {"message": "Hello from shelter", "timezone": "Asia/Tokyo", "version": "0.1.0", "pod": "pod-a"}


@pytest.mark.parametrize("accept", [BROWSER, "text/html", "text/*"])
def test_the_greeting_as_html(client: FlaskClient, accept: str) -> None:
    answer = client.get("/", headers={"Accept": accept})
    text = answer.get_data(as_text=True)
    assert (answer.status_code, answer.content_type, answer.headers["Vary"]) == (200, "text/html; charset=utf-8", "Accept")
    assert "<dt>Version</dt><dd>0.1.0</dd>\n<dt>Pod</dt><dd>pod-a</dd>" in text
    assert "<dt>Local time (Asia/Tokyo)</dt>" in text


def test_the_greeting_escapes() -> None:
    app = create_app(settings_for("127.0.0.1:1", pod_name="<b>&"))
    text = app.test_client().get("/", headers={"Accept": "text/html"}).get_data(as_text=True)
    app.extensions["shelter_store"].close()
    assert "<dd>&lt;b&gt;&amp;</dd>" in text


def test_the_version(client: FlaskClient) -> None:
    found = client.get("/version").get_json()
    assert found.pop("python").startswith("3.")
    assert found == {"version": "0.1.0", "image_tag": "tag-1", "git_revision": "abc123", "pod": "pod-a"}


def test_without_a_database_it_lives_and_is_not_ready(client: FlaskClient) -> None:
    assert client.get("/health/live").get_json() == {"status": "live", "pod": "pod-a"}
    for path, members in (("/health/ready", {"checks"}), ("/health", {"live", "ready"})):
        answer = client.get(path)
        found = answer.get_json()
        assert (answer.status_code, answer.headers["Retry-After"], found["detail"]) == (503, "1", NO_SERVER)
        assert members <= set(found)
    assert found["ready"]["status"] == "unready"


def test_without_a_database_it_is_certain_that_nothing_was_written(client: FlaskClient) -> None:
    answer = client.post("/data", json={}, headers={"Idempotency-Key": "k"})
    assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
    assert (answer.headers["Retry-After"], answer.headers["X-Pod"]) == ("1", "pod-a")
    assert answer.get_json() == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": NO_SERVER,
        "instance": "/data",
        "pod": "pod-a",
        "applied": False,
    }


@pytest.mark.parametrize("path", ["/data", "/data/x", "/data?count=true"])
def test_reads_without_a_database(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.get_json()["applied"]) == (503, False)


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/nothing", 404, None),
        ("GET", "/data/", 404, None),
        ("GET", "/health//live", 404, None),
        ("DELETE", "/data", 405, "GET, HEAD, POST"),
        ("PUT", "/data/x", 405, "GET, HEAD"),
        ("OPTIONS", "/version", 405, "GET, HEAD"),
        ("PROPFIND", "/health/live", 405, "GET, HEAD"),
    ],
)
def test_errors_of_the_router(client: FlaskClient, method: str, path: str, status: int, allow: str | None) -> None:
    answer = client.open(path, method=method)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert (answer.headers.get("Allow"), answer.headers["X-Pod"]) == (allow, "pod-a")
    assert answer.get_json()["instance"] == path


def test_an_unforeseen_error_shows_nothing_of_the_inside(app: Flask) -> None:
    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("the password is hunter2")

    answer = app.test_client().get("/broken")
    assert (answer.status_code, answer.headers["X-Pod"]) == (500, "pod-a")
    assert answer.get_json() == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "the service failed; its log says why",
        "instance": "/broken",
        "pod": "pod-a",
    }


def test_metrics_count_by_route_and_not_by_path(client: FlaskClient) -> None:
    for path in ("/version", "/version", "/a", "/b?c=d"):
        client.get(path)
    client.open("/version", method="BREW")
    lines = client.get("/metrics").get_data(as_text=True).splitlines()
    assert sorted(line for line in lines if line.startswith("shelter_http_requests_total")) == [
        'shelter_http_requests_total{method="GET",route="/version",status="200"} 2.0',
        'shelter_http_requests_total{method="GET",route="unmatched",status="404"} 2.0',
        'shelter_http_requests_total{method="other",route="unmatched",status="405"} 1.0',
    ]
    assert 'shelter_http_request_duration_seconds_count{method="GET",route="/version"} 2.0' in lines
    assert "shelter_http_requests_in_flight 0.0" in lines
    assert any(line.startswith("process_resident_memory_bytes ") for line in lines)


def test_metrics_have_a_bounded_number_of_series(client: FlaskClient) -> None:
    def series() -> int:
        return len(client.get("/metrics").get_data(as_text=True).splitlines())

    client.get("/random")
    client.open("/random", method="M0")
    client.get("/metrics")
    before = series()
    for number in range(20):
        client.get(f"/random{number}")
        client.open(f"/random{number}", method=f"M{number}")
    assert series() == before
