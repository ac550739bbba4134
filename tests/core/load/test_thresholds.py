"""Conditions as people write them: what each means, what is none, and when it decides."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelterctl.core.load.thresholds import Metric, impossible, parse_threshold

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "metric", "operator", "value", "percent", "name"),
    [
        ("p95 > 500ms", Metric.PERCENTILE, ">", 500.0, 95.0, ""),
        ("P99.9>=1.5s", Metric.PERCENTILE, ">=", 1500.0, 99.9, ""),
        ("p95{POST /data} > 300ms", Metric.PERCENTILE, ">", 300.0, 95.0, "POST /data"),
        ("max > 2s", Metric.MAX, ">", 2000.0, 0.0, ""),
        ("errors > 1%", Metric.ERRORS, ">", 0.01, 0.0, ""),
        ("errors{GET /data/[id]} > 0.05", Metric.ERRORS, ">", 0.05, 0.0, "GET /data/[id]"),
        ("rps < 100", Metric.RATE, "<", 100.0, 0.0, ""),
        ("rps < 100/s", Metric.RATE, "<", 100.0, 0.0, ""),
        ("requests < 1000", Metric.REQUESTS, "<", 1000.0, 0.0, ""),
        ("replicas < 3", Metric.REPLICAS, "<", 3.0, 0.0, ""),
        ("  scale-up   > 2m ", Metric.SCALE_UP, ">", 120.0, 0.0, ""),
    ],
)
def test_what_a_condition_means(text: str, metric: Metric, operator: str, value: float, percent: float, name: str) -> None:
    found = parse_threshold(text)
    assert (found.metric, found.operator, found.percent, found.name) == (metric, operator, percent, name)
    assert found.value == pytest.approx(value)
    assert impossible(found) == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is no condition"),
        ("p95", "is no condition"),
        ("p95 > ", "is no condition"),
        ("> 500ms", "is no condition"),
        ("p95 == 500ms", "compare with"),
        ("p95 != 500ms", "compare with"),
        ("p0 > 5ms", "between 0 and 100"),
        ("p950 > 5ms", "is not measured"),
        ("latency > 5ms", "is not measured; what is: p95"),
        ("p95 > 500", "500 of what"),
        ("p95 > fast", "is not a duration"),
        ("errors > many", "is no share"),
        ("errors > 150%", "is no share"),
        ("rps < -1", "is no rate"),
        ("rps < nan", "is no rate"),
        ("replicas < 2.5", "no whole number"),
        ("replicas{GET /} < 2", "is not a request's"),
        ("p95{} > 5ms", "between the braces"),
        ("p95{GET / > 5ms", "is no condition"),
    ],
)
def test_what_is_no_condition_is_said(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_threshold(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("errors > 100%", "never"),
        ("rps < 0", "never"),
        ("replicas >= 0", "always"),
        ("errors <= 100%", "always"),
        ("errors >= 0%", "always"),
    ],
)
def test_what_decides_nothing_is_said(text: str, words: str) -> None:
    assert words in impossible(parse_threshold(text))


def test_bounds_on_both_sides_of_the_value_decide_nothing() -> None:
    bound = parse_threshold("p95 > 500ms")
    assert bound.holds(501, 520) is True
    assert bound.holds(400, 500) is False
    assert bound.holds(499, 501) is None


@given(st.text(max_size=40))
def test_any_text_is_a_condition_or_a_sentence(text: str) -> None:
    with suppress(ValueError):
        assert parse_threshold(text).value >= 0
