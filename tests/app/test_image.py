"""The image, run as the cluster runs it."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from shelter_app.settings import REQUEST_THREADS

from tests.app.conftest import RunApp, status
from tests.app.containers import APP_FOLDER, Container, docker, run_container, wait_until
from tests.app.test_outage import in_flight

pytestmark = pytest.mark.local


def connect(container: Container) -> http.client.HTTPConnection:
    host, _, port = container.address(8000).partition(":")
    return http.client.HTTPConnection(host, int(port), timeout=30)


def test_it_runs_without_privileges_on_a_read_only_root(run_app: RunApp, mongo: Container) -> None:
    container = run_app("--hostname", "pod-7", "--health-interval", "1s", database=mongo)
    connection = connect(container)
    connection.request("GET", "/version")
    response = connection.getresponse()
    found = json.load(response)
    assert (response.status, response.headers["X-Pod"]) == (200, "pod-7")
    assert found.pop("python").startswith("3.13.")
    assert found == {"version": "0.1.0", "image_tag": "tag-1", "git_revision": "abc123", "pod": "pod-7"}
    connection.request("POST", "/data", '{"a":1}', {"Content-Type": "application/json"})
    assert connection.getresponse().status == 201
    wait_until(lambda: health(container) == "healthy" or None, "Docker's health check")
    assert "Traceback" not in container.logs()


def health(container: Container) -> object:
    found = container.state()["Health"]
    assert isinstance(found, dict)
    return found["Status"]


def test_its_configuration(image: str) -> None:
    found = json.loads(docker("image", "inspect", "--format", "{{json .Config}}", image))
    assert (found["User"], found["WorkingDir"]) == ("10001:10001", "/srv/app")
    assert sorted(found["ExposedPorts"]) == ["8000/tcp", "8001/tcp"]
    assert found["Healthcheck"]["Test"] == ["CMD", "python", "-S", "-m", "shelter_app.healthcheck"]
    assert found["Cmd"] == ["python", "-m", "gunicorn", "--config", "gunicorn.conf.py"]
    assert {"PYTHONUNBUFFERED=1", "SHELTER_IMAGE_TAG=tag-1", "SHELTER_GIT_REVISION=abc123"} <= set(found["Env"])


def test_the_health_check_fails_where_nothing_listens(image: str) -> None:
    script = "import shelter_app.healthcheck as h; raise SystemExit(h.main() - 1)"
    docker("run", "--rm", "--network", "none", image, "python", "-c", script)


def test_without_a_password_file_it_ends_and_says_why(run_app: RunApp) -> None:
    container = run_app("--env", "SHELTER_MONGO_AUTH=on", "--env", "SHELTER_TIMEZONE=Mars/Olympus", wait=False)
    wait_until(lambda: container.state()["Status"] == "exited" or None, "the end")
    assert container.state()["ExitCode"] == 1
    assert container.logs() == (
        "shelter-app: SHELTER_MONGO_PASSWORD_FILE: the password file /run/secrets/mongodb/app-password does not exist; "
        "mount the Secret there\n"
        "shelter-app: SHELTER_TIMEZONE is not a time zone of the IANA database: 'Mars/Olympus'\n"
    )


def test_it_logs_in_with_the_password_of_the_mounted_secret(run_app: RunApp, authenticated_mongo: Container, secrets: Path) -> None:
    container = run_app(
        "--env",
        "SHELTER_MONGO_AUTH=on",
        "--volume",
        f"{secrets}/app-password:/run/secrets/mongodb/app-password:ro",
        database=authenticated_mongo,
    )
    connection = connect(container)
    connection.request("POST", "/data", '{"a":1}', {"Content-Type": "application/json"})
    response = connection.getresponse()
    assert response.status == 201, response.read()


def test_requests_in_flight_at_sigterm_are_all_answered(run_app: RunApp, mongo: Container) -> None:
    container = run_app(database=mongo)
    url = container.url()
    body = b'{"a":"' + b"x" * 1000 + b'"}'
    half = []
    for number in range(7):
        connection = connect(container)
        connection.putrequest("POST", "/data")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(len(body)))
        connection.putheader("Idempotency-Key", f"sigterm:{container.name}:{number}")
        connection.endheaders(body[:500])
        half.append(connection)
    # The eighth thread answers this question.
    wait_until(lambda: in_flight(url) == len(half) or None, "seven requests in flight")
    container.kill("TERM")
    wait_until(lambda: "Handling signal: term" in container.logs() or None, "the signal to arrive")
    assert container.state()["Running"] is True
    for connection in half:
        connection.send(body[500:])
    answers = [connection.getresponse() for connection in half]
    assert [answer.status for answer in answers] == [201] * 7
    wait_until(lambda: container.state()["Status"] == "exited" or None, "the end")
    assert container.state()["ExitCode"] == 0


def raw_exchange(container: Container, request: bytes) -> tuple[str, dict[str, str], bytes]:
    """Status line, headers and body of the answer to these very bytes."""
    host, _, port = container.address(8000).partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(request)
        with connection.makefile("rb") as answer:
            received = answer.read()
    head, _, body = received.partition(b"\r\n\r\n")
    line, *headers = head.decode("latin-1").split("\r\n")
    return line, dict(header.split(": ", 1) for header in headers), body


CHUNK = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
POST = b"POST /data HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "line", "status_code"),
    [
        (b"GARBAGE\r\n\r\n", "HTTP/1.1 400 Bad Request", 400),
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 414 URI Too Long", 414),
        (
            b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 9000 + b"\r\n\r\n",
            "HTTP/1.1 431 Request Header Fields Too Large",
            431,
        ),
        (
            POST + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNK * 3 + b"0\r\n\r\n",
            "HTTP/1.1 413 REQUEST ENTITY TOO LARGE",
            413,
        ),
        (POST + b"Content-Length: 70000\r\n\r\n" + b" " * 70000, "HTTP/1.1 413 REQUEST ENTITY TOO LARGE", 413),
    ],
    ids=["garbage", "uri", "headers", "chunked", "length"],
)
def test_what_the_server_itself_refuses_is_a_problem_with_the_pod(
    shared: Container, request_bytes: bytes, line: str, status_code: int
) -> None:
    found_line, headers, body = raw_exchange(shared, request_bytes)
    problem = json.loads(body)
    assert (found_line, headers["Content-Type"]) == (line, "application/problem+json")
    assert (problem["status"], problem["pod"], headers["X-Pod"]) == (status_code, "pod-8", "pod-8")


def test_clients_that_stop_in_their_bodies_do_not_keep_the_threads(shared: Container) -> None:
    host, _, port = shared.address(8000).partition(":")
    stalled = [socket.create_connection((host, int(port)), timeout=60) for _ in range(REQUEST_THREADS)]
    for connection in stalled:
        connection.sendall(POST + b"Content-Length: 100\r\n\r\n{")
    # Behind those eight.
    assert status(shared, 8000, "/version", timeout_s=60) == 200
    for connection in stalled:
        with connection, connection.makefile("rb") as answer:
            head, _, body = answer.read().partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 BAD REQUEST\r\n")
        assert json.loads(body)["detail"] == "the body did not arrive whole"


@pytest.fixture(scope="module")
def shared(image: str) -> Iterator[Container]:
    """One container for the tests that only ask."""
    container = run_container(image, "--hostname", "pod-8", "--publish", "127.0.0.1::8000", "--env", "SHELTER_MONGO_AUTH=off")
    wait_until(lambda: status(container, 8000, "/health/live"), "the application")
    yield container
    container.remove()


def layers(image: str) -> list[str]:
    found: list[str] = json.loads(docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", image))
    return found


def test_a_line_of_code_changes_one_small_layer_and_a_build_argument_none(image: str, tmp_path: Path) -> None:
    context = tmp_path / "app"
    shutil.copytree(APP_FOLDER, context)
    name = "shelter-app:test-layers"
    try:
        # A fresh copy has other times and, with __pycache__, other files: neither is in the image.
        (context / "shelter_app" / "stray.pyc").write_bytes(b"stray")
        docker("build", "--quiet", "--tag", name, "--build-arg", "IMAGE_TAG=other", str(context), timeout_s=300)
        assert layers(name) == layers(image)
        with (context / "shelter_app" / "paging.py").open("a") as source:
            source.write("# one line\n")
        docker("build", "--quiet", "--tag", name, str(context), timeout_s=300)
        assert layers(name)[:-1] == layers(image)[:-1]
        assert layers(name)[-1] != layers(image)[-1]
    finally:
        docker("image", "rm", "--force", name)
    history = docker("history", "--format", "{{.CreatedBy}}|{{.Size}}", "--human=false", "--no-trunc", image)
    code = next(int(row.rpartition("|")[2]) for row in history.splitlines() if row.startswith("/bin/sh -c #(nop) COPY"))
    assert code < 500_000
