"""Durations as people write and read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelterctl.core.duration import format_duration, parse_duration_s

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("1.5", 1.5),
        ("45s", 45),
        ("5m", 300),
        ("1m30s", 90),
        ("2h", 7200),
        ("250ms", 0.25),
        (" 5M ", 300),
        ("1h0m1s", 3601),
        ("0", 0),
    ],
)
def test_what_a_duration_says(text: str, seconds: float) -> None:
    assert parse_duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "-5s", "5x", "s", "5 m", "1e3", "nan", "inf", "5m-1s", "1..5s", "1.5.5s", "5m30", "½s", "5d"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration: write 45s, 5m or 1m30s"):
        parse_duration_s(text)


@pytest.mark.parametrize("text", ["9" * 400, "9" * 400 + "h"])
def test_a_duration_without_an_end(text: str) -> None:
    with pytest.raises(ValueError, match="is longer than any wait"):
        parse_duration_s(text)


@given(st.text(max_size=12))
def test_any_text_is_a_finite_duration_or_a_sentence(text: str) -> None:
    try:
        assert 0 <= parse_duration_s(text) < float("inf")
    except ValueError as sentence:
        found = str(sentence)
        assert found.startswith("“")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (8.94, "8.9 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min"),
        (60, "1 min"),
        (260, "4 min 20 s"),
        (3599.7, "1 h"),
        (7500, "2 h 5 min"),
    ],
)
def test_the_shortest_form(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
