"""What a user's database holds of a write, by its own client: found, compared with what was sent, told apart from copies."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from shelterctl.adapters.documents.client import Client, Login
from shelterctl.adapters.documents.mongo import MongoDocuments
from shelterctl.adapters.documents.sql import SqlShell, row_field
from shelterctl.adapters.documents.tokens import Place, Shell, content_digest, is_at, same
from shelterctl.adapters.kube.own.cluster import OwnCluster
from shelterctl.adapters.kube.own.database import OwnDatabaseReader, login_of
from shelterctl.adapters.kube.own.mongo import MongoShell
from shelterctl.adapters.kube.own.postgres import PostgresShell
from shelterctl.adapters.stack import reader as reader_of_stacks
from shelterctl.core.faults.ledger import payload_digest
from shelterctl.core.faults.summary import DatabaseSummary, TableSummary
from shelterctl.core.serial import JsonValue
from shelterctl.core.stack.exchange import token
from shelterctl.core.stack.model import Engine
from shelterctl.errors import ClusterError, PodCommandTimeout, Refused
from tests.core.stack_examples import CONTAINER, DATABASE

pytestmark = pytest.mark.unit

RUN = "abcdefghijk"


class Rows:
    """A table in memory. Fulfils `own.database.Shell`."""

    def __init__(self, *rows: Mapping[str, Any]) -> None:
        self.rows = rows

    def locate(self, mark: str, wanted: str = "") -> list[Place]:
        places = [("base", "table", key) for row in self.rows for key, value in row.items() if mark in str(value)]
        return [place for place in places if is_at(place, wanted)]

    def read(self, place: Sequence[str], prefix: str, limit: int) -> list[tuple[str, Mapping[str, Any]]]:
        found = [(str(number), row) for number, row in enumerate(self.rows) if prefix in str(row.get(place[2]))]
        return found[: limit + 1]

    def field(self, item: Mapping[str, Any], place: Sequence[str]) -> tuple[object, Mapping[str, Any]]:
        return item.get(place[2]), item

    def summary(self) -> DatabaseSummary:
        return DatabaseSummary((TableSummary("base.table", len(self.rows)),))

    def identity(self) -> tuple[str, float | None, str]:
        return "", None, "a table"


def sent(mark: str) -> dict[str, JsonValue]:
    return {"task": mark, "price": "12", "password": "n1"}


def reader(shell: Shell, monkeypatch: pytest.MonkeyPatch, wanted: str = "") -> OwnDatabaseReader:
    made = OwnDatabaseReader(None, lambda _: f"t{RUN}", sent, wanted=wanted)  # type: ignore[arg-type]  # no cluster is asked: the shell is given
    monkeypatch.setattr(made, "shell", lambda: shell)
    return made


def stored(mark: str, **changed: Any) -> dict[str, Any]:
    """As an application keeps it: another name for a field, a price as a decimal, a password's hash."""
    return {"title": mark, "task": mark, "price": "12.00", "password": "pbkdf2:…", **changed}


def test_what_an_application_keeps_in_its_own_way_is_no_damage_and_what_changes_afterwards_is(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = (token(RUN, number) for number in (1, 2, 3))
    made = reader(Rows(stored(first), stored(second), stored(third, price="13.00")), monkeypatch)
    assert made.locate(first) == ("base.table:title", "base.table:task")
    made.compare_like(first)
    whole = {number: payload_digest(sent(number)) for number in (first, second, third)}
    found = {document.id: document.digest for document in made.documents(run="x", among=None, limit=10)}
    assert {mark for mark, digest in found.items() if digest == whole[mark]} == {first, second}


def test_a_copy_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    mark = token(RUN, 1)
    made = reader(Rows(stored(mark), stored(mark)), monkeypatch)
    made.locate(mark)
    assert [(d.id, d.payload_id) for d in made.documents(run="x", among=None, limit=10)] == [(mark, mark), (f"{mark}#2", mark)]


def test_a_write_is_looked_for_where_its_owner_says_and_a_wrong_place_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    mark = token(RUN, 1)
    rows = Rows(stored(mark))
    for wanted in ("base.table:task", "table:task"):
        assert reader(rows, monkeypatch, wanted).locate(mark) == ("base.table:task",)
    with pytest.raises(Refused) as refused:
        reader(rows, monkeypatch, "table:tas").locate(mark)
    assert refused.value.what == "[database] place = table:tas: the write does not lie there, but at base.table:title"
    # Nowhere at all is another matter.
    assert reader(rows, monkeypatch, "table:tas").locate(token(RUN, 2)) == ()


def encoded(**values: str) -> dict[str, str]:
    return {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}


def test_a_secrets_user_is_taken_as_it_is_and_never_shown() -> None:
    login = login_of(encoded(user="me", word="it's $HOME\n"), "db", ["user", "word"])
    assert (login.user, login.password) == ("me", "it's $HOME")
    assert "HOME" not in repr(login)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (encoded(user="me"), "[database] secret: Secret db has no key word"),
        (encoded(user="me", word="two\nlines"), "[database] secret: key word of Secret db is no single line of text"),
        (encoded(user="me", word=""), "[database] secret: key word of Secret db is no single line of text"),
        ({**encoded(user="me"), "word": "//8="}, "[database] secret: key word of Secret db is no single line of text"),
    ],
)
def test_a_secret_that_cannot_be_used_is_told(data: dict[str, str], what: str) -> None:
    with pytest.raises(ClusterError) as refused:
        login_of(data, "db", ["user", "word"])
    assert refused.value.what == what


