"""Lists that are cut short."""

from __future__ import annotations

import pytest

from shelterctl.core.words import listed

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("items", "most", "text"),
    [
        ([], 3, ""),
        (["a"], 1, "a"),
        (["a", "b"], 1, "a and 1 more"),
        (["a", "b", "c"], 3, "a, b, c"),
        (list("abcde"), 3, "a, b, c and 2 more"),
    ],
)
def test_the_first_ones_and_how_many_are_left_out(items: list[str], most: int, text: str) -> None:
    assert listed(items, most) == text
