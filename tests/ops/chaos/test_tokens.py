"""A user's own application, written to and read by tokens: what calibration finds of it, and what reading back makes of what it shows.

The application is a function, and its database a list: what is tested is the order of asking and the judgement.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import pytest

from shelterctl.adapters.documents.tokens import Shell, TokenDocuments
from shelterctl.core.faults.ledger import Category, ClientSaw, WriteOutcome
from shelterctl.core.faults.summary import DatabaseSummary, TableSummary
from shelterctl.core.stack import ok_rule
from shelterctl.core.stack.answer_id import OneRule
from shelterctl.core.stack.exchange import Exchange, ReadRule, WriteRule
from shelterctl.core.stack.model import Body
from shelterctl.core.verdict import Reason
from shelterctl.errors import ApiRejected, Refused, ServiceUnreachable
from shelterctl.ops.chaos.account import DATABASE, SERVICE, Reading
from shelterctl.ops.chaos.read_result import ReadBack
from shelterctl.ops.chaos.tokens import Tokens, marks, number_of, sent_fields
from shelterctl.ops.chaos.unwritten.reason import NoWrites
from shelterctl.ports.http import HttpAnswer
from tests.fakes import HttpInMemory
from tests.ops.generators import ended

pytestmark = pytest.mark.unit

URL, RUN = "http://app.test:80", "20261121-120000-kill-db"
MIB = 2**20
WRITE = WriteRule("POST", "/books", Body.JSON, {"name": "{token}", "price": "{n}"})
WHOLE, ONE = ReadRule("/books", most_bytes=MIB), OneRule("/books/{id}")


class QuickClock:
    """The system's own, a hundred times as fast: threads wait on it, and what takes two minutes must outlast a machine that stands still
    for a second."""

    def monotonic_s(self) -> float:
        return time.monotonic() * 100

    def wall_s(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / 100)


@dataclass
class Application:
    """Stores what it is sent in `rows`; the hooks are where a test makes it another application."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    id_of: Callable[[int], Any] = lambda number: number
    answer: Callable[[dict[str, Any]], Any] = lambda row: {"id": row["id"], "status": "stored"}
    shown: Callable[[dict[str, Any]], tuple[int, Any]] = lambda row: (200, row)
    every: Callable[[list[dict[str, Any]]], bytes] = lambda rows: json.dumps(rows).encode()
    asked: list[str] = field(default_factory=list)

    def __call__(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        self.asked.append(f"{method} {target}")
        if method == "POST":
            row = {**json.loads(body), "id": self.id_of(len(self.rows) + 1)}
            self.rows.append(row)
            said = self.answer(row)
            return HttpAnswer(201, {}, said if isinstance(said, bytes) else json.dumps(said).encode(), 0.001)
        if target == "/books":
            return HttpAnswer(200, {}, self.every(self.rows), 0.001)
        wanted = unquote(target.removeprefix("/books/"))
        row_or_none = next((row for row in self.rows if str(row["id"]) == wanted), None)
        status, said = self.shown(row_or_none) if row_or_none is not None else (404, {})
        return HttpAnswer(status, {}, said if isinstance(said, bytes) else json.dumps(said).encode(), 0.001)


class Table:
    """The rows as a database's own client shows them; a reading may find something changed, or nobody there."""

    def __init__(self, app: Application) -> None:
        self.app = app
        self.readings = 0
        self.before_reading: Callable[[int], None] = lambda number: None
        self.broken = False

    def locate(self, mark: str, wanted: str = "") -> list[tuple[str, ...]]:
        return [("shop", "books", "name") for row in self.app.rows if mark in str(row["name"])]

    def read(self, place: Sequence[str], prefix: str, limit: int) -> list[tuple[str, Mapping[str, Any]]]:
        if self.broken:
            raise ApiRejected("the database could not be read", why="it is away")
        self.readings += bool(prefix)
        self.before_reading(self.readings)
        return [(str(row["id"]), row) for row in self.app.rows if prefix in str(row["name"])]

    def field(self, item: Mapping[str, Any], place: Sequence[str]) -> tuple[object, Mapping[str, Any]]:
        return item["name"], item

    def summary(self) -> DatabaseSummary:
        return DatabaseSummary((TableSummary("shop.books", len(self.app.rows)),))

    def identity(self) -> tuple[str, float | None, str]:
        return "process", None, "mongod 8"


class Rows(TokenDocuments):
    """The application's database, read past it."""

    def __init__(self, table: Table) -> None:
        super().__init__(lambda run: f"t{marks(run)}", lambda mark: sent_fields(WRITE, mark, number_of(mark)))
        self._table = table

    def shell(self) -> Shell:
        return self._table


@dataclass
class Stage:
    app: Application
    table: Table
    rows: Rows
    tokens: Tokens
    outcomes: list[WriteOutcome] = field(default_factory=list)

    def http(self) -> HttpInMemory:
        return HttpInMemory({"app.test:80": self.app})

    def learn(self) -> list[Reason]:
        return ended(self.tokens.learn(self.http(), URL))

    def write(self, count: int, *, lost_answers: int = 0) -> None:
        """Writes as the writers do; of the last ones no answer comes back."""
        http = self.http()
        count, before = count + len(self.outcomes), len(self.outcomes)
        for number in range(before, count):
            draft = self.tokens.draft(RUN, "w1", number)
            answer = http.request(draft.method, f"{URL}{draft.path}", headers=draft.headers, body=draft.body, timeout_s=1)
            lost = number >= count - lost_answers
            saw = ClientSaw.INDETERMINATE if lost else self.tokens.judge(draft, answer)
            self.outcomes.append(WriteOutcome(draft.id, draft.digest, number, number + 0.5, saw, None if lost else answer.status))

    def read_back(self) -> ReadBack:
        reading = Reading(self.http, self.rows, self.tokens, QuickClock(), URL, RUN, {DATABASE: {}}, (), 3.0)
        return ended(reading.work(self.outcomes)).value


def stage(*, read: ReadRule | None = WHOLE, one: OneRule | None = ONE, by_id: bool = False, write: WriteRule = WRITE, **app: Any) -> Stage:
    application = Application(**app)
    table = Table(application)
    rows = Rows(table)
    tokens = Tokens(Exchange(write, read, one, by_id), rows, QuickClock(), driver_timeout_s=1.0, most_writes=1000)
    return Stage(application, table, rows, tokens)


def huge(_: object) -> bytes:
    return b"x" * (MIB + 1)


def failing(back: ReadBack) -> dict[str, int]:
    return {c.value: back.account.counts[c.value] for c in Category if c.fails and back.account.counts[c.value]}


def test_all_at_once_is_the_way_where_it_goes() -> None:
    found = stage()
    assert found.learn() == []
    found.write(5)
    back = found.read_back()
    assert (failing(back), back.whole, back.notes, back.account.found["acknowledged"]) == ({}, True, [], 5)
    assert found.table.readings == 3  # how the marked write is stored, and two that are equal
    assert not [line for line in found.app.asked[10:] if line.startswith("GET /books/")]


def test_an_answer_that_is_too_large_leaves_the_data_to_the_database_and_the_service_open() -> None:
    found = stage(one=None, every=huge)
    assert found.learn() == []
    found.write(5)
    back = found.read_back()
    assert back.questions == {}
    assert (failing(back), back.account.found["acknowledged"]) == ({}, 5)
    (reason,) = back.service_open
    assert reason.text == "read in the database; through the service: GET /books: too large (more than 1 MiB)"
    assert reason.next_command
    # Asked once: a thing of that size is as large the next time.
    assert found.app.asked.count("GET /books") == 1


def test_an_answer_that_became_too_large_meanwhile_is_asked_for_one_by_one() -> None:
    found = stage(every=lambda rows: huge(rows) if len(rows) > 5 else json.dumps(rows).encode())
    assert found.learn() == []
    found.write(6)
    back = found.read_back()
    assert (back.whole, failing(back)) == (True, {})
    assert back.notes == ["through the service in one answer: too large (more than 1 MiB); each write was asked for by its id instead"]


def test_a_loss_is_a_loss_however_large_the_answers_are() -> None:
    found = stage(one=None, every=huge)
    found.learn()
    found.write(5)
    del found.app.rows[-2]
    assert failing(found.read_back()) == {"lost": 1}


def test_a_collection_that_shows_its_newest_is_asked_for_one_by_one() -> None:
    found = stage(every=lambda rows: json.dumps(rows[-3:]).encode())
    found.learn()
    found.write(6, lost_answers=1)
    back = found.read_back()
    assert (back.whole, failing(back)) == (True, {})
    assert back.notes[0] == "one answer of the service shows 3 of 6 writes: each was asked for by its id instead"
    assert "no id to ask for in 1 write of unknown outcome" in back.notes[1]


@pytest.mark.parametrize(
    ("options", "first"),
    [
        ({}, "GET /books/1"),
        ({"id_of": lambda number: f"é/{number} ?#"}, "GET /books/%C3%A9%2F1%20%3F%23"),
        ({"one": OneRule("/books/{id}", "/made/0/key"), "answer": lambda row: {"made": [{"key": row["id"]}]}}, "GET /books/1"),
        ({"answer": lambda row: row["id"], "one": OneRule("/books/{id}", "")}, "GET /books/1"),
    ],
)
def test_reading_one_by_one(options: dict[str, Any], first: str) -> None:
    found = stage(**{"by_id": True, **options})
    assert found.learn() == []
    assert first in found.app.asked
    found.write(30, lost_answers=4)
    back = found.read_back()
    assert (back.whole, failing(back), back.account.acknowledged) == (True, {}, 26)
    assert back.notes == ["no id to ask for in 4 writes of unknown outcome: the database alone shows them"]
    assert len({line for line in found.app.asked if line.startswith("GET /books/")}) == 2 + 26
    assert "GET /books" not in found.app.asked


def test_a_404_for_what_the_database_has_is_the_services_failure_and_not_the_datas() -> None:
    found = stage(by_id=True, shown=lambda row: (404, {}) if row["id"] in (5, 6) else (200, row))
    found.learn()
    found.write(8)
    back = found.read_back()
    assert (failing(back), back.questions, back.service_open) == ({}, {}, [])
    (reason,) = back.service_failed
    assert reason.text.startswith("2 acknowledged writes in the database and not shown by the service: GET /books/{id} answers 404 for t")


def test_what_shows_something_else_under_an_id_does_not_show_the_write() -> None:
    found = stage(by_id=True, shown=lambda row: (200, {"name": "another"} if row["id"] == 5 else row))
    found.learn()
    found.write(8)
    (reason,) = found.read_back().service_failed
    assert "answers 200 with something else" in reason.text


def test_a_404_for_what_the_database_lost_is_a_loss() -> None:
    found = stage(by_id=True)
    found.learn()
    found.write(8)
    del found.app.rows[-2]
    back = found.read_back()
    assert failing(back) == {"lost": 1}
    assert back.service_failed == []


def test_a_service_that_errs_by_id_stays_open() -> None:
    found = stage(by_id=True, shown=lambda row: (500 if row["id"] == 7 else 200, row))
    found.learn()
    found.write(8)
    back = found.read_back()
    assert (failing(back), back.service_failed) == ({}, [])
    (reason,) = back.service_open
    assert reason.text == "through the service by id: 1 of 8 without an answer to be judged by: answers 500"


def test_an_acknowledgement_without_an_id_is_counted() -> None:
    found = stage(by_id=True, write=WriteRule("POST", "/books", Body.JSON, WRITE.template, ok=ok_rule.of({"status": 201})))
    found.app.answer = lambda row: {"id": row["id"]} if row["id"] != 5 else {}
    found.learn()
    found.write(4)
    back = found.read_back()
    assert (back.whole, failing(back), back.account.acknowledged) == (True, {}, 4)
    assert back.notes == ["1 acknowledged write without an id in the answer: the database alone shows them"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"one": OneRule("/books/{id}", "/key")}, "GET /books/{id}: the answer to a write has no /key (it has id, status)"),
        ({"answer": lambda row: {"status": "stored"}}, "GET /books/{id}: the answer to a write has nothing that is named like an id"),
        ({"answer": lambda row: {"id": row["id"] + 1000}}, "GET /books/{id}: answers 404 for the id '1001' of the write's answer"),
        ({"shown": lambda row: (200, {"name": "another"})}, "GET /books/{id}: answers 200 with something else for the id '1'"),
        ({"shown": lambda row: (500, {})}, "GET /books/{id}: answers 500 for the id '1' of"),
        ({"one": None}, "no route is known that reads one by its id"),
    ],
)
def test_ids_that_do_not_lead_back_are_told_and_the_whole_is_read(options: dict[str, Any], said: str) -> None:
    found = stage(**{"by_id": True, **options})
    assert found.learn() == []
    found.write(5)
    back = found.read_back()
    assert (back.whole, failing(back)) == (True, {})
    (note,) = back.notes
    assert note.startswith(said)
    assert note.endswith("; GET /books is read instead")