def test_a_password_goes_by_standard_input() -> None:
    asked: list[tuple[Sequence[str], str]] = []

    def run(command: Sequence[str], stdin: str = "") -> tuple[int, str, str]:
        asked.append((command, stdin))
        return 0, "", ""

    Client(run, Login("me", "hidden")).script("true", "x")
    Client(run).script("true", "x")
    assert [stdin for _, stdin in asked] == ["me\nhidden\n", ""]
    assert [list(command[3:]) for command, _ in asked] == [["sh", "given", "x"], ["sh", "pod", "x"]]
    assert not [word for command, _ in asked for word in command if "hidden" in word]


SAID = [
    (SqlShell, "ERROR 1045 (28000): Access denied for user 'root'@'localhost' (using password: YES)", "its client"),
    (MongoShell, "MongoServerError: Authentication failed.", "its shell"),
    (MongoShell, "MongoServerError: command listDatabases requires authentication", "its shell"),
    (PostgresShell, 'psql: error: FATAL: password authentication failed for user "flask"', "psql"),
    (PostgresShell, 'psql: error: FATAL: role "root" does not exist', "psql"),
]


@pytest.mark.parametrize(("kind", "said", "by"), SAID)
@pytest.mark.parametrize(
    ("login", "whose"), [(None, "the container's own variables"), (Login("me", "hidden"), "the Secret of [database] secret")]
)
def test_credentials_that_do_not_work_are_told_with_where_others_are_named(
    kind: Any, said: str, by: str, login: Login | None, whose: str
) -> None:
    shell = kind(Client(lambda _command, _stdin="": (1, "", f"{said}\n"), login))
    with pytest.raises(ClusterError) as refused:
        shell.locate(token(RUN, 1))
    assert refused.value.what == f"the database could not be read by {by} in its own pod"
    assert refused.value.why == f"it does not let in the user of {whose}: {said}"
    assert (refused.value.next_command or "").startswith("[database] secret = ")
    assert "hidden" not in str(refused.value.why)


def test_what_is_no_matter_of_credentials_names_none() -> None:
    shell = SqlShell(Client(lambda _command, _stdin="": (1, "", "ERROR 2002 (HY000): Can't connect to local server")))
    with pytest.raises(ClusterError) as refused:
        shell.locate(token(RUN, 1))
    assert (refused.value.why, refused.value.next_command) == ("ERROR 2002 (HY000): Can't connect to local server", "")


@pytest.mark.parametrize(
    ("row", "text", "around"),
    [
        ({"a": "x", "b": 1}, "x", {"a": "x", "b": 1}),
        ({"a": {"n": "x"}, "b": 1}, '{"n": "x"}', {"a": {"n": "x"}, "b": 1, "n": "x"}),
        ({"a": ["x"], "b": 1}, '["x"]', {"a": ["x"], "b": 1}),
        ({"b": 1}, None, {"b": 1}),
    ],
)
def test_a_column_of_json_is_a_text_with_its_fields_around(row: dict[str, Any], text: object, around: dict[str, Any]) -> None:
    assert row_field(row, "a") == (text, around)


