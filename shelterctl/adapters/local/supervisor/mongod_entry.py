"""Becomes mongod with authentication on; on a new data folder its users are made first. Standard library and pymongo only.

Run as `python mongod_entry.py SECRETS DATABASE USER MONGOD...`: the folder with the two passwords (files `root` and the user's name), the
database and the user of the application, and mongod's own command line. The process that is started in the end is mongod itself, under the
number that this program had: what kills it kills the database.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

ROOT = "root"
#: Beside the data, since it is true of them alone.
MARK = "shelterctl-users"
#: mongod's codes: a user that is there already; no right to make one.
_THERE, _REFUSED = 51003, (13, 18)
_START_S, _END_S = 60.0, 30.0


def main(secrets: Path, name: str, user: str, argv: list[str]) -> None:
    """Makes the users where they are not there yet, then becomes mongod."""
    data = Path(argv[argv.index("--dbpath") + 1])
    port = int(argv[argv.index("--port") + 1])
    # From the first moment on: until there is a user, mongod lets whoever is on this machine make the first one, and nothing else
    # (the localhost exception).
    argv = [*argv, "--auth"]
    if not (data / MARK).exists():
        passwords = {each: (secrets / each).read_text(encoding="utf-8").strip() for each in (ROOT, user)}
        with_server(argv, lambda: make_users(port, passwords, name, user))
        (data / MARK).touch(mode=0o600)
    os.execv(argv[0], argv)  # noqa: S606 - the program that the supervisor chose


def with_server(argv: list[str], work: Any) -> None:
    server = subprocess.Popen(argv)
    try:
        deadline = time.monotonic() + _START_S
        while True:
            try:
                work()
                return
            except PyMongoError as error:
                ended = server.poll()
                if ended is not None:
                    raise SystemExit(f"mongod ended with exit code {ended} before its users were made") from error
                if isinstance(error, OperationFailure) or time.monotonic() > deadline:
                    raise SystemExit(f"the database's users could not be made: {error}") from error
                time.sleep(0.1)
    finally:
        if server.poll() is None:
            server.terminate()
            try:
                server.wait(_END_S)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def make_users(port: int, passwords: dict[str, str], name: str, user: str) -> None:
    """The administrator, then the application's user, who may read and write its own database only. Raises PyMongoError."""
    where: dict[str, Any] = {"host": "127.0.0.1", "port": port, "directConnection": True, "serverSelectionTimeoutMS": 1000}
    with MongoClient(**where) as client:
        _create(client, "admin", ROOT, passwords[ROOT], [{"role": "root", "db": "admin"}])
    with MongoClient(**where, username=ROOT, password=passwords[ROOT], authSource="admin") as client:
        _create(client, name, user, passwords[user], [{"role": "readWrite", "db": name}])


def _create(client: MongoClient[dict[str, Any]], database: str, user: str, password: str, roles: list[dict[str, str]]) -> None:
    try:
        client[database].command("createUser", user, pwd=password, roles=roles)
    except OperationFailure as error:
        # An earlier start was broken off after this one: whether it is ours shows when it is used.
        if error.code != _THERE and not (user == ROOT and error.code in _REFUSED):
            raise


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:])
