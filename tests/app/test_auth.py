"""The service's own database user, as the init script makes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask
from pymongo import MongoClient
from shelter_app import create_app
from shelter_app.settings import MongoSettings

from tests.app.containers import APP_PASSWORD, ROOT_PASSWORD, Container, settings_for

pytestmark = pytest.mark.local

Build = Callable[[str | None, str | None], Flask]
REFUSED = "the database refused this service's user or password"


@pytest.fixture
def build(authenticated_mongo: Container) -> Iterator[Build]:
    apps: list[Flask] = []

    def build_as(user: str | None, password: str | None) -> Flask:
        settings = settings_for(authenticated_mongo.address(27017))
        # After a refused login the driver looks at the server anew, at most every 500 ms: longer than that.
        mongo: MongoSettings = replace(settings.mongo, user=user, password=password, selection_timeout_ms=5000)
        apps.append(create_app(replace(settings, mongo=mongo)))
        return apps[-1]

    yield build_as
    for app in apps:
        app.extensions["shelter_store"].close()


def test_the_service_reads_and_writes_with_its_own_user(build: Build, authenticated_mongo: Container) -> None:
    client = build("shelter-app", APP_PASSWORD).test_client()
    assert client.get("/health/ready").status_code == 200
    assert client.post("/data", json={"a": 1}, headers={"Idempotency-Key": "auth:1"}).status_code == 201
    root: MongoClient[dict[str, object]] = MongoClient(authenticated_mongo.address(27017), username="root", password=ROOT_PASSWORD)
    record = root["shelter"]["documents"].find_one({"_id": "auth:1"})
    root.close()
    assert record is not None
    assert record["data"] == {"a": 1}


@pytest.mark.parametrize(("user", "password"), [("shelter-app", "wrong"), ("stranger", APP_PASSWORD)])
def test_a_wrong_password_is_named_as_the_reason(build: Build, user: str, password: str) -> None:
    client = build(user, password).test_client()
    ready = client.get("/health/ready")
    assert (ready.status_code, ready.get_json()["detail"]) == (503, REFUSED)
    answer = client.post("/data", json={})
    assert (answer.status_code, answer.get_json()["detail"], answer.get_json()["applied"]) == (503, REFUSED, "unknown")


def test_without_a_user_nothing_is_written(build: Build) -> None:
    answer = build(None, None).test_client().post("/data", json={})
    assert (answer.status_code, answer.get_json()["applied"]) == (503, "unknown")
