"""What `loadtest` refuses before it starts anything, and how a latency keeps its precision in a bin."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelterctl.core.load.histogram import RELATIVE_ERROR, Histogram, bin_of, value_of
from shelterctl.core.load.plan import Expectations, LoadPlan
from shelterctl.core.load.shape import Stage

pytestmark = pytest.mark.unit

PLAN = LoadPlan("http://192.168.49.2:30300", users=200, spawn_rate=20, duration_s=300, locustfile="shelter.py")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({}, ()),
        ({"users": 1, "spawn_rate": 0.5}, ()),
        ({"users": 20_000, "spawn_rate": 1000}, ()),
        ({"users": 0}, ("--users 0: at least one user",)),
        ({"users": -5}, ("--users -5: at least one user",)),
        ({"users": 10_000_000}, ("--users 10000000: one generator process runs at most 20,000 users (--processes)",)),
        ({"users": 40_000, "spawn_rate": 1000, "processes": 2}, ()),
        ({"rate_per_s": 15_000.0, "processes": 2}, ()),
        ({"rate_per_s": 15_000.0}, ("--rate 15000/s: requests per second, more than 0 and at most 10,000",)),
        ({"processes": 0}, ("--processes 0: from 1 to 64",)),
        ({"users": 3, "processes": 4}, ("4 generator processes are more than the 3 users: some would have nothing to do",)),
        ({"spawn_rate": 0.0}, ("--spawn-rate 0: users per second, more than 0 and at most 1,000",)),
        ({"spawn_rate": -1.0}, ("--spawn-rate -1: users per second, more than 0 and at most 1,000",)),
        ({"spawn_rate": float("nan")}, ("--spawn-rate nan: users per second, more than 0 and at most 1,000",)),
        ({"duration_s": 0.0}, ("--duration 0s: from 1 s to 12 h",)),
        ({"duration_s": 43_201.0}, ("--duration 43201s: from 1 s to 12 h",)),
        ({"think_s": -1.0}, ("--think -1s: from 0 s to 1 h",)),
        ({"host": "192.168.49.2:30300"}, ("--host 192.168.49.2:30300: a URL such as http://192.168.49.2:30300",)),
        ({"host": "ftp://example.org"}, ("--host ftp://example.org: a URL such as http://192.168.49.2:30300",)),
        (
            {"duration_s": 10.0},
            (
                "--users 200 at --spawn-rate 20 take 10 s to start, and the run ends after 10 s: "
                "ask for a longer --duration or a higher --spawn-rate",
            ),
        ),
    ],
)
def test_a_plan_that_cannot_be_meant_is_refused_with_a_sentence(change: dict[str, object], problem: tuple[str, ...]) -> None:
    assert replace(PLAN, **change).problems() == problem  # type: ignore[arg-type]


def test_every_problem_is_named_at_once() -> None:
    assert replace(PLAN, users=0, duration_s=-1.0).problems() == ("--users 0: at least one user", "--duration -1s: from 1 s to 12 h")


@pytest.mark.parametrize(
    ("expectations", "problem"),
    [
        (Expectations(), ()),
        (Expectations(max_failure_ratio=0.0, max_p95_ms=250.0), ()),
        (Expectations(max_failure_ratio=1.0), ("--max-failures 100%: from 0% to less than 100%",)),
        (Expectations(max_failure_ratio=-0.1), ("--max-failures -10%: from 0% to less than 100%",)),
        (Expectations(max_p95_ms=0.0), ("--max-p95 0 ms: more than 0 ms",)),
    ],
)
def test_expectations_that_cannot_be_meant(expectations: Expectations, problem: tuple[str, ...]) -> None:
    assert expectations.problems() == problem


def test_the_command_of_a_plan_can_be_typed_again() -> None:
    assert PLAN.command(watched=True) == "shelterctl loadtest --users 200 --spawn-rate 20 --duration 300s"
    assert (
        PLAN.command(users=0, duration_s=1e9, watched=False)
        == "shelterctl loadtest --host http://192.168.49.2:30300 --users 1 --spawn-rate 20 --duration 43200s"
    )


def test_stages_that_are_stretched_end_on_whole_seconds() -> None:
    plan = replace(PLAN, stages=(Stage(60.0, 10), Stage(0.5, 200)), duration_s=60.5)
    assert plan.command(watched=True) == "shelterctl loadtest --stages 60s:10,0.5s:200"
    assert plan.command(duration_s=80.0, watched=True) == "shelterctl loadtest --stages 80s:10,1s:200"


@given(st.floats(min_value=0.01, max_value=600_000))
def test_a_bin_stands_for_each_of_its_values_within_one_percent(value_ms: float) -> None:
    assert abs(value_of(bin_of(value_ms)) - value_ms) <= RELATIVE_ERROR * value_ms * (1 + 1e-9)


@given(st.lists(st.floats(min_value=0.01, max_value=60_000), min_size=1), st.sampled_from([50.0, 95.0, 99.0, 100.0]))
def test_a_percentile_is_within_one_percent_of_the_sorted_values(values: list[float], percent: float) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    exact = sorted(values)[max(1, -(-len(values) * int(percent) // 100)) - 1]
    found = histogram.percentile(percent)
    assert found is not None
    assert abs(found - exact) <= RELATIVE_ERROR * exact * (1 + 1e-9)
    assert found <= histogram.max_ms == max(values)


@given(st.lists(st.floats(min_value=0.0, max_value=1000)), st.lists(st.floats(min_value=0.0, max_value=1000)))
def test_merging_is_counting_everything_in_one_histogram(left: list[float], right: list[float]) -> None:
    merged, together = Histogram(), Histogram()
    for part in (left, right):
        counts: dict[int, int] = {}
        for value in part:
            counts[bin_of(value)] = counts.get(bin_of(value), 0) + 1
            together.add(value)
        merged.merge(counts, max_ms=max(part, default=0.0))
    assert [merged.percentile(p) for p in (1, 50, 99, 100)] == [together.percentile(p) for p in (1, 50, 99, 100)]
    assert (merged.count, merged.max_ms) == (together.count, together.max_ms)


def test_nothing_measured_has_no_percentile() -> None:
    assert Histogram().percentile(50) is None
