"""What a URI says of a database elsewhere, and what is not taken from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelterctl.adapters.local import elsewhere
from shelterctl.adapters.local.home import Home, write_json
from shelterctl.core.serial import to_json
from shelterctl.errors import UsageError
from tests.adapters.local.examples import SPEC

pytestmark = pytest.mark.unit


def test_an_address_with_a_user(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("geheim\n")
    found = elsewhere.parse("mongodb://a%20b@db.example:27018,other/animals?authSource=admin", str(tmp_path / "password"))
    assert found.environment(0) == {
        "SHELTER_MONGO_HOST": "db.example:27018,other:27017",
        "SHELTER_MONGO_DATABASE": "animals",
        "SHELTER_MONGO_AUTH": "on",
        "SHELTER_MONGO_USER": "a b",
        "SHELTER_MONGO_AUTH_SOURCE": "admin",
        "SHELTER_MONGO_PASSWORD_FILE": str(tmp_path / "password"),
    }
    assert not found.own
    assert "geheim" not in repr(found)


def test_an_address_without_one_and_with_the_defaults() -> None:
    found = elsewhere.parse("mongodb://[::1]", None)
    assert found.environment(0) == {"SHELTER_MONGO_HOST": "[::1]:27017", "SHELTER_MONGO_DATABASE": "shelter", "SHELTER_MONGO_AUTH": "off"}


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("mongodb://somebody:geheim@host", "a password in the address is not taken"),
        ("mongodb+srv://host", "looks no SRV records up"),
        ("host:27017", "this is no address"),
        ("mongodb://host/db?tls=true&replicaSet=rs", "takes no option replicaSet, tls"),
        ("mongodb://host:port", "host:port is not host:port"),
        ("mongodb://somebody@host", "a user and a password belong together"),
    ],
)
def test_what_is_refused_and_nothing_secret_is_repeated(uri: str, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        elsewhere.parse(uri, None)
    assert says in refused.value.what
    assert "geheim" not in f"{refused.value.what}{refused.value.why}{refused.value.next_command}"


def test_a_password_file_that_is_not_there_or_empty(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        elsewhere.parse("mongodb://somebody@host", str(tmp_path / "nowhere"))
    (tmp_path / "empty").touch()
    with pytest.raises(UsageError, match="is empty"):
        elsewhere.parse("mongodb://somebody@host", str(tmp_path / "empty"))


def test_the_one_that_is_used_is_kept_and_a_database_of_the_stack_is_none_elsewhere(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert elsewhere.kept(home) is None
    document = to_json(SPEC)
    assert isinstance(document, dict)
    write_json(home.spec, document)
    assert elsewhere.kept(home) is None
    used = elsewhere.parse("mongodb://host", None)
    write_json(home.spec, {**document, "database": to_json(used)})
    assert elsewhere.kept(home) == used
