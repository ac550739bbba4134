"""What a load learns of acknowledgements before it begins, of applications that behave and of those that do not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from shelterctl.core.events import Event, Notice, StepFinished
from shelterctl.core.load.plan import LoadPlan
from shelterctl.ops.load_learned import RULES, LearningPorts, is_wanted, learned
from shelterctl.ports.http import HttpAnswer
from tests.fakes import HttpInMemory
from tests.ops.chaos.test_tokens import URL, QuickClock, Stage, stage

pytestmark = pytest.mark.unit

TOLD: dict[str, Any] = {
    "write": {"method": "POST", "path": "/books", "headers": {}}, "ok": None, "mix": {"write": 1, "read": 2}, "most_writes": 9,
}  # fmt: skip


def plan(more: Mapping[str, str] | None = None, **rules: Any) -> LoadPlan:
    return LoadPlan("http://inside", 1, 1, 60, "stack.py", variables={RULES: json.dumps({**TOLD, **rules}), **(more or {})})


def taught(
    found: Stage, asked: LoadPlan, *, url: str = URL, http: Callable[[], HttpInMemory] | None = None
) -> tuple[dict[str, Any], list[Event]]:
    work, events = learned(LearningPorts(found.tokens, http or found.http, QuickClock(), url), asked), []
    while True:
        try:
            events.append(next(work))
        except StopIteration as stop:
            return json.loads(stop.value.variables[RULES]), events


def notices(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Notice)]


def test_what_the_marked_writes_showed_reaches_the_users() -> None:
    found = stage()
    rules, events = taught(found, plan())
    assert rules == {**TOLD, "learned": {"status": 201, "skeleton": '{"id": "int", "status": "stored"}', "location": ""}}
    assert [each.title for each in events if isinstance(each, StepFinished)] == [
        "POST /books answers 201 to a write that the database has: so are the load's held"
    ]
    assert notices(events) == []
    assert len(found.app.rows) == 2


def test_what_a_login_keeps_away_counts_nowhere() -> None:
    def answer(method: str, *_: object) -> HttpAnswer:
        return HttpAnswer(302, {"location": "/login?next=/books"}, b"", 0.0) if method == "POST" else HttpAnswer(200, {}, b"[]", 0.0)

    rules, events = taught(stage(), plan(), http=lambda: HttpInMemory({"app.test:80": answer}))
    assert rules["refused"] == "answers 302 and sends on to /login: a login is wanted"
    assert ("learned" in rules, notices(events)) == (False, [])


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (stage(answer=lambda row: {"status": "even" if row["id"] % 2 else "odd"}), "two writes were answered in two ways"),
        (stage(answer=lambda row: b"x" * 5 * 2**20), "no answer acknowledges a write"),
    ],
)
def test_what_cannot_be_learned_is_told_and_the_load_goes_on(found: Stage, why: str) -> None:
    rules, events = taught(found, plan())
    assert rules == TOLD
    (said,) = notices(events)
    assert why in said
    assert said.endswith("one below 400 without an error in its JSON counts")


def test_a_database_without_a_way_in_is_no_end_of_the_load() -> None:
    found = stage()
    found.table.locate = lambda *_: []  # type: ignore[method-assign]
    rules, events = taught(found, plan())
    assert rules == TOLD
    assert "the write is nowhere in the database" in notices(events)[0]


def test_a_service_that_cannot_be_asked_from_here_is_told() -> None:
    found = stage()
    rules, events = taught(found, plan(), url="")
    assert (rules, found.app.asked) == (TOLD, [])
    assert "the service cannot be asked from here" in notices(events)[0]


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (plan(), True),
        (plan(ok={"statuses": [201]}), False),
        (plan(write=None), False),
        (plan(mix={"read": 1}), False),
        (plan(most_writes=0), False),
        (plan({"SHELTER_WRITE_SHARE": "0"}), False),
        (plan({"SHELTER_WRITE_SHARE": "0.2"}, mix={"read": 1}), True),
        (LoadPlan("http://inside", 1, 1, 60, "shelter.py"), False),
    ],
)
def test_nothing_is_written_for_a_load_that_writes_nothing_or_knows(asked: LoadPlan, wanted: bool) -> None:
    assert is_wanted(asked) is wanted
    found = stage()
    if not wanted:
        work = learned(LearningPorts(found.tokens, found.http, QuickClock(), URL), asked)
        with pytest.raises(StopIteration) as stop:
            next(work)
        assert stop.value.value is asked
        assert found.app.asked == []
