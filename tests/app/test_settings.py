"""The environment becomes settings, or one message with every fault."""

from __future__ import annotations

from pathlib import Path

import pytest
from shelter_app.settings import MongoSettings, Settings, SettingsError, load_settings

pytestmark = pytest.mark.unit


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "app-password"
    path.write_text("s3cret \n")
    return path


def test_defaults(password_file: Path) -> None:
    assert load_settings({"SHELTER_MONGO_PASSWORD_FILE": str(password_file), "HOSTNAME": "pod-1"}) == Settings(
        mongo=MongoSettings(
            hosts=("mongodb:27017",),
            database="shelter",
            user="shelter-app",
            password="s3cret ",
            auth_source="shelter",
            timeout_ms=2000,
            selection_timeout_ms=500,
        ),
        pod_name="pod-1",
        timezone="UTC",
        image_tag="unknown",
        git_revision="unknown",
        bind_host="0.0.0.0",
        http_port=8000,
        live_port=8001,
        access_log=False,
    )


def test_every_variable(password_file: Path) -> None:
    environ = {
        "SHELTER_MONGO_HOST": "mongo-0.mongo:27017, mongo-1.mongo:27018,[::1]:27019,plain",
        "SHELTER_MONGO_DATABASE": "other",
        "SHELTER_MONGO_USER": "me",
        "SHELTER_MONGO_PASSWORD_FILE": str(password_file),
        "SHELTER_MONGO_AUTH_SOURCE": "admin",
        "SHELTER_MONGO_TIMEOUT_MS": "1500",
        "SHELTER_MONGO_SELECTION_TIMEOUT_MS": "250",
        "SHELTER_POD_NAME": "app-7d9f",
        "HOSTNAME": "not-this",
        "SHELTER_TIMEZONE": "Europe/Berlin",
        "SHELTER_IMAGE_TAG": "0a1b",
        "SHELTER_GIT_REVISION": "deadbeef",
        "SHELTER_BIND_HOST": "127.0.0.1",
        "SHELTER_HTTP_PORT": "9000",
        "SHELTER_LIVE_PORT": "9001",
        "SHELTER_ACCESS_LOG": "1",
    }
    assert load_settings(environ) == Settings(
        mongo=MongoSettings(
            hosts=("mongo-0.mongo:27017", "mongo-1.mongo:27018", "[::1]:27019", "plain"),
            database="other",
            user="me",
            password="s3cret ",
            auth_source="admin",
            timeout_ms=1500,
            selection_timeout_ms=250,
        ),
        pod_name="app-7d9f",
        timezone="Europe/Berlin",
        image_tag="0a1b",
        git_revision="deadbeef",
        bind_host="127.0.0.1",
        http_port=9000,
        live_port=9001,
        access_log=True,
    )


def test_the_authentication_source_follows_the_database(password_file: Path) -> None:
    environ = {"SHELTER_MONGO_PASSWORD_FILE": str(password_file), "SHELTER_MONGO_DATABASE": "other"}
    assert load_settings(environ).mongo.auth_source == "other"


def test_without_authentication_no_password_is_read() -> None:
    mongo = load_settings({"SHELTER_MONGO_AUTH": "off", "SHELTER_MONGO_PASSWORD_FILE": "/nowhere"}).mongo
    assert (mongo.user, mongo.password) == (None, None)


def test_the_password_is_in_no_repr(password_file: Path) -> None:
    assert "s3cret" not in repr(load_settings({"SHELTER_MONGO_PASSWORD_FILE": str(password_file)}))


def test_every_fault_is_reported_at_once() -> None:
    environ = {
        "SHELTER_MONGO_HOST": "mongodb://shelter-app:hunter2@mongodb",
        "SHELTER_MONGO_PASSWORD": "hunter2",
        "SHELTER_MONGO_PASSWORD_FILE": "/nowhere/app-password",
        "SHELTER_MONGO_DATABASE": "a/b",
        "SHELTER_MONGO_TIMEOUT_MS": "2s",
        "SHELTER_POD_NAME": "two\nlines",
        "SHELTER_TIMEZONE": "Mars/Olympus",
        "SHELTER_HTTP_PORT": "tcp://10.0.0.1:80",
        "SHELTER_LIVE_PORT": "65536",
        "SHELTER_ACCESS_LOG": "yes",
    }
    with pytest.raises(SettingsError) as caught:
        load_settings(environ)
    assert str(caught.value).splitlines() == [
        "SHELTER_MONGO_PASSWORD is not read: put the password into a file, named by SHELTER_MONGO_PASSWORD_FILE",
        "SHELTER_MONGO_DATABASE must be 1 to 63 of A-Z a-z 0-9 _ -, not 'a/b'",
        "SHELTER_MONGO_TIMEOUT_MS must be a whole number from 50 to 60000, not '2s'",
        "SHELTER_MONGO_HOST must be host:port, or several with commas between; a URL is not accepted",
        "SHELTER_MONGO_PASSWORD_FILE: the password file /nowhere/app-password does not exist; mount the Secret there",
        "SHELTER_MONGO_AUTH_SOURCE must be 1 to 63 of A-Z a-z 0-9 _ -, not 'a/b'",
        "SHELTER_TIMEZONE is not a time zone of the IANA database: 'Mars/Olympus'",
        "SHELTER_HTTP_PORT must be a whole number from 1 to 65535, not 'tcp://10.0.0.1:80'",
        "SHELTER_LIVE_PORT must be a whole number from 1 to 65535, not '65536'",
        "SHELTER_ACCESS_LOG must be one of 0, 1, not 'yes'",
        "SHELTER_POD_NAME must be 1 to 253 printable ASCII characters, not 'two\\nlines'",
    ]


@pytest.mark.parametrize("content", ["", "\n"])
def test_an_empty_password_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "empty"
    path.write_text(content)
    with pytest.raises(SettingsError, match=r"^SHELTER_MONGO_PASSWORD_FILE: the password file .*/empty is empty$"):
        load_settings({"SHELTER_MONGO_PASSWORD_FILE": str(path)})


def test_a_password_file_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cannot be read: .*Is a directory"):
        load_settings({"SHELTER_MONGO_PASSWORD_FILE": str(tmp_path)})


def test_the_two_ports_differ() -> None:
    with pytest.raises(SettingsError, match=r"^SHELTER_HTTP_PORT and SHELTER_LIVE_PORT are both 8001$"):
        load_settings({"SHELTER_MONGO_AUTH": "off", "SHELTER_HTTP_PORT": "8001"})


@pytest.mark.parametrize("seed", ["", "a b", "host:0", "host:70000", "host:port", "user@host", "a,,b", "::1"])
def test_what_is_no_host(seed: str) -> None:
    hosts = f"good,{seed}"
    with pytest.raises(SettingsError, match=r"^SHELTER_MONGO_HOST must be host:port"):
        load_settings({"SHELTER_MONGO_AUTH": "off", "SHELTER_MONGO_HOST": hosts})
