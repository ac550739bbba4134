"""A kill without writes, on a stage: what of the database and of the service decides, and that nothing of it is ever a PASS."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import pytest

from shelterctl.adapters.clock import SystemClock
from shelterctl.adapters.kube.hints import KubectlHints
from shelterctl.cli.render import kill_db as render
from shelterctl.core.faults.summary import DatabaseSummary, TableSummary
from shelterctl.core.verdict import Reason, Verdict
from shelterctl.errors import ApiRejected, ServiceUnreachable
from shelterctl.ops.chaos.dialogue import EchoedIds
from shelterctl.ops.chaos.kill_db import kill_db
from shelterctl.ops.chaos.result import KillDbResult
from shelterctl.ops.chaos.run import KillDbPorts
from shelterctl.ops.chaos.unwritten import tables
from shelterctl.ops.chaos.unwritten.reason import NoWrites
from shelterctl.ports.http import HttpAnswer, SendOutcome
from tests.fakes import FolderInMemory
from tests.ops.chaos.runs import finished, reasons, request
from tests.ops.chaos.scene import Scene, Store

pytestmark = pytest.mark.unit


@dataclass
class Tables:
    """The store's documents as one table; `changed` is what a reading after the kill finds in its place, by its number."""

    stage: Scene
    changed: Callable[[int], DatabaseSummary | None] = lambda number: None
    fails: bool = False
    readings: int = 0

    def summary(self) -> DatabaseSummary:
        if self.stage.killed:
            self.readings += 1
            if self.fails:
                raise ApiRejected("the database could not be read", why="it is away")
            if (changed := self.changed(self.readings)) is not None:
                return changed
        return summed(len(self.stage.store.documents))


def summed(rows: int, checksum: str = "") -> DatabaseSummary:
    return DatabaseSummary((TableSummary("shop.books", rows, checksum or f"of {rows}"),))


@dataclass
class Unwritable(EchoedIds):
    """An application without a route that writes."""

    database: Tables

    def learn(self, http: Any, url: str) -> Generator[str, None, list[Reason]]:
        yield "what acknowledges a write"
        raise NoWrites("the application has no route that writes", next_command="[writes]", database=self.database, paths=("/books", "/"))


@dataclass
class Page:
    """What GET /books answers: with the store while that is up, and as a test says after the kill."""

    stage: Scene
    asks_the_database: bool = True
    after: tuple[int, bytes] | None = None
    path: str = "/books"
    asked: list[str] = field(default_factory=list)

    def request(self, method: str, url: str, **_: Any) -> HttpAnswer:
        path = url.removeprefix(self.stage.url)
        self.asked.append(f"{method} {path}")
        if path != self.path:
            return HttpAnswer(500, {}, b"", 0.001)
        away = not self.stage.store.up
        if away:
            with self.stage.store.lock:
                # As long as the stage holds an outage until it was felt.
                self.stage.store.turn += 3
                self.stage.store.rejected["x"] = {}
                self.stage.store.open.append("x")
        if self.stage.killed and self.after is not None:
            return HttpAnswer(self.after[0], {}, self.after[1], 0.001)
        if self.asks_the_database and away:
            raise SendOutcome("ReadTimeout", sent=True)
        return HttpAnswer(200, {}, b'{"books": 2}', 0.001)

    def close(self) -> None: ...


@pytest.fixture
def stage() -> Scene:
    """Nothing is served: the page is asked by a function."""
    made = Scene(Store(documents={"old-1": {"name": "Rex"}, "old-2": {"name": "Ada"}}), "http://app.test")
    made.hints = KubectlHints()  # type: ignore[attr-defined]
    return made


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "APART_S", 0.05)


def ports_of(stage: Scene, database: Tables, page: Page) -> KillDbPorts:
    return KillDbPorts(stage, stage, stage, stage, Unwritable(database), lambda: page, FolderInMemory(), SystemClock())  # type: ignore[arg-type]


def run(stage: Scene, database: Tables, page: Page, *, timeout_s: float = 10.0) -> KillDbResult:
    found = finished(kill_db(ports_of(stage, database, page), request(timeout_s=timeout_s)))
    assert stage.closed == 1
    assert not [thread for thread in threading.enumerate() if "_work" in thread.name]
    assert {word.partition(" ")[0] for word in page.asked} == {"GET"}
    # Whatever came of it: nothing was acknowledged, so that nothing passes.
    assert found.judgement.verdict is not Verdict.PASS
    assert found.data is not None
    assert found.data.verdict is not Verdict.PASS
    return found


