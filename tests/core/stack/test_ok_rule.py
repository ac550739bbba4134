"""What acknowledges a write by the owner's word."""

from __future__ import annotations

import json

import pytest

from shelterctl.core.stack import ok_rule
from shelterctl.core.stack.exchange import WriteOutcome, WriteRule, signature
from shelterctl.core.stack.model import Body

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("given", "status", "answer", "holds"),
    [
        ({"status": 201}, 201, {"anything": 1}, True),
        ({"status": 201}, 200, {"anything": 1}, False),
        ({"status": [200, 201]}, 200, {}, True),
        ({"body": "stored"}, 200, {"said": "stored it"}, True),
        ({"body": "stored"}, 500, {"said": "stored it"}, False),
        ({"body": "stored {token}"}, 200, {"said": "stored t1"}, True),
        ({"body": "stored {token}"}, 200, {"said": "stored t2"}, False),
        ({"status": 200, "body": {"ok": True}}, 200, {"ok": True, "n": 3}, True),
        ({"status": 200, "body": {"ok": True}}, 200, {"ok": False, "n": 3}, False),
        ({"body": {"ok": True}}, 200, {"ok": 1}, False),
        ({"body": {"n": 1}}, 200, {"n": True}, False),
        ({"body": {"item": {"name": "{token}"}}}, 200, {"item": {"name": "t1", "id": 4}}, True),
        ({"body": {"item": {"name": "{token}"}}}, 200, {"item": {"name": "t2", "id": 4}}, False),
        ({"body": {"item": {"name": "{token}"}}}, 200, {"item": []}, False),
        ({"body": {"ok": True}}, 200, "no object", False),
    ],
)
def test_what_holds(given: dict[str, object], status: int, answer: object, *, holds: bool) -> None:
    rule = ok_rule.of(given)
    assert rule is not None
    assert rule.holds(status, json.dumps(answer).encode(), "t1") is holds


def test_an_answer_that_is_no_json_has_no_fields() -> None:
    rule = ok_rule.of({"body": {"ok": True}})
    assert rule is not None
    assert not rule.holds(200, b"<p>ok</p>", "t1")


def test_without_a_table_what_was_learned_decides() -> None:
    assert ok_rule.of({}) is None


def test_the_owners_word_stands_in_the_place_of_what_was_learned_and_not_of_learning() -> None:
    write = WriteRule("POST", "/data", Body.JSON, {"name": "{token}"}, ok=ok_rule.of({"status": 201}))
    learned = signature(201, b'{"queue": "a"}', "", "t1")
    assert write.judge(201, b'{"queued behind": 7}', "", "t2", learned) is WriteOutcome.ACKNOWLEDGED
    assert write.judge(200, b'{"queue": "a"}', "", "t2", learned) is WriteOutcome.UNKNOWN
    # Before marked writes were found in the database, no word makes an answer one that acknowledges.
    assert write.judge(201, b"{}", "", "t2", None) is WriteOutcome.UNKNOWN