def test_where_no_way_is_left_the_reasons_stand_with_the_service() -> None:
    found = stage(by_id=True, every=huge, one=OneRule("/books/{id}", "/key"))
    found.learn()
    found.write(5)
    back = found.read_back()
    assert (back.questions, failing(back)) == ({}, {})
    (reason,) = back.service_open
    assert "has no /key" in reason.text
    assert "GET /books: too large (more than 1 MiB)" in reason.text


def test_without_any_route_that_reads_the_database_decides() -> None:
    found = stage(read=None, one=None)
    found.learn()
    found.write(5)
    back = found.read_back()
    assert back.questions == {}
    assert [reason.text for reason in back.service_open] == ["read in the database; through the service: no route reads"]


def test_what_a_driver_still_writes_after_the_wait_is_not_lost() -> None:
    found = stage(one=None)
    found.learn()
    found.write(5)
    late = found.app.rows.pop()

    def arrive(number: int) -> None:
        if number == 3:
            found.app.rows.append(late)

    found.table.before_reading = arrive
    back = found.read_back()
    assert failing(back) == {}
    assert any("the database was still changing after the wait (1 document came, 0 went)" in note for note in back.notes)


def test_a_write_that_a_reading_had_and_the_last_ones_do_not_is_a_loss() -> None:
    """Of unknown outcome: without the earlier reading it would be one that never was."""
    found = stage(read=None, one=None)
    found.learn()
    found.write(5, lost_answers=1)

    def vanish(number: int) -> None:
        if number == 3:
            found.app.rows.pop()

    found.table.before_reading = vanish
    assert failing(found.read_back()) == {"lost after read": 1}


