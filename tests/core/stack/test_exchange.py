"""Tokens, requests made of them, and what an answer says of a write."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import parse_qs
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelterctl.core.stack.documents import Origin
from shelterctl.core.stack.exchange import (
    ALPHABET,
    TOKEN_LENGTH,
    Exchange,
    ReadRule,
    Signature,
    WriteOutcome,
    WriteRule,
    is_token,
    signature,
    stated,
    template,
    token,
)
from shelterctl.core.stack.model import Body, Route
from shelterctl.ops.chaos.tokens import marks, number_of

pytestmark = pytest.mark.unit

RUN = "abcdefghijk"
NUMBERS = st.integers(0, 36**12 - 1)
TEMPLATE = {"name": "{token}", "age": "{n}", "about": "dog {n}", "deep": {"x": "{token}"}}
RULE = WriteRule("POST", "/data", Body.JSON, TEMPLATE, rejected=(422,))


@given(NUMBERS, NUMBERS)
def test_tokens_are_one_for_each_write_and_none_is_part_of_another(first: int, second: int) -> None:
    one, other = token(RUN, first), token(RUN, second)
    assert len(one) == TOKEN_LENGTH
    assert is_token(one)
    assert (one == other) == (first == second)
    assert number_of(one) == first
    text = f"<li>{one}</li><li>{other}</li>".encode()
    assert sorted(ReadRule("/").found(text)) == sorted([one, other])


@given(st.text(max_size=60))
def test_every_run_has_eleven_characters(run: str) -> None:
    assert len(marks(run)) == 11
    assert set(marks(run)) <= set(ALPHABET)


@pytest.mark.parametrize("body", [Body.JSON, Body.FORM])
def test_a_write_carries_its_token_in_the_header_of_its_identity(body: Body) -> None:
    keyed = WriteRule("POST", "/data", body, {"name": "{token}"}, {"X-Team": "blue"}, key="Request-Id")
    first, other = (keyed.request(token(RUN, number), number)[1] for number in (1, 2))
    assert (first["Request-Id"], other["Request-Id"]) == (token(RUN, 1), token(RUN, 2))
    assert first["X-Team"] == "blue"
    assert "Request-Id" not in RULE.request(token(RUN, 1), 1)[1]


def test_what_the_file_says_is_enough_without_sources() -> None:
    found = stated({"request": "PUT /notes", "form": {"text": "{token}"}, "key": "Request-Id"}, {"request": "GET /notes"})
    assert found.write == WriteRule("PUT", "/notes", Body.FORM, {"text": "{token}"}, key="Request-Id")
    assert (found.read, found.one) == (ReadRule("/notes"), None)
    assert stated({}, {}) == Exchange(None, None)


def test_a_number_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="no token"):
        token(RUN, 36**12)
    with pytest.raises(ValueError, match="no token"):
        token("short", 1)


def test_a_request_in_json_and_as_a_form() -> None:
    body, headers = RULE.request("tmark", 7)
    assert json.loads(body) == {"name": "tmark", "age": 7, "about": "dog 7", "deep": {"x": "tmark"}}
    assert headers["Content-Type"] == "application/json"
    form = WriteRule("POST", "/submit", Body.FORM, {"message": "{token}", "n": "{n}"}, {"X-Key": "1"})
    body, headers = form.request("tmark", 7)
    assert parse_qs(body.decode()) == {"message": ["tmark"], "n": ["7"]}
    assert headers == {"X-Key": "1", "Content-Type": "application/x-www-form-urlencoded"}


def said(status: int, answer: object, mark: str = "t1") -> tuple[int, bytes, str, str]:
    return status, json.dumps(answer).encode(), "", mark


LEARNED = signature(*said(201, {"id": "65f0c0ffee65f0c0ffee6543", "status": "inserted", "name": "t1", "at": "2026-11-25T10:00:00"}))


ANSWERED = {"id": "65f0c0ffee65f0c0ffee9999", "status": "inserted", "name": "t2", "at": "2026-11-25T11:30:00"}


@pytest.mark.parametrize(
    ("status", "answer", "outcome"),
    [
        (
            201,
            {"id": "65f0c0ffee65f0c0ffee9999", "status": "inserted", "name": "t2", "at": "2026-11-25T11:30:00"},
            WriteOutcome.ACKNOWLEDGED,
        ),
        # The same status with other words, or with other keys, is no acknowledgement that was learned.
        (201, {"id": "65f0c0ffee65f0c0ffee9999", "status": "not inserted", "name": "t2", "at": "now"}, WriteOutcome.UNKNOWN),
        (201, {"error": "no primary"}, WriteOutcome.UNKNOWN),
        (200, ANSWERED, WriteOutcome.UNKNOWN),
        # What fails in a server may have been stored.
        (500, {"error": "inserted"}, WriteOutcome.UNKNOWN),
        (503, {}, WriteOutcome.UNKNOWN),
        # Nor is any other error a refusal that the owner has not called one.
        (400, {"error": "name is missing"}, WriteOutcome.UNKNOWN),
        (422, {}, WriteOutcome.REJECTED),
    ],
)
def test_what_an_answer_says(status: int, answer: object, outcome: WriteOutcome) -> None:
    assert RULE.judge(status, json.dumps(answer).encode(), "", "t2", LEARNED) is outcome


def test_without_a_learned_answer_nothing_is_acknowledged() -> None:
    assert RULE.judge(201, b'{"status": "inserted"}', "", "t2", None) is WriteOutcome.UNKNOWN


def test_a_redirect_is_known_by_where_it_leads() -> None:
    learned = signature(302, b"<p>Redirecting</p>", "/", "t1")
    form = WriteRule("POST", "/submit", Body.FORM, {"message": "{token}"})
    assert form.judge(302, b"<p>Redirecting</p>", "/", "t2", learned) is WriteOutcome.ACKNOWLEDGED
    assert form.judge(302, b"<p>Redirecting</p>", "/login", "t2", learned) is WriteOutcome.UNKNOWN


@pytest.mark.parametrize(
    ("keys", "filled"),
    [
        ((), {"shelterctl": "{token}"}),
        (("age", "breed", "name"), {"age": "{n}", "breed": "n{n}", "name": "{token}"}),
        (("price",), {"price": "{token}"}),
        (("title", "message"), {"title": "n{n}", "message": "{token}"}),
        (("first", "second"), {"first": "{token}", "second": "n{n}"}),
    ],
)
def test_the_token_goes_where_people_write_text(keys: tuple[str, ...], filled: dict[str, str]) -> None:
    assert template(Route("/x", ("POST",), Origin("app.py", 1), body=Body.JSON, keys=keys)) == filled


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [
        ({"success": True}, {"success": False}, False),
        ({"inserted": 1}, {"inserted": 0}, False),
        ({"inserted": 7}, {"inserted": 8}, True),
        ({"result": "64f1ab3e64f1ab3e64f1ab3e"}, {"result": "mongo:27017: [Errno 111] refused"}, False),
        ({"at": "2026-11-25T10:00:00.123"}, {"at": "2026-11-25T11:30:07.9"}, True),
        ({"message": "row 17 stored"}, {"message": "row 1800 stored"}, True),
        ({"id": "0193d1c2-7b5e-7c3a-9f00-1234567890ab"}, {"id": "0193d1c2-7b5e-7c3b-a1ff-abcdef012345"}, True),
    ],
)
def test_an_error_that_is_answered_as_a_success_is_none(first: object, second: object, *, alike: bool) -> None:
    assert (signature(*said(200, first)) == signature(*said(200, second))) is alike


def test_of_a_page_all_counts() -> None:
    head = "<style>" + "x" * 5000 + "</style>"
    assert signature(200, f"{head}<p>saved</p>".encode(), "", "t1") != signature(200, f"{head}<p>error</p>".encode(), "", "t1")


def test_brackets_without_end_are_no_json() -> None:
    assert signature(200, b"[" * 200_000, "", "t1").status == 200


def test_tokens_are_found_in_bytes_of_any_kind() -> None:
    one = token(RUN, 5)
    assert ReadRule("/").found(b"\xff\xfe" + one.encode() + b"\x00" + f"é{one}é".encode() + f"x{one}".encode()) == (one, one)


@given(st.binary(min_size=32, max_size=32).map(bytes.hex), st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_hashes_times_and_ids_belong_to_one_write(digest: str, at: datetime, key: UUID) -> None:
    def answered(digest: str, at: datetime, key: UUID) -> Signature:
        document = {"id": key.hex, "uuid": str(key), "digest": f"sha256:{digest}", "etag": f"1-{digest[:32]}", "at": at.isoformat()}
        return signature(201, json.dumps(document).encode(), f"/data/{key.hex}", "t0")

    assert answered(digest, at, key) == answered("9f86d081" * 8, datetime(2026, 11, 30, 12, 0, 1, 5, tzinfo=UTC), UUID(int=7))


def test_words_beside_numbers_are_not_lost() -> None:
    assert signature(200, b"stored 3 of 3", "", "t0") != signature(200, b"refused 3 of 3", "", "t0")
    assert signature(200, b'{"r": "ok1x"}', "", "t0") != signature(200, b'{"r": "no1x"}', "", "t0")
