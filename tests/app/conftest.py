"""Fixtures of the application's tests: a real database, and the real image."""

from __future__ import annotations

import http.client
import os
import stat
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from shelter_app import create_app
from shelter_app.settings import Settings

from tests.app.containers import (
    APP_FOLDER,
    APP_PASSWORD,
    INIT_SCRIPT,
    MONGO_IMAGE,
    ROOT_PASSWORD,
    Container,
    docker,
    run_container,
    settings_for,
    wait_until,
)
from tests.cluster.api_proxy import closed_port

RunApp = Callable[..., Container]
RunMongo = Callable[..., Container]


@pytest.fixture(scope="session")
def network(need_docker: Callable[..., None]) -> Iterator[str]:
    need_docker(MONGO_IMAGE)
    name = f"shelter-app-test-{uuid.uuid4().hex[:12]}"
    docker("network", "create", name)
    yield name
    docker("network", "rm", name)


def answers_ping(container: Container) -> bool | None:
    return pings(container.address(27017))


def pings(address: str) -> bool | None:
    client: MongoClient[dict[str, object]] = MongoClient(f"mongodb://{address}", serverSelectionTimeoutMS=200)
    try:
        client.admin.command("ping")
    except PyMongoError:
        return None
    finally:
        client.close()
    return True


@pytest.fixture(scope="session")
def mongo(network: str) -> Iterator[Container]:
    """One database for every test that does not harm it; each test takes a database name of its own."""
    container = run_container(MONGO_IMAGE, "--network", network, "--publish", "127.0.0.1::27017")
    wait_until(lambda: answers_ping(container), "MongoDB")
    yield container
    container.remove()


@pytest.fixture
def mortal_mongo(network: str) -> Iterator[Container]:
    """A database that the test may kill."""
    container = run_container(MONGO_IMAGE, "--network", network, "--publish", "127.0.0.1::27017")
    wait_until(lambda: answers_ping(container), "MongoDB")
    yield container
    container.remove()


@pytest.fixture(scope="session")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Secret, as files that every uid may read."""
    folder = tmp_path_factory.mktemp("secrets")
    for name, content in (("root-password", ROOT_PASSWORD), ("app-password", APP_PASSWORD), ("init.js", INIT_SCRIPT)):
        (folder / name).write_text(content + "\n")
        (folder / name).chmod(0o644)
    for parent in (folder, *folder.parents):
        if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
            parent.chmod(stat.S_IMODE(parent.stat().st_mode) | 0o055)
    return folder


@pytest.fixture(scope="session")
def authenticated_mongo(network: str, secrets: Path) -> Iterator[Container]:
    """A database that makes its users as the cluster's does."""
    container = run_container(
        MONGO_IMAGE,
        "--network",
        network,
        "--publish",
        "127.0.0.1::27017",
        "--volume",
        f"{secrets}:/run/secrets/mongodb:ro",
        "--volume",
        f"{secrets}/init.js:/docker-entrypoint-initdb.d/10-app-user.js:ro",
        "--env",
        "MONGO_INITDB_ROOT_USERNAME=root",
        "--env",
        "MONGO_INITDB_ROOT_PASSWORD_FILE=/run/secrets/mongodb/root-password",
    )
    wait_until(lambda: can_log_in(container), "MongoDB's user shelter-app")
    yield container
    container.remove()


def can_log_in(container: Container) -> bool | None:
    client: MongoClient[dict[str, object]] = MongoClient(
        container.address(27017),
        username="shelter-app",
        password=APP_PASSWORD,
        authSource="shelter",
        serverSelectionTimeoutMS=200,
    )
    try:
        client["shelter"].command("ping")
    except PyMongoError:
        return None
    finally:
        client.close()
    return True


@pytest.fixture(scope="session", params=[MONGO_IMAGE, "nx-27017"])
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`host:port` of each database that the application runs on: the cluster's, and what stands in for it on a machine without one."""
    if request.param == MONGO_IMAGE:
        container: Container = request.getfixturevalue("mongo")
        yield container.address(27017)
        return
    folder = tmp_path_factory.mktemp("nx")
    port = closed_port()
    options = ["--port", str(port), "--data-dir", str(folder), "--pid-file", str(folder / "pid"), "--log-file", os.devnull]
    command = [sys.executable, "-m", "nx_27017.nx_27017", *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder) as process:
        try:
            wait_until(lambda: pings(f"127.0.0.1:{port}"), "nx-27017")
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()


@pytest.fixture
def settings(address: str) -> Settings:
    """A database of this test's own."""
    return settings_for(address, f"t{uuid.uuid4().hex[:16]}")


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    app = create_app(settings)
    yield app
    app.extensions["shelter_store"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def records(settings: Settings) -> Iterator[Callable[[], list[dict[str, object]]]]:
    """The collection itself, past the service."""
    client: MongoClient[dict[str, object]] = MongoClient(settings.mongo.hosts[0])
    yield lambda: list(client[settings.mongo.database]["documents"].find().sort("_id", 1))
    client.close()


@pytest.fixture(scope="session")
def image(need_docker: Callable[..., None]) -> str:
    """The image, built from the sources as they are."""
    need_docker("python:3.13-slim")
    tag = "shelter-app:test"
    docker(
        "build",
        "--quiet",
        "--build-arg",
        "IMAGE_TAG=tag-1",
        "--build-arg",
        "GIT_REVISION=abc123",
        "--tag",
        tag,
        str(APP_FOLDER),
        timeout_s=300,
    )
    return tag


HARDENED = ("--read-only", "--tmpfs", "/tmp", "--user", "10001", "--cap-drop", "ALL")


@pytest.fixture
def run_app(image: str, network: str) -> Iterator[RunApp]:
    """Starts the image as the cluster does, and waits for the liveness port unless told not to."""
    started: list[Container] = []

    def run(*options: str, database: Container | None = None, wait: bool = True) -> Container:
        host = "absent.invalid" if database is None else database.name
        environment = ("--env", f"SHELTER_MONGO_HOST={host}", "--env", "SHELTER_MONGO_AUTH=off")
        ports = ("--publish", "127.0.0.1::8000", "--publish", "127.0.0.1::8001")
        container = run_container(image, *HARDENED, "--network", network, *ports, *environment, *options)
        started.append(container)
        if wait:
            wait_until(lambda: status(container, 8001, "/health/live"), "the application")
            wait_until(lambda: status(container, 8000, "/health/live"), "the application")
        return container

    yield run
    for container in started:
        container.remove()


def status(container: Container, port: int, path: str, timeout_s: float = 5) -> int | None:
    """The status of one GET, on a connection of its own."""
    host, _, published = container.address(port).partition(":")
    connection = http.client.HTTPConnection(host, int(published), timeout=timeout_s)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except http.client.HTTPException:
        return None
    finally:
        connection.close()