@pytest.mark.parametrize(("one", "other", "alike"), [("12", 12, True), (12.0, "12", True), ("12.00", 12, True), ("a", "b", False)])
def test_a_value_in_another_form_is_the_same(one: object, other: object, *, alike: bool) -> None:
    assert same(one, other) is alike


def test_a_field_that_went_missing_counts_where_it_was_compared() -> None:
    whole = {"a": "1", "b": "2"}
    assert content_digest(whole, {"a": "1"}, frozenset({"a"})) == payload_digest({"a": "1", "b": "2"})
    assert content_digest(whole, {"a": "1"}, frozenset({"a", "b"})) != payload_digest({"a": "1", "b": "2"})


def placed(folder: Path, image: str, data_path: str = "") -> str:
    """Where the cluster is told that the ledger's database, which runs under that image, keeps its data."""
    running = replace(CONTAINER, name="postgres", image=image, data_path=data_path)
    cluster = OwnCluster(None, lambda: reader_of_stacks.read(folder))  # type: ignore[arg-type]  # no cluster is asked
    return cluster._with_data_path(replace(DATABASE, containers=(running,))).containers[0].data_path


def test_a_database_of_ones_own_image_keeps_its_data_where_its_dockerfile_says(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    shutil.copytree(Path(__file__).parents[4] / "examples" / "ledger", ledger)
    manifest, text = ledger / "k8s" / "database.yaml", (ledger / "k8s" / "database.yaml").read_text()
    assert placed(ledger, "ledger-db:1.0") == placed(ledger, "ledger-db:1.0", "/guessed") == "/var/lib/postgresql/data/pgdata"
    # An image that nobody here builds is not known.
    assert placed(ledger, "other:1.0") == ""
    manifest.write_text(text.replace("          ports:\n", "          args: [-c, data_directory=/srv]\n          ports:\n", 1))
    assert placed(ledger, "ledger-db:1.0") == ""


class Documents(MongoDocuments):
    def ask(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        raise AssertionError("nothing is asked here")


@pytest.mark.parametrize(
    ("item", "path", "text", "around"),
    [
        ({"a": "x", "b": 1}, "a", "x", {"a": "x", "b": 1}),
        ({"data": {"a": "x"}}, "data.a", "x", {"a": "x"}),
        ({"tags": ["n", "x"]}, "tags.1", "x", {}),
        ({"items": [{"a": "x"}]}, "items.0.a", "x", {"a": "x"}),
        ({"items": []}, "items.0.a", None, {}),
        ({"a": "x"}, "a.b", None, {}),
    ],
)
def test_a_path_leads_through_objects_and_lists(item: dict[str, Any], path: str, text: object, around: dict[str, Any]) -> None:
    """A text in a list that was not read again would count as lost, and its document as nobody's."""
    assert Documents().field(item, ("base", "items", path)) == (text, around)


class Hidden(Rows):
    """Finds a text where it cannot be asked for."""

    def read(self, place: Sequence[str], prefix: str, limit: int) -> list[tuple[str, Mapping[str, Any]]]:
        return []


def test_a_place_that_cannot_be_read_back_is_told_before_anything_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    mark = token(RUN, 1)
    made = reader(Hidden(stored(mark)), monkeypatch)
    assert made.locate(mark)
    with pytest.raises(ClusterError, match=r"lies at base\.table:title, and is not found there"):
        made.compare_like(mark)


def test_a_database_that_is_too_busy_to_be_read_is_told_as_that() -> None:
    def busy(*_: Any, **__: Any) -> tuple[int, str, str]:
        raise PodCommandTimeout("a command in pod mongodb-0 did not end within 60 s")

    engine = SimpleNamespace(roles=SimpleNamespace(engine=Engine.MONGODB))
    state = SimpleNamespace(pods_of=lambda _: [DATABASE])
    cluster = SimpleNamespace(stack=engine, state=lambda **_: state, api=SimpleNamespace(exec=busy))
    made = OwnDatabaseReader(cluster, lambda _: "", sent)  # type: ignore[arg-type]
    with pytest.raises(ClusterError, match="did not answer its own shell within 150 s: it cannot be read") as refused:
        made.shell().locate("mark")
    assert "what a load before left it to do" in refused.value.why
    assert "top pod" in refused.value.next_command
