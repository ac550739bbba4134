"""Becomes the database of a user's own stack, which takes the users that its manifests speak of. Standard library, pymongo and nx-27017.

Run as `python stack_entry.py USERS KIND ...`: a JSON file with `users` (pairs of name and password), `nx-27017` or `mongod`, and the
command line. The process is the database itself in the end, under the number that this program had: what kills it kills the database.

nx-27017 knows no users and turns drivers away that are older than MongoDB 6: here a driver logs in as it would anywhere (SCRAM-SHA-1 and
SCRAM-SHA-256, RFC 5802), and is told that older ones are welcome, which the commands that they send are. Who does not log in is let in as
well, for both listen on 127.0.0.1 only.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any

ITERATIONS = 4096
_HASHES = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256"}
#: MongoDB's codes: the login failed; the user is there already.
_FAILED, _THERE = 18, 51003
MARK = "shelterctl-users"


class Logins:
    """Conversations of SCRAM, each over one connection."""

    def __init__(self, users: list[tuple[str, str]]) -> None:
        self._users = users
        self._salt = secrets.token_bytes(16)
        self._keys: dict[tuple[str, str, str], bytes] = {}
        self._open: dict[int, tuple[str, str, str, str]] = {}
        self._numbers = itertools.count(1)

    def start(self, command: dict[str, Any]) -> dict[str, Any]:
        """The server's first message (RFC 5802, section 7)."""
        mechanism = str(command.get("mechanism") or command.get("saslStart"))
        if mechanism not in _HASHES:
            return _failed(f"Unsupported authentication mechanism {mechanism}")
        bare = bytes(command["payload"]).decode().split(",", 2)[2]
        told = dict(part.split("=", 1) for part in bare.split(","))
        nonce = told["r"] + base64.b64encode(secrets.token_bytes(18)).decode()
        answer = f"r={nonce},s={base64.b64encode(self._salt).decode()},i={ITERATIONS}"
        number = next(self._numbers)
        user = told["n"].replace("=2C", ",").replace("=3D", "=")
        self._open[number] = (mechanism, user, f"{bare},{answer}", nonce)
        return {"conversationId": number, "done": False, "payload": answer.encode(), "ok": 1.0}

    def go_on(self, command: dict[str, Any]) -> dict[str, Any]:
        """The server's proof that it knows the password, where the client has proved that it does."""
        number = int(command.get("conversationId", 0))
        if not bytes(command["payload"]):
            # Older drivers ask once more when all is said.
            return {"conversationId": number, "done": True, "payload": b"", "ok": 1.0}
        if number not in self._open:
            return _failed("Authentication failed.")
        mechanism, user, before, nonce = self._open.pop(number)
        final = bytes(command["payload"]).decode()
        without, _, proof = final.rpartition(",p=")
        message = f"{before},{without}".encode()
        kind = _HASHES[mechanism]
        if f"r={nonce}" not in without.split(","):
            return _failed("Authentication failed.")
        for name, password in self._users:
            if name != user:
                continue
            salted = self._salted(kind, user, password)
            key = hmac.digest(salted, b"Client Key", kind)
            signed = hmac.digest(hashlib.new(kind, key).digest(), message, kind)
            wanted = bytes(a ^ b for a, b in zip(key, signed, strict=True))
            if hmac.compare_digest(wanted, base64.b64decode(proof)):
                said = base64.b64encode(hmac.digest(hmac.digest(salted, b"Server Key", kind), message, kind)).decode()
                return {"conversationId": number, "done": bool(command.get("done", True)), "payload": f"v={said}".encode(), "ok": 1.0}
        return _failed("Authentication failed.")

    def _salted(self, kind: str, user: str, password: str) -> bytes:
        known = (kind, user, password)
        if known not in self._keys:
            # SCRAM-SHA-1 takes the digest of MongoDB's older way of logging in for the password.
            text = hashlib.md5(f"{user}:mongo:{password}".encode()).hexdigest() if kind == "sha1" else password  # noqa: S324 - MongoDB's own
            self._keys[known] = hashlib.pbkdf2_hmac(kind, text.encode(), self._salt, ITERATIONS)
        return self._keys[known]


def _failed(why: str) -> dict[str, Any]:
    return {"ok": 0.0, "errmsg": why, "code": _FAILED, "codeName": "AuthenticationFailed"}


def main(users: list[tuple[str, str]], kind: str, argv: list[str]) -> None:
    if kind == "mongod":
        become_mongod(users, argv)
    else:
        become_nx(users, argv)


def become_mongod(users: list[tuple[str, str]], argv: list[str]) -> None:
    """mongod without --auth: who logs in must be a user, and who does not is let in."""
    from mongod_entry import with_server  # type: ignore[import-not-found]
    from pymongo import MongoClient
    from pymongo.errors import OperationFailure

    data, port = Path(argv[argv.index("--dbpath") + 1]), int(argv[argv.index("--port") + 1])
    told = hashlib.sha256(json.dumps(users).encode()).hexdigest()

    def work() -> None:
        client: MongoClient[dict[str, Any]]
        with MongoClient("127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=1000) as client:
            for name, password in dict(users).items():
                for command in ("createUser", "updateUser"):
                    try:
                        client.admin.command(command, name, pwd=password, roles=[{"role": "root", "db": "admin"}])
                        break
                    except OperationFailure as error:
                        if error.code != _THERE:
                            raise

    mark = data / MARK
    if users and (not mark.exists() or mark.read_text(encoding="ascii") != told):
        with_server(argv, work)
        mark.touch(mode=0o600)
        mark.write_text(told, encoding="ascii")
    os.execv(argv[0], argv)  # noqa: S606 - the program that the supervisor chose


def patch(handler: Any, logins: Logins) -> None:
    """Logins, and drivers of any age: what a mongod says of itself, too (minWireVersion 0)."""
    handler.MIN_WIRE_VERSION = 0
    plain = handler.NeoSQLiteHandler.handle_command

    def handle_command(self: Any, message: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        body = next((document for kind, document in message["sections"] if kind == "body"), None) or {}
        try:
            if "saslStart" in body:
                return message["request_id"], logins.start(body)
            if "saslContinue" in body:
                return message["request_id"], logins.go_on(body)
        except (KeyError, ValueError, IndexError):
            return message["request_id"], _failed("this is no message of SCRAM")
        answer: tuple[int, dict[str, Any]] = plain(self, message)
        return answer

    handler.NeoSQLiteHandler.handle_command = handle_command


def become_nx(users: list[tuple[str, str]], argv: list[str]) -> None:
    from nx_27017 import handler, nx_27017  # type: ignore[import-untyped]

    logins = Logins(users)
    patch(handler, logins)
    sys.argv = ["nx-27017", *argv]
    nx_27017.main()


if __name__ == "__main__":
    held = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["users"]
    main([(str(user), str(password)) for user, password in held], sys.argv[2], sys.argv[3:])
