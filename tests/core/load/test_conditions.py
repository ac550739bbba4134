"""Conditions held to what was measured: what decides one, and what must leave it open."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelterctl.core.load.conditions import Held, fewest_for, hold
from shelterctl.core.load.histogram import bin_of
from shelterctl.core.load.observer import Observer
from shelterctl.core.load.scaling import judge_scaling
from shelterctl.core.load.tally import LoadTally
from shelterctl.core.load.thresholds import parse_threshold
from shelterctl.core.load.verdict import FEWEST_FOR_P95
from tests.core.load.examples import BEGAN, PLAN, TWO, autoscaler, end, observed, pod, sample, under_load, usage

pytestmark = pytest.mark.unit


def scale_up(seen: Observer, text: str = "scale-up > 120s", seconds: float = 240) -> Held:
    timeline = end(seen, seconds)
    return hold(parse_threshold(text), LoadTally(PLAN), timeline, judge_scaling(PLAN, timeline), lag_ms=0.0)


def test_a_scale_up_takes_until_its_own_pod_is_ready() -> None:
    seen = under_load(observed())
    # A pod that was restarted becomes ready before anything was decided.
    seen.pods(BEGAN + 5, [*TWO, pod("app-0")])
    seen.pods(BEGAN + 6, TWO)
    seen.autoscaler(BEGAN + 46, autoscaler(4, 184))
    seen.pods(BEGAN + 154.2, [*TWO, pod("app-3")])
    held = scale_up(seen)
    assert (held.holds, held.seen) == (True, "2 min 34 s from the load to a new pod ready")
    assert scale_up(seen, "scale-up > 3m").holds is False


def test_a_pod_that_no_decision_of_this_load_asked_for_passes_no_condition_on_the_scale_up() -> None:
    on_its_way = observed(desired=3)
    on_its_way.usage(BEGAN + 40, usage(39, 20, 20))
    on_its_way.pods(BEGAN + 5, [*TWO, pod("app-3")])
    assert scale_up(on_its_way) == Held("scale-up > 120s", None, "no scale-up", "the load called for no more pods")
    of_before = observed(cpu_percent=150)
    of_before.usage(BEGAN + 1, usage(0.5, 200, 200))
    of_before.autoscaler(BEGAN + 2, autoscaler(4, 150))
    of_before.pods(BEGAN + 9, [*TWO, pod("app-3"), pod("app-4")])
    held = scale_up(of_before, seconds=30)
    assert (held.holds, held.seen) == (None, "no scale-up that is this load's")
    assert "an earlier load may have asked for them" in held.why


def test_a_scale_up_that_was_called_for_and_did_not_come_took_longer_than_the_load() -> None:
    seen = under_load(observed())
    seen.autoscaler(BEGAN + 46, autoscaler(2, 184))
    assert scale_up(seen).holds is True
    assert scale_up(seen, "scale-up > 10m").holds is None


@pytest.mark.parametrize(
    ("text", "requests", "decides"),
    [
        ("p50 > 1ms", 19, False), ("p50 > 1ms", 20, True), ("p95 > 1ms", 20, True), ("p99 > 1ms", 99, False), ("p99 > 1ms", 100, True),
        ("p99.9 > 1ms", 30, False), ("p99.9 > 1ms", 999, False), ("p99.9 > 1ms", 1000, True), ("p99.999 > 1ms", 99_999, False),
        ("p0.1 > 1ms", 999, False), ("p0.1 > 1ms", 1000, True), ("max > 1ms", 20, True), ("errors > 1%", 20, True),
        ("p99{GET /data/[id]} > 1ms", 99, False),
    ],
)  # fmt: skip
def test_the_rarer_what_a_percentile_tells_the_more_requests_it_takes(text: str, requests: int, decides: bool) -> None:
    tally = LoadTally(PLAN)
    name = {"GET /data/[id]": requests}
    bins = {bin_of(20.0): requests}
    tally.add(sample(1.0, requests=requests, latency_bins=bins, by_name=name, bins_by_name={"GET /data/[id]": bins}))
    held = hold(parse_threshold(text), tally, None, None, lag_ms=0.0)
    assert (held.holds is not None) is decides
    assert decides or (f"{requests:,} requests" in held.seen and "a percentile" in held.why)


@given(st.floats(0.001, 99.999))
def test_a_percentile_rests_on_one_value_at_least_on_either_side(percent: float) -> None:
    share = min(percent, 100 - percent) / 100
    assert fewest_for(percent) * share >= 1 - 1e-6
    assert fewest_for(percent) == 20 or (fewest_for(percent) - 1) * share < 1


def test_the_limit_on_the_p95_takes_as_many_requests_as_the_condition() -> None:
    assert fewest_for(95) == FEWEST_FOR_P95 == 20


def test_no_percentile_of_requests_without_a_response_time() -> None:
    tally = LoadTally(PLAN)
    for second in range(1, 11):
        tally.add(sample(float(second), requests=20, by_name={"GET /data/[id]": 20}))
    held = hold(parse_threshold("p95 > 500ms"), tally, None, None, lag_ms=0.0)
    assert (held.holds, held.seen) == (None, "100 of 200 requests without a response time")
    assert hold(parse_threshold("errors > 1%"), tally, None, None, lag_ms=0.0).holds is False


def test_a_name_that_processes_may_have_counted_among_others_decides_nothing() -> None:
    condition = parse_threshold("errors{GET /a} > 1%")
    for processes, holds in ((1, False), (4, None)):
        tally = LoadTally(replace(PLAN, processes=processes))
        for second in range(1, 11):
            tally.add(sample(float(second), by_name={"GET /a": 8, "(other)": 2}, bins_by_name={"GET /a": {1: 8}}))
        assert hold(condition, tally, None, None, lag_ms=0.0).holds is holds
