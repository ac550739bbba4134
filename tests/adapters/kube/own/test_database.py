"""What a user's database holds of a write, by its own client: found, compared with what was sent, told apart from copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from shelterctl.adapters.documents.tokens import Shell, content_digest, same
from shelterctl.adapters.kube.own.database import OwnDatabaseReader
from shelterctl.core.faults.ledger import payload_digest
from shelterctl.core.serial import JsonValue
from shelterctl.core.stack.exchange import token

pytestmark = pytest.mark.unit

RUN = "abcdefghijk"


class Rows:
    """A table in memory. Fulfils `own.database.Shell`."""

    def __init__(self, *rows: Mapping[str, Any]) -> None:
        self.rows = rows

    def locate(self, mark: str) -> list[tuple[str, str, str]]:
        return [("base", "table", key) for row in self.rows for key, value in row.items() if mark in str(value)]

    def read(self, place: Sequence[str], prefix: str, limit: int) -> list[tuple[str, Mapping[str, Any]]]:
        found = [(str(number), row) for number, row in enumerate(self.rows) if prefix in str(row.get(place[2]))]
        return found[: limit + 1]

    def field(self, item: Mapping[str, Any], place: Sequence[str]) -> tuple[object, Mapping[str, Any]]:
        return item.get(place[2]), item

    def identity(self) -> tuple[str, float | None, str]:
        return "", None, "a table"


def sent(mark: str) -> dict[str, JsonValue]:
    return {"task": mark, "price": "12", "password": "n1"}


def reader(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> OwnDatabaseReader:
    made = OwnDatabaseReader(None, lambda _: f"t{RUN}", sent)  # type: ignore[arg-type]  # no cluster is asked: the shell is given
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


@pytest.mark.parametrize(("one", "other", "alike"), [("12", 12, True), (12.0, "12", True), ("12.00", 12, True), ("a", "b", False)])
def test_a_value_in_another_form_is_the_same(one: object, other: object, *, alike: bool) -> None:
    assert same(one, other) is alike


def test_a_field_that_went_missing_counts_where_it_was_compared() -> None:
    whole = {"a": "1", "b": "2"}
    assert content_digest(whole, {"a": "1"}, frozenset({"a"})) == payload_digest({"a": "1", "b": "2"})
    assert content_digest(whole, {"a": "1"}, frozenset({"a", "b"})) != payload_digest({"a": "1", "b": "2"})