def test_a_whole_database_and_a_service_that_comes_back_are_told_and_leave_the_writes_open(stage: Scene) -> None:
    found = run(stage, Tables(stage), Page(stage))
    assert (found.judgement.verdict, found.data and found.data.verdict) == (Verdict.UNKNOWN, Verdict.UNKNOWN)
    assert found.service is not None
    assert found.service.verdict is Verdict.PASS
    assert reasons(found) == ["acknowledged writes kept: not known, since the application has no route that writes"]
    assert "1 table with 2 rows is as before" in found.notes
    assert found.proof is not None
    assert found.proof.proved
    shown = "\n".join(line.text for line in render.lines(found))
    assert "UNKNOWN data, PASS service" in shown
    assert "shop.books   before 2   after 2   as before" in shown
    assert "no GET /books was answered as before for" in shown
    assert "acknowledged    " not in shown


def test_a_table_that_lost_rows_though_nobody_wrote_fails_the_data(stage: Scene) -> None:
    found = run(stage, Tables(stage, lambda _: summed(1)), Page(stage))
    assert (found.judgement.verdict, found.data and found.data.verdict) == (Verdict.FAIL, Verdict.FAIL)
    assert reasons(found)[0] == "table shop.books lost 1 row (2 before, 1 after), and nobody wrote through the service"


def test_a_table_that_grew_decides_nothing(stage: Scene) -> None:
    found = run(stage, Tables(stage, lambda _: summed(5)), Page(stage))
    assert found.judgement.verdict is Verdict.UNKNOWN
    assert any("another writer, which decides nothing: shop.books (2 before, 5 after)" in note for note in found.notes)


def test_what_goes_on_changing_after_the_recovery_is_no_loss(stage: Scene) -> None:
    found = run(stage, Tables(stage, lambda number: summed(1, f"reading {number}")), Page(stage))
    assert found.judgement.verdict is Verdict.UNKNOWN
    assert any("still changing after the recovery" in reason for reason in reasons(found))


def test_a_database_that_cannot_be_read_after_the_kill_is_unknown(stage: Scene) -> None:
    found = run(stage, Tables(stage, fails=True), Page(stage))
    assert found.judgement.verdict is Verdict.UNKNOWN
    assert any("could not be read after the kill" in reason for reason in reasons(found))


def test_a_service_that_does_not_come_back_fails_by_itself(stage: Scene) -> None:
    found = run(stage, Tables(stage), Page(stage, after=(503, b"no database")), timeout_s=2.0)
    assert (found.judgement.verdict, found.data and found.data.verdict) == (Verdict.FAIL, Verdict.UNKNOWN)
    assert found.service is not None
    assert found.service.verdict is Verdict.FAIL
    assert reasons(found)[0].startswith("GET /books: no recovery within 2 s (status 503); the application's pods did not restart")


def test_the_right_status_with_an_errors_text_is_no_recovery(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shelterctl.ops.chaos.unwritten.kill._OTHER_TEXT_S", 0.2)
    found = run(stage, Tables(stage), Page(stage, after=(200, b"could not connect")))
    assert found.service is not None
    assert found.service.verdict is Verdict.UNKNOWN
    assert "GET /books answers 200 again, with another text than before" in found.service.reasons[0].text


def test_a_page_that_needs_no_database_shows_nothing_of_the_service(stage: Scene) -> None:
    found = run(stage, Tables(stage), Page(stage, asks_the_database=False, path="/"))
    assert found.service is not None
    assert found.service.verdict is Verdict.UNKNOWN
    assert "nothing shows that it asks the database" in found.service.reasons[0].text
    assert found.gets is not None
    assert found.gets.path == "/"


def test_a_database_that_is_empty_before_proves_nothing(stage: Scene) -> None:
    stage.store.documents.clear()
    found = run(stage, Tables(stage), Page(stage))
    assert any("held no row before the kill" in reason for reason in reasons(found))


def test_nothing_is_killed_where_no_get_is_answered(stage: Scene) -> None:
    page = Page(stage, path="/nowhere")
    ports = ports_of(stage, Tables(stage), page)
    with pytest.raises(ServiceUnreachable, match="answers no GET"):
        finished(kill_db(ports, request()))
    assert not stage.killed
    assert stage.closed == 1
