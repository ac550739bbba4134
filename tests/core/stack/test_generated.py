"""Templates of Secrets: what is generated can be told from what is there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelterctl.core.stack.generated import GeneratedSecret, misread

pytestmark = pytest.mark.unit

PASSWORDS = st.text("0123456789abcdef", min_size=16, max_size=64)
URI = GeneratedSecret("app", {"user": "notes", "uri": "mongodb://notes:{app}@db:27017/n?x={salt}", "plain": "{app}"})


@given(PASSWORDS, PASSWORDS)
def test_what_was_filled_in_is_found_again(app: str, salt: str) -> None:
    content = URI.filled({"app": app, "salt": salt})
    assert content["uri"] == f"mongodb://notes:{app}@db:27017/n?x={salt}"
    assert URI.recovered(content) == {"app": app, "salt": salt}
    assert URI.passwords == {"app", "salt"}


def test_a_password_made_by_hand_is_taken_where_it_stands_alone() -> None:
    alone = GeneratedSecret("db", {"password": "{root}", "user": "root"})
    assert alone.recovered({"password": "Tr0ub4dor&3 \n", "user": "somebody"}) == {"root": "Tr0ub4dor&3 \n"}
    assert alone.recovered({}) == alone.recovered({"password": ""}) == {}
    # Between other text nobody could tell where it ends.
    assert URI.recovered({"uri": "mongodb://notes:p@ss@db:27017/n?x=1"}) == {}


@pytest.mark.parametrize(
    ("template", "wrong"), [("{app}", ""), ("a{b-1}c", ""), ("{App}", "{App}"), ("{", "{"), ("x}", "}"), ("{}", "{}"), ("", "")]
)
def test_a_brace_that_belongs_to_nothing(template: str, wrong: str) -> None:
    assert misread(template) == wrong
