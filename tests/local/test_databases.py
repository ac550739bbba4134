"""The stack on a database that has users: one elsewhere, and one that the stack starts as it starts a mongod.

The database of both is FerretDB with authentication on, from the image mongo:8 of the test cluster: it speaks MongoDB's protocol, checks
SCRAM-SHA-256, and keeps what it acknowledged. What mongod alone has (the localhost exception, roles) is not shown by it.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.commands import wait_until
from tests.local.stacks import Stack, taken_port

pytestmark = pytest.mark.local

#: FerretDB under mongod's name and options. It lets nobody make the first user, as mongod does after a first start that was broken off
#: between its two users; so the administrator is there from the beginning.
MONGOD = """#!/bin/sh
[ "$1" != --version ] || { echo 'db version v8.0.4'; exit; }
while [ $# -gt 0 ]; do
  case $1 in --dbpath) dbpath=$2; shift ;; --port) port=$2; shift ;; --bind_ip) ip=$2; shift ;; --auth) auth=true ;; *) exit 64 ;; esac
  shift
done
export FERRETDB_HANDLER=sqlite FERRETDB_SQLITE_URL="file:$dbpath/" FERRETDB_STATE_DIR="$dbpath" FERRETDB_TELEMETRY=disable
export FERRETDB_DEBUG_ADDR=- FERRETDB_LOG_LEVEL=error FERRETDB_TEST_ENABLE_NEW_AUTH="$auth" FERRETDB_LISTEN_ADDR="$ip:$port"
export FERRETDB_SETUP_USERNAME=root FERRETDB_SETUP_DATABASE=admin FERRETDB_SETUP_PASSWORD="$(cat "$dbpath/../secrets/root")"
touch "$dbpath/WiredTiger"
exec FERRETDB
"""


@pytest.fixture(scope="module")
def ferretdb(need_docker: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, out of the image."""
    need_docker("mongo:8")
    program = tmp_path_factory.mktemp("ferretdb") / "ferretdb"
    container = subprocess.run(["docker", "create", "mongo:8"], check=True, capture_output=True, text=True, timeout=60).stdout.strip()
    try:
        subprocess.run(["docker", "cp", f"{container}:/usr/local/bin/ferretdb", str(program)], check=True, capture_output=True, timeout=120)
    finally:
        subprocess.run(["docker", "rm", container], check=True, capture_output=True, timeout=60)
    return program