def test_a_database_that_goes_on_changing_decides_nothing() -> None:
    found = stage(one=None)
    found.learn()
    found.write(5)
    template = dict(found.app.rows[-1])

    def change(number: int) -> None:
        found.app.rows[-1] = {**template, "price": number}

    found.table.before_reading = change
    back = found.read_back()
    assert back.account.counts == {}
    assert "another writer?" in back.questions[DATABASE].text
    assert SERVICE not in back.questions


def test_a_database_that_cannot_be_read_is_a_question_about_the_data() -> None:
    found = stage(by_id=True, shown=lambda row: (404, {}) if row["id"] == 5 else (200, row))
    found.learn()
    found.write(5)
    found.table.broken = True
    back = found.read_back()
    assert "the read-back (database) failed" in back.questions[DATABASE].text
    assert back.service_failed == []
    assert "and the database was not read" in back.service_open[0].text


def test_an_answer_to_a_write_that_is_too_large_acknowledges_nothing() -> None:
    found = stage(answer=lambda row: b"x" * (5 * MIB))
    (reason,) = found.learn()
    assert "POST /books: the answer is larger than 4 MiB: no answer acknowledges a write" in reason.text
    # Where its writes lie is known all the same: what was there before is read.
    assert found.rows.documents(run=None, among=None, limit=10)
    assert "how it shows writes was not looked at" in found.read_back().service_open[0].text


