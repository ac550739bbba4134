"""Logging in at what stands in for MongoDB: SCRAM as RFC 5802 has it, with the users of the manifests and no others."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest

from shelterctl.adapters.local.supervisor.stack_entry import Logins

pytestmark = pytest.mark.unit
KINDS = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256"}


def log_in(logins: Logins, mechanism: str, user: str, password: str) -> dict[str, Any]:
    """A client's side of it."""
    kind = KINDS[mechanism]
    bare = f"n={user},r=clientnonce"
    first = logins.start({"saslStart": 1, "mechanism": mechanism, "payload": f"n,,{bare}".encode()})
    told = dict(part.split("=", 1) for part in first["payload"].decode().split(","))
    text = hashlib.md5(f"{user}:mongo:{password}".encode()).hexdigest() if kind == "sha1" else password
    salted = hashlib.pbkdf2_hmac(kind, text.encode(), base64.b64decode(told["s"]), int(told["i"]))
    without = f"c=biws,r={told['r']}"
    message = f"{bare},{first['payload'].decode()},{without}".encode()
    key = hmac.digest(salted, b"Client Key", kind)
    signed = hmac.digest(hashlib.new(kind, key).digest(), message, kind)
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signed, strict=True))).decode()
    last = logins.go_on({"saslContinue": 1, "conversationId": first["conversationId"], "payload": f"{without},p={proof}".encode()})
    if last["ok"]:
        server = hmac.digest(hmac.digest(salted, b"Server Key", kind), message, kind)
        assert last["payload"] == f"v={base64.b64encode(server).decode()}".encode()
    return last


@pytest.mark.parametrize("mechanism", KINDS)
def test_a_user_of_the_manifests(mechanism: str) -> None:
    logins = Logins([("notes", "wrong one"), ("notes", "s3cret")])
    assert log_in(logins, mechanism, "notes", "s3cret")["done"]


@pytest.mark.parametrize(("user", "password"), [("notes", "guess"), ("root", "s3cret")])
def test_anybody_else(user: str, password: str) -> None:
    answer = log_in(Logins([("notes", "s3cret")]), "SCRAM-SHA-256", user, password)
    assert (answer["ok"], answer["code"]) == (0.0, 18)


def test_another_mechanism() -> None:
    assert Logins([]).start({"saslStart": 1, "mechanism": "PLAIN", "payload": b""})["ok"] == 0.0
