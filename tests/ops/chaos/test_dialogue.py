"""An application that takes ids: where they go, where they come back, and by which routes, as its owner's file says it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from shelterctl.core.faults.ledger import ClientSaw
from shelterctl.core.stack.exchange import stated
from shelterctl.errors import UsageError
from shelterctl.ops.chaos.dialogue import EchoedIds
from shelterctl.ports.http import HttpAnswer
from tests.fakes import HttpInMemory, SteppedClock

pytestmark = pytest.mark.unit

WRITES = {"request": "PUT /notes", "key": "Request-Id", "id": "/note/key", "json": {"text": "{token}"}, "headers": {"X-Team": "blue"}}
READS = {"request": "GET /notes/{id}/raw", "finds": "one"}


def notes(writes: Mapping[str, Any] = WRITES, reads: Mapping[str, Any] = READS) -> EchoedIds:
    return EchoedIds(stated(writes, reads))


def test_a_write_goes_where_the_file_says_and_its_id_into_the_header_that_it_names() -> None:
    draft = notes().draft("run", "w0", 7)
    assert (draft.method, draft.path, draft.id) == ("PUT", "/notes", "run:w0:7")
    told = {"Content-Type": "application/json", "Accept": "application/json", "X-Team": "blue", "Request-Id": draft.id}
    assert draft.headers == told


@pytest.mark.parametrize(
    ("body", "saw"),
    [
        ({"note": {"key": "run:w0:7"}}, ClientSaw.ACK),
        ({"id": "run:w0:7"}, ClientSaw.INDETERMINATE),
        ({"note": {"key": "run:w0:8"}}, ClientSaw.INDETERMINATE),
        ([], ClientSaw.INDETERMINATE),
    ],
)
def test_an_answer_acknowledges_by_the_id_at_the_place_that_the_file_names(body: object, saw: ClientSaw) -> None:
    dialogue = notes()
    assert dialogue.judge(dialogue.draft("run", "w0", 7), HttpAnswer(201, {}, json.dumps(body).encode(), 0.0)) is saw


def test_documents_are_asked_for_at_the_routes_of_the_file() -> None:
    asked = []

    def answer(_method: str, target: str, *_: object) -> HttpAnswer:
        asked.append(target)
        found: dict[str, Any] = {"items": [], "next": None} if "?" in target else {"id": "run:w0:7", "data": {}}
        return HttpAnswer(200, {}, json.dumps(found).encode(), 0.0)

    http, dialogue = HttpInMemory({"service": answer}), notes()
    assert list(dialogue.of_run(http, SteppedClock(), "http://service", "run")) == []
    assert dialogue.one(http, SteppedClock(), "http://service", "run:w0:7", "run") is not None
    assert asked == ["/notes?limit=1000&prefix=run%3A", "/notes/run%3Aw0%3A7/raw"]


@pytest.mark.parametrize(
    ("writes", "reads"),
    [({**WRITES, "key": ""}, READS), (WRITES, {"request": "GET /notes"}), (WRITES, {}), ({"key": "Request-Id"}, READS)],
)
def test_what_the_file_leaves_out_is_an_error_and_no_guess(writes: Mapping[str, Any], reads: Mapping[str, Any]) -> None:
    with pytest.raises(UsageError, match="does not say how the ids are given and asked for"):
        notes(writes, reads)
