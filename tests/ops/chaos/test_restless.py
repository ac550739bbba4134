"""What goes from a user's own database by itself, before anything is killed: it is no loss by the kill."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from shelterctl.core.events import StepFinished
from shelterctl.errors import Refused
from shelterctl.ops.chaos.account import DATABASE, restless
from shelterctl.ops.chaos.kill_db import look_at_rest
from shelterctl.ops.chaos.tokens import marks
from shelterctl.ops.steps import run_step
from tests.ops.chaos.test_tokens import RUN, QuickClock, Stage, stage

pytestmark = pytest.mark.unit


def test_an_application_that_keeps_its_newest_writes_only_is_seen_before_anything_is_killed() -> None:
    """Its writes are gone without a kill: that the kill lost them would be said of each."""
    found = stage()
    assert found.learn() == []

    def keeps_its_newest() -> None:
        found.write(5)
        del found.app.rows[:-5]

    found.write(5)
    seen = restless(found.rows, RUN, {}, keeps_its_newest)
    assert (len(seen.gone), seen.read) == (5, 5)
    # What comes between two readings, or is not stored yet, is gone from nothing.
    assert restless(found.rows, RUN, {}, lambda: found.write(3)).gone == ()


def test_what_another_writer_changes_before_the_kill_decides_nothing() -> None:
    found = stage()
    assert found.learn() == []
    prior = {DATABASE: {d.id: d.digest for d in found.rows.documents(run=None, among=None, limit=100)}}
    assert restless(found.rows, RUN, prior, lambda: None).changed == frozenset()
    counted, taken = found.app.rows
    counted["price"] = 99
    found.app.rows.remove(taken)
    assert restless(found.rows, RUN, prior, lambda: None).changed == frozenset(prior[DATABASE])


def test_writes_that_are_put_into_one_text_are_all_there() -> None:
    found = stage(read=None, one=None)
    assert found.learn() == []
    found.write(5)
    own = [row for row in found.app.rows if str(row["name"]).startswith(f"t{marks(RUN)}")]
    found.app.rows = [{"id": 1, "name": "\n".join(f"{row['name']} said {row['name']}" for row in own)}]
    assert sorted(d.id for d in found.rows.documents(run=RUN, among=None, limit=100)) == sorted(row["name"] for row in own)


class Meanwhile(QuickClock):
    """While it sleeps, something happens."""

    def __init__(self, happens: Any) -> None:
        self.happens = happens

    def sleep(self, seconds: float) -> None:
        self.happens()


def looked(found: Stage, happens: Any = lambda: None) -> Any:
    """A run that looks before its kill, and what it told."""
    clock = Meanwhile(happens)
    prior = {DATABASE: {d.id: d.digest for d in found.rows.documents(run=None, among=None, limit=100)}}
    found.write(5)
    ports = SimpleNamespace(dialogue=found.tokens, database=found.rows, clock=clock)
    run: Any = SimpleNamespace(ports=ports, run_id=RUN, prior=prior, restless="")
    run.step = lambda name, title, work, left="": run_step(clock, name, title, work, left=left)
    found.app.rows[0]["price"] = 99
    run.events = list(look_at_rest(run))
    return run


def test_a_kill_is_refused_where_the_application_takes_its_writes_away() -> None:
    found = stage()
    assert found.learn() == []
    with pytest.raises(Refused, match="1 of 5 writes were in the database and gone 1 s later, before anything was killed"):
        looked(found, lambda: found.app.rows.pop())


def test_a_row_of_before_that_changes_by_itself_is_left_out_of_the_account() -> None:
    found = stage()
    assert found.learn() == []
    run = looked(found)
    assert len(run.prior[DATABASE]) == 1
    assert run.restless == "1 document of before changed or went before anything was killed: another writer's, which decides nothing"
    (told,) = [event.title for event in run.events if isinstance(event, StepFinished)]
    assert told == "What was written stays: 5 writes so far"
