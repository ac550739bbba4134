"""What calibration makes of an application that changes what it is sent, and of one that turns a write away."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from shelterctl.errors import Refused
from shelterctl.ops.chaos.tokens import marks
from shelterctl.ops.chaos.unwritten.reason import NoWrites
from shelterctl.ports.http import HttpAnswer
from tests.fakes import HttpInMemory
from tests.ops.chaos.test_tokens import RUN, URL, failing, stage
from tests.ops.generators import ended

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("keeps", "how"),
    [
        (str.upper, "in capitals"),
        (str.capitalize, "with a capital at its beginning"),
        (str.title, "with a capital at its beginning"),
        (lambda text: text[:20], "cut off or changed after 20 of its 24 characters"),
        (lambda text: text[:10], "cut off or changed after 10 of its 24 characters"),
        (lambda text: text[:8], "cut off or changed after 8 of its 24 characters"),
        (lambda text: text[:9].upper(), "in capitals and cut off or changed after 9 of its 24 characters"),
        (lambda text: f"{text[:12]}-{text[12:]}", "cut off or changed after 12 of its 24 characters"),
        (lambda text: base64.b64encode(text.encode()).decode(), "in base64"),
        (lambda text: base64.b64encode(f"x{text} and more".encode()).decode(), "in base64"),
        (lambda text: base64.b64encode(f"yz{text}".encode()).decode(), "in base64"),
    ],
)
def test_a_token_that_is_kept_in_another_form_is_named_by_its_form(keeps: Callable[[str], str], how: str) -> None:
    found = stage()
    found.app.rows = Changing(keeps)
    with pytest.raises(NoWrites) as none:
        found.learn()
    said = f"the application stores what it is sent {how} (shop.books:name): a write cannot be told from another by its token"
    assert none.value.what == said
    assert "{token} in a field that keeps it" in none.value.next_command


@pytest.mark.parametrize("keeps", [lambda text: text[:7], lambda text: hashlib.sha256(text.encode()).hexdigest()])
def test_a_token_of_which_too_little_is_kept_to_be_known_is_refused(keeps: Callable[[str], str]) -> None:
    found = stage()
    found.app.rows = Changing(keeps)
    with pytest.raises(Refused, match="nowhere in the database") as refused:
        found.learn()
    assert not isinstance(refused.value, NoWrites)
    assert "a hash, or fewer than 8 characters" in refused.value.why


def test_a_row_that_the_database_takes_for_the_runs_and_that_is_not_counts_for_nothing() -> None:
    """A collation that knows no capitals gives it back beside the run's own."""
    found = stage()
    assert found.learn() == []
    found.write(3)
    read = found.table.read
    other = ("9", {"name": f"T{marks(RUN).upper()}AAAAAAAAAAAA", "price": "1"})
    found.table.read = lambda place, prefix, limit: [*read(place, prefix, limit), other]  # type: ignore[method-assign]
    assert (failing(found.read_back()), found.rows.documents(run=None, among=None, limit=20)[-1].id) == ({}, "9")


@pytest.mark.parametrize(
    ("status", "location", "said"),
    [
        (302, "/login?next=%2Fbooks", "POST /books answers 302 and sends on to /login: a login is wanted"),
        (303, "https://sso.example.org/auth/realm", "POST /books answers 303 and sends on to /auth/realm: a login is wanted"),
        (308, "/books/", "POST /books answers 308: what is sent there belongs to /books/"),
    ],
)
def test_a_redirect_that_stores_nothing_is_none_that_may_hide_another_database(status: int, location: str, said: str) -> None:
    answers = HttpInMemory({"app.test:80": lambda *_: HttpAnswer(status, {"location": location}, b"", 0.001)})
    with pytest.raises(NoWrites) as none:
        ended(stage().tokens.learn(answers, URL))
    assert none.value.what == said
    assert "[writes]" in none.value.next_command


@pytest.mark.parametrize(("status", "location"), [(302, "/thanks"), (303, "/authors"), (200, "")])
def test_a_success_that_stores_nothing_may_hide_another_database(status: int, location: str) -> None:
    answers = HttpInMemory({"app.test:80": lambda *_: HttpAnswer(status, {"location": location}, b"", 0.001)})
    with pytest.raises(Refused, match="nowhere in the database") as refused:
        ended(stage().tokens.learn(answers, URL))
    assert not isinstance(refused.value, NoWrites)


def test_a_redirect_to_a_login_that_stores_all_the_same_is_learned() -> None:
    found = stage()

    def registering(method: str, target: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        answer = found.app(method, target, headers, body)
        return HttpAnswer(302, {"location": "/login"}, b"", 0.001) if method == "POST" else answer

    assert ended(found.tokens.learn(HttpInMemory({"app.test:80": registering}), URL)) == []


class Changing(list[dict[str, Any]]):
    """Keeps a name in a form of its own."""

    def __init__(self, keeps: Callable[[str], str]) -> None:
        super().__init__()
        self._keeps = keeps

    def append(self, row: dict[str, Any]) -> None:
        super().append({**row, "name": self._keeps(row["name"])})
