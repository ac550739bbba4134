"""The elasticity figures of demanded and ready replicas."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelterctl.core.load.elasticity import Elasticity, Step, elasticity, replicas_demanded

pytestmark = pytest.mark.unit


def values(figures: Elasticity) -> tuple[float, ...]:
    """The figures without the duration: accuracies, timeshares, instability."""
    return (
        figures.under_accuracy_percent,
        figures.over_accuracy_percent,
        figures.under_timeshare_percent,
        figures.over_timeshare_percent,
        figures.instability_percent,
    )


def test_replicas_that_follow_a_step_late() -> None:
    demanded = [Step(0, 2), Step(30, 4), Step(90, 2)]
    ready = [Step(0, 2), Step(60, 4), Step(120, 2)]

    # 30 s with 2 of 4 lacking, and 30 s with 2 beyond 2, of 150 s; four intervals of 15 s in which only one moves.
    figures = elasticity(demanded, ready, start_s=0, end_s=150)

    assert figures.duration_s == 150
    assert values(figures) == pytest.approx((10.0, 20.0, 20.0, 20.0, 40.0))


def test_only_the_time_between_start_and_end_counts() -> None:
    demanded = [Step(-100, 9), Step(10, 3), Step(50, 9)]
    ready = [Step(-100, 1), Step(0, 2), Step(40, 9)]

    figures = elasticity(demanded, ready, start_s=10, end_s=40)

    assert values(figures) == pytest.approx((100 / 3, 0.0, 100.0, 0.0, 0.0))


def test_nothing_ready_is_wholly_under_provisioned() -> None:
    figures = elasticity([Step(0, 3)], [Step(0, 0)], start_s=0, end_s=60)

    assert figures == Elasticity(60, 100.0, 0.0, 100.0, 0.0, 0.0)


def test_opposite_moves_are_unstable_and_common_ones_are_not() -> None:
    demanded = [Step(0, 2), Step(20, 4), Step(40, 2)]
    opposite = [Step(0, 4), Step(25, 2), Step(45, 4)]
    together = [Step(0, 1), Step(25, 9), Step(45, 8)]

    assert elasticity(demanded, opposite, start_s=0, end_s=60, interval_s=15).instability_percent == 50.0
    assert elasticity(demanded, together, start_s=0, end_s=60, interval_s=15).instability_percent == 0.0


def test_the_last_interval_may_be_shorter() -> None:
    figures = elasticity([Step(0, 1)], [Step(0, 1), Step(35, 2)], start_s=0, end_s=40, interval_s=30)

    assert figures.instability_percent == pytest.approx(25.0)


@pytest.mark.parametrize(
    ("demanded", "ready", "end_s", "message"),
    [
        ([Step(0, 1)], [], 60, "ready: the replicas at 0 s are not known"),
        ([Step(1, 1)], [Step(0, 1)], 60, "demanded: the replicas at 0 s are not known"),
        ([Step(0, 0)], [Step(0, 1)], 60, "demanded: 0 replicas at 0 s, expected at least 1"),
        ([Step(0, 1)], [Step(0, -1)], 60, "ready: -1 replicas at 0 s, expected at least 0"),
        (
            [Step(0, 1)],
            [Step(0, 1), Step(9, 2), Step(9, 3)],
            60,
            "ready: the step at 9 s does not come after the one at 9 s",
        ),
        ([Step(0, 1)], [Step(0, 1)], 0, "nothing to measure from 0 s to 0 s in intervals of 15.0 s"),
    ],
)
def test_steps_that_say_nothing_are_refused(demanded: list[Step], ready: list[Step], end_s: float, message: str) -> None:
    with pytest.raises(ValueError) as refusal:
        elasticity(demanded, ready, start_s=0, end_s=end_s)

    assert str(refusal.value) == message


@pytest.mark.parametrize(
    ("offered_per_s", "capacity_per_s", "replicas"),
    [(0, 40, 1), (39, 40, 1), (40, 40, 1), (40.1, 40, 2), (99.9, 33.3, 3), (1.1, 0.1, 11)],
)
def test_the_demand_comes_from_the_offered_rate(offered_per_s: float, capacity_per_s: float, replicas: int) -> None:
    assert replicas_demanded(offered_per_s, capacity_per_s) == replicas


@pytest.mark.parametrize(("offered_per_s", "capacity_per_s"), [(-1, 1), (1, 0), (math.nan, 1), (math.inf, 1), (1, math.nan)])
def test_no_demand_from_no_calibration(offered_per_s: float, capacity_per_s: float) -> None:
    with pytest.raises(ValueError, match=r"^no demand from"):
        replicas_demanded(offered_per_s, capacity_per_s)


def curves(lowest: int) -> st.SearchStrategy[list[Step]]:
    later = st.dictionaries(st.integers(1, 200), st.integers(lowest, 20), max_size=8)
    return st.builds(
        lambda first, steps: [Step(0, first), *(Step(at_s, steps[at_s]) for at_s in sorted(steps))],
        st.integers(lowest, 20),
        later,
    )


durations = st.integers(1, 250)


@given(curves(1), curves(0), durations)
def test_the_figures_keep_their_bounds(demanded: list[Step], ready: list[Step], end_s: int) -> None:
    figures = elasticity(demanded, ready, start_s=0, end_s=end_s)

    full = 100.0 + 1e-9
    assert 0 <= figures.under_accuracy_percent <= figures.under_timeshare_percent + 1e-9
    assert figures.under_timeshare_percent + figures.over_timeshare_percent <= full
    assert 0 <= figures.instability_percent <= full
    assert figures.over_accuracy_percent >= 0
    assert (figures.under_accuracy_percent > 0) == (figures.under_timeshare_percent > 0)
    assert (figures.over_accuracy_percent > 0) == (figures.over_timeshare_percent > 0)


@given(curves(1), durations)
def test_replicas_as_demanded_are_perfect(demanded: list[Step], end_s: int) -> None:
    assert values(elasticity(demanded, demanded, start_s=0, end_s=end_s)) == (0, 0, 0, 0, 0)


@given(curves(1), curves(0), durations, st.integers(-500, 500))
def test_the_clock_does_not_matter(demanded: list[Step], ready: list[Step], end_s: int, shift_s: int) -> None:
    def shifted(steps: list[Step]) -> list[Step]:
        return [Step(step.at_s + shift_s, step.replicas) for step in steps]

    here = elasticity(demanded, ready, start_s=0, end_s=end_s)
    there = elasticity(shifted(demanded), shifted(ready), start_s=shift_s, end_s=end_s + shift_s)

    assert values(there) == pytest.approx(values(here))


@given(curves(1), curves(0), durations, st.integers(2, 9))
def test_the_size_of_the_service_does_not_matter(demanded: list[Step], ready: list[Step], end_s: int, factor: int) -> None:
    def scaled(steps: list[Step]) -> list[Step]:
        return [Step(step.at_s, step.replicas * factor) for step in steps]

    small = elasticity(demanded, ready, start_s=0, end_s=end_s)
    large = elasticity(scaled(demanded), scaled(ready), start_s=0, end_s=end_s)

    assert values(large) == pytest.approx(values(small))


@given(curves(1), curves(0), durations, st.integers(1, 249))
def test_the_parts_of_a_time_average_to_the_whole(demanded: list[Step], ready: list[Step], end_s: int, cut_s: int) -> None:
    if cut_s >= end_s:
        return
    whole = elasticity(demanded, ready, start_s=0, end_s=end_s)
    first = elasticity(demanded, ready, start_s=0, end_s=cut_s)
    second = elasticity(demanded, ready, start_s=cut_s, end_s=end_s)

    # Without the instability, whose intervals begin anew.
    averages = [(early * cut_s + late * (end_s - cut_s)) / end_s for early, late in zip(values(first)[:4], values(second)[:4], strict=True)]
    assert averages == pytest.approx(list(values(whole)[:4]))
