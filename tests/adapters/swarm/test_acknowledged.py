"""What the users of a load judge a write by is what the other commands judge it by: the two texts of one rule are held together."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import asdict
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelterctl.core.load.traffic import ANOTHER_ANSWER
from shelterctl.core.stack import exchange
from shelterctl.core.stack.exchange import Signature, signature, token
from shelterctl.core.stack.ok_rule import OkRule
from tests.adapters.swarm.asking import ROOT

pytestmark = pytest.mark.unit

MARK, OTHER = (token("abcdefghijk", number) for number in (1, 2))


def shipped() -> ModuleType:
    spec = importlib.util.spec_from_file_location("acknowledged", ROOT / "locustfiles" / "acknowledged.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FILE = shipped()
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(allow_nan=False) | st.sampled_from(["stored", MARK, f"<{MARK}>", "7 of 9"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "error", "ok", MARK]), inner, max_size=3),
    max_leaves=8,
)
TEXTS = st.text("abf0129-:. T<>é", max_size=40) | st.sampled_from(
    [f"{MARK} stored at 2026-11-30T19:48:01Z", "served by notes-app-7d9f8b6c5d-x2x4z", "sha256:9f86d0818f", "Traceback", ""]
)
BODIES = VALUES.map(lambda value: json.dumps(value).encode()) | TEXTS.map(str.encode) | st.binary(max_size=20)


def judged(learned: Signature, status: int, body: bytes, location: str, mark: str) -> str:
    said: str = FILE.problem_of({"ok": None, "learned": asdict(learned)}, status, body, location, mark, whole=True)
    return said


def test_the_patterns_are_the_same() -> None:
    assert (FILE.VARYING, FILE.BESIDE) == (exchange._VARYING, exchange._BESIDE)


@given(BODIES, BODIES, TEXTS, TEXTS, st.sampled_from([200, 201, 302]), st.sampled_from([200, 201, 302]))
def test_an_answer_counts_in_a_load_where_it_acknowledges_in_a_run(
    first: bytes, second: bytes, here: str, there: str, status: int, other: int
) -> None:
    learned = signature(status, first, here, MARK)
    assert judged(learned, status, first, here, MARK) == ""
    assert (judged(learned, other, second, there, OTHER) == "") == (signature(other, second, there, OTHER) == learned)


@pytest.mark.parametrize(
    ("status", "body", "location", "said"),
    [
        (201, {"status": "stored", "id": 8, "pod": "notes-app-7d9f8b6c5d-q7k2m"}, "", ""),
        (200, {"status": "stored", "id": 8, "pod": "notes-app-7d9f8b6c5d-q7k2m"}, "", "HTTP 200, where the marked write got 201"),
        (201, {"error": "the database is away"}, "", f"HTTP 201 {ANOTHER_ANSWER}"),
        (201, {"status": "not stored", "id": 8, "pod": "a"}, "", f"HTTP 201 {ANOTHER_ANSWER}"),
        (302, "", "/login?next=/items", "HTTP 302, where the marked write got 201"),
        (201, {"status": "stored", "id": 8, "pod": "a"}, "/login", "HTTP 201, which leads elsewhere than the marked write's"),
    ],
)
def test_what_is_said_of_an_answer(status: int, body: object, location: str, said: str) -> None:
    first = json.dumps({"status": "stored", "id": 7, "pod": "notes-app-7d9f8b6c5d-x2x4z"}).encode()
    assert judged(signature(201, first, "", MARK), status, json.dumps(body).encode(), location, OTHER) == said


def test_of_an_answer_that_was_not_kept_whole_the_status_and_the_redirect_decide() -> None:
    rules = {"learned": asdict(signature(201, b"stored", "", MARK))}
    assert FILE.problem_of(rules, 201, b"x" * 10, "", OTHER, whole=False) == ""
    assert FILE.problem_of(rules, 200, b"x" * 10, "", OTHER, whole=False) == "HTTP 200, where the marked write got 201"


def test_the_owners_word_comes_before_what_was_learned() -> None:
    rules = {"ok": asdict(OkRule((200,))), "learned": asdict(signature(201, b"", "", MARK)), "refused": "a login is wanted"}
    assert FILE.problem_of(rules, 200, b"", "", OTHER, whole=True) == ""
    del rules["ok"]
    assert FILE.problem_of(rules, 200, b"", "", OTHER, whole=True) == "HTTP 200: a login is wanted"
