"""Headers of a load: what fills them, and that no value that lets somebody in is shown or kept."""

from __future__ import annotations

import json

import pytest

from shelterctl.core.headers import HIDDEN, filled, lacks_values, merged, problem_of, shown, without_values

pytestmark = pytest.mark.unit

KEY = "s3cret-value"


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("Accept", "text/html", ""),
        ("Authorization", "Bearer {env:API_TOKEN}", ""),
        ("X-Key", "{secret:api-keys/reader.key}", ""),
        ("X-Json", '{"a": {"b": 1}}', ""),
        ("X Key", KEY, "'X Key' is no header's name"),
        ("", KEY, "'' is no header's name"),
        ("X-Key", 7, "the value of X-Key is no text"),
        ("X-Key", f"{KEY}\r\nX-Other: 1", "the value of X-Key has a control character"),
        ("X-Key", "{env:API TOKEN}", "X-Key: {env:API TOKEN} names no variable"),
        ("X-Key", "{secret:api-keys}", "X-Key: {secret:api-keys} names no NAME/KEY of a Secret"),
    ],
)
def test_what_is_a_header(name: str, value: object, problem: str) -> None:
    assert problem_of(name, value) == problem
    assert KEY not in problem_of(name, value)


def test_a_secret_is_read_where_there_are_some_only() -> None:
    assert problem_of("X-Key", "{secret:a/b}", kinds=("env",)) == "X-Key: {secret:a/b} cannot be read here; known: {env:…}"


def test_places_are_filled() -> None:
    given = {"A": "Bearer {env:T}", "B": "{secret:s/k}{env:T}", "C": "{other:T} {n}"}
    asked: list[tuple[str, str]] = []

    def find(kind: str, what: str) -> str:
        asked.append((kind, what))
        # The value of a file ends with its line's end.
        return f"{kind}-{what}\n"

    assert filled(given, find) == {"A": "Bearer env-T", "B": "secret-s/kenv-T", "C": "{other:T} {n}"}
    assert asked == [("env", "T"), ("secret", "s/k"), ("env", "T")]


def test_what_cannot_be_sent_is_an_error_that_does_not_say_it() -> None:
    with pytest.raises(ValueError, match="what X-Key is filled with has a control character") as caught:
        filled({"X-Key": "{env:T}"}, lambda *_: f"{KEY}\nX-Other: 1")
    assert KEY not in str(caught.value)


def test_the_second_wins_whatever_the_letters() -> None:
    assert merged({"accept": "a", "X-A": "1"}, {"Accept": "b"}) == {"X-A": "1", "Accept": "b"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"Authorization: Bearer {KEY}", f"Authorization: {HIDDEN}"),
        (f"cookie: session={KEY}", f"cookie: {HIDDEN}"),
        (f"X-Api-Key:{KEY}", f"X-Api-Key: {HIDDEN}"),
        ("Authorization: Bearer {env:API_TOKEN}", "Authorization: Bearer {env:API_TOKEN}"),
        ("Accept: text/html", "Accept: text/html"),
    ],
)
def test_what_may_be_printed(text: str, said: str) -> None:
    assert shown(text) == said


def test_what_is_kept_of_a_load_has_the_names_of_its_headers_alone() -> None:
    rules = {
        "write": {"path": "/a", "headers": {"Authorization": KEY, "Accept": "text/html"}},
        "headers": {"X-Key": KEY},
        "mix": {"read": 1},
    }
    kept = without_values({"STACK_EXCHANGE": json.dumps(rules), "SHELTER_WRITE_SHARE": "0.1", "ODD": '{"headers": no JSON'})
    assert KEY not in str(kept)
    hidden = {
        "write": {"path": "/a", "headers": {"Authorization": HIDDEN, "Accept": "text/html"}},
        "headers": {"X-Key": HIDDEN},
        "mix": {"read": 1},
    }
    assert json.loads(kept["STACK_EXCHANGE"]) == hidden
    assert lacks_values(kept)
    assert not lacks_values(without_values({"SHELTER_REQUEST": json.dumps({"headers": {"Content-Type": "text/plain"}})}))
    assert (kept["SHELTER_WRITE_SHARE"], kept["ODD"]) == ("0.1", '{"headers": no JSON')