@pytest.fixture
def elsewhere(ferretdb: Path, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A database with a user, and the file with the password."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    data, password = tmp_path / "elsewhere", tmp_path / "password"
    data.mkdir()
    password.write_text(secrets.token_urlsafe(16))
    environment = {
        **os.environ,
        "FERRETDB_HANDLER": "sqlite",
        "FERRETDB_SQLITE_URL": f"file:{data}/",
        "FERRETDB_STATE_DIR": str(data),
        "FERRETDB_TELEMETRY": "disable",
        "FERRETDB_DEBUG_ADDR": "-",
        "FERRETDB_LISTEN_ADDR": f"127.0.0.1:{port}",
        "FERRETDB_TEST_ENABLE_NEW_AUTH": "true",
        "FERRETDB_SETUP_USERNAME": "somebody",
        "FERRETDB_SETUP_PASSWORD": password.read_text(),
        "FERRETDB_SETUP_DATABASE": "admin",
    }
    with subprocess.Popen([ferretdb], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        deadline = time.monotonic() + 20
        while socket.socket().connect_ex(("127.0.0.1", port)) and time.monotonic() < deadline:
            time.sleep(0.1)
        yield f"mongodb://somebody@127.0.0.1:{port}/animals?authSource=admin", password
        server.kill()


def unchanged(stack: Stack) -> bool:
    """Whether an `up` finds all as it should be."""
    return {change["change"] for change in stack.shelterctl("up").result["applied"]["changes"]} == {"unchanged"}


def test_a_database_elsewhere_is_used_and_neither_killed_nor_forgotten(fresh: Stack, elsewhere: tuple[str, Path]) -> None:
    uri, password = elsewhere
    where = uri.partition("@")[2].partition("/")[0]
    ran = fresh.shelterctl("up", "--mongo-uri", uri, "--mongo-password-file", str(password))
    assert f"runs at {where}" in str(ran.result)
    assert [pod["role"] for pod in fresh.state()["pods"]] == ["app", "app"]
    # Nothing of the password is in what the tool wrote down or shows.
    files = [path for path in fresh.shelterctl.state_dir.rglob("*") if path.is_file()]
    assert not [path for path in files if password.read_text() in path.read_text(errors="replace")]

    killed = fresh.shelterctl("chaos", "kill-db", expect=3)
    assert f"not part of this stack: it runs at {where}" in killed.error["what"]
    assert fresh.shelterctl("doctor").result is not None
    # Once it is chosen it stays, until another one is asked for.
    assert unchanged(fresh)
    fresh.shelterctl("loadtest", "--users", "5", "--duration", "5s", expect=None)
    fresh.shelterctl("up", "--mongo-uri", "own")
    assert {pod["role"] for pod in fresh.state()["pods"]} == {"app", "db"}


def test_a_wrong_password_is_told(fresh: Stack, elsewhere: tuple[str, Path], tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong")
    ran = fresh.shelterctl("up", "--mongo-uri", elsewhere[0], "--mongo-password-file", str(wrong), expect=3)
    assert "cannot be used" in ran.error["what"]
    assert "Authentication failed" in ran.error["why"]


def test_a_mongod_gets_users_of_its_own_and_keeps_them(
    fresh: Stack, ferretdb: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "mongod").write_text(MONGOD.replace("FERRETDB\n", f"{ferretdb}\n"))
    (programs / "mongod").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    fresh.shelterctl("up")
    database = fresh.pods("db")[0]
    assert database["containers"][0]["image"] == "mongod 8.0.4"
    folder = fresh.home / "secrets"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()} == {"root": 0o600, "shelter-app": 0o600}
    passwords = [file.read_text() for file in sorted(folder.iterdir())]
    words = [Path(f"/proc/{pid}/{name}").read_bytes() for pid in fresh.processes().values() for name in ("cmdline", "environ")]
    # The administrator's is in the stand-in's environment, which the test put there.
    assert not [word for word in words if passwords[1].encode() in word]

    # Without the password nobody is let in.
    import pymongo
    from pymongo.errors import OperationFailure

    port = database["containers"][0]["ports"][0]
    stranger: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(f"mongodb://127.0.0.1:{port}", serverSelectionTimeoutMS=2000)
    with stranger, pytest.raises(OperationFailure):
        stranger["shelter"]["documents"].find_one()

    killed = fresh.shelterctl("chaos", "kill-db").result
    assert killed["judgement"]["verdict"] == "PASS"
    # The supervisor and all of it die: the users are there, and are not made anew.
    for pid in fresh.processes().values():
        os.killpg(pid, signal.SIGKILL)
    fresh.kill(fresh.supervisor())
    fresh.shelterctl("up")
    assert [file.read_text() for file in sorted(folder.iterdir())] == passwords


def test_a_port_is_the_one_that_was_asked_for(fresh: Stack) -> None:
    with taken_port() as taken:
        refused = fresh.shelterctl("up", "--port", str(taken), expect=3)
        assert refused.error["what"] == f"port {taken} is taken"
        assert f"process {os.getpid()} listens there" in refused.error["why"]
    fresh.shelterctl("up", "--port", str(taken))
    assert fresh.url == f"http://127.0.0.1:{taken}"
    # It stays, and another one takes its place without an end of the stack.
    assert unchanged(fresh)
    with taken_port() as other:
        refused = fresh.shelterctl("up", "--port", str(other), expect=3)
        assert f"port {other} is taken" in refused.error["what"]
        assert fresh.url == f"http://127.0.0.1:{taken}"
    fresh.shelterctl("up", "--port", str(other))
    assert fresh.url == f"http://127.0.0.1:{other}"
    # Closed as soon as the last replica of before has ended, which it does within its grace period.
    wait_until(lambda: socket.socket().connect_ex(("127.0.0.1", taken)), "the end of the earlier port", timeout_s=60)