def test_the_owners_word_makes_answers_acknowledge_that_differ() -> None:
    by_turns: dict[str, Any] = {"answer": lambda row: {"queued": row["id"]} if row["id"] % 2 else {"id": row["id"], "status": "stored"}}
    assert [reason.text[:44] for reason in stage(**by_turns).learn()] == ["two writes were answered in two ways: no ans"]
    write = WriteRule("POST", "/books", Body.JSON, WRITE.template, ok=ok_rule.of({"status": 201}))
    found = stage(write=write, **by_turns)
    assert found.learn() == []
    found.write(5)
    assert (failing(found.read_back()), {write.saw for write in found.outcomes}) == ({}, {ClientSaw.ACK})


def test_a_word_that_the_answers_do_not_keep_is_told() -> None:
    write = WriteRule("POST", "/books", Body.JSON, WRITE.template, ok=ok_rule.of({"status": 200, "body": "done"}))
    (reason,) = stage(write=write).learn()
    assert 'which is not what [writes] ok says (status 200, "done" in it)' in reason.text


def test_what_stores_nothing_is_refused() -> None:
    found = stage()
    found.app.rows = Vanishing()
    with pytest.raises(Refused, match="nowhere in the database"):
        found.learn()


def test_what_takes_no_write_is_told_with_what_can_be_asked_instead() -> None:
    found = stage()
    answers = {"POST": 401, "GET": 200}
    refusing = HttpInMemory({"app.test:80": lambda method, *_: HttpAnswer(answers[method], {}, b"log in", 0.001)})
    for write, said in ((None, "has no route that writes"), (WRITE, "answers 401 to a write")):
        tokens = Tokens(Exchange(write, WHOLE), found.rows, QuickClock(), driver_timeout_s=1.0, most_writes=10)
        with pytest.raises(NoWrites, match=said) as none:
            ended(tokens.learn(refusing, URL))
        assert none.value.paths == ("/books", "/")
        assert none.value.database.summary().words == "1 table with 0 rows"


class Vanishing(list[dict[str, Any]]):
    def append(self, row: dict[str, Any]) -> None:
        pass


def test_a_route_that_answers_errors_is_none_that_reads() -> None:
    found = stage(one=None)

    def erring(method: str, target: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        return found.app(method, target, headers, body) if method == "POST" else HttpAnswer(500, {}, b"", 0.001)

    with pytest.raises(ServiceUnreachable):
        ended(found.tokens.learn(HttpInMemory({"app.test:80": erring}), URL))
