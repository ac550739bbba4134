"""Which Secrets are made, with which passwords, and when it is refused: against what a cluster would hold."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import pytest

from shelterctl.adapters.kube import credentials
from shelterctl.core.stack.generated import GeneratedSecret
from shelterctl.errors import Refused

pytestmark = pytest.mark.unit

ROOT = GeneratedSecret("db", {"username": "root", "password": "{root}"})
APP = GeneratedSecret("app", {"uri": "mongodb://web:{app}@db/n", "session": "{session}"})


class Api:
    """The Secrets of a cluster by their path."""

    def __init__(self, **there: dict[str, str]) -> None:
        self.secrets: dict[str, dict[str, Any]] = {}
        for name, content in there.items():
            data = {key: base64.b64encode(value.encode()).decode() for key, value in content.items()}
            self.secrets[f"/api/v1/namespaces/one/secrets/{name}"] = {"metadata": {"name": name}, "data": data}

    def get_or_none(self, path: str) -> dict[str, Any] | None:
        return self.secrets.get(path)

    def request(self, method: str, path: str, *, body: dict[str, Any]) -> None:
        assert method == "POST"
        self.secrets[f"{path}/{body['metadata']['name']}"] = body

    def content(self, namespace: str, name: str) -> dict[str, str]:
        data = self.secrets[f"/api/v1/namespaces/{namespace}/secrets/{name}"]["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}


def ensure(api: Api, *wanted: tuple[str, GeneratedSecret], claims: Sequence[str] = ()) -> tuple[str, ...]:
    return credentials.ensure(api, wanted, of_database=("root", "app"), claims=lambda _: claims, give_up="down")  # type: ignore[arg-type]


def test_the_same_password_in_every_secret_that_names_it() -> None:
    api = Api()
    assert ensure(api, ("one", ROOT), ("one", APP), ("two", APP)) == ("one/db", "one/app", "two/app")
    assert api.content("one", "app") == api.content("two", "app")
    assert api.content("one", "db")["password"] not in api.content("one", "app").values()
    assert credentials.is_generated(api.secrets["/api/v1/namespaces/one/secrets/db"])
    before = dict(api.secrets)
    assert ensure(api, ("one", ROOT), ("one", APP), ("two", APP)) == ()
    assert api.secrets == before


def test_the_password_of_one_that_is_there_is_taken() -> None:
    api = Api(app={"uri": f"mongodb://web:{'a1' * 16}@db/n", "session": "by hand"})
    assert ensure(api, ("one", APP), ("two", APP), claims=["data-db-0"]) == ("two/app",)
    assert api.content("two", "app") == api.content("one", "app")


def test_a_new_password_would_not_open_old_data() -> None:
    with pytest.raises(Refused, match="claim data-db-0 holds a database, and Secret app with its password is gone"):
        ensure(Api(db={"username": "root", "password": "x"}), ("one", ROOT), ("one", APP), claims=["data-db-0"])


def test_a_password_that_opens_no_database_may_be_new_beside_old_data() -> None:
    session = GeneratedSecret("web", {"key": "{session}"})
    api = Api()
    assert ensure(api, ("one", session), claims=["data-db-0"]) == ("one/web",)
    assert len(api.content("one", "web")["key"]) == 64
