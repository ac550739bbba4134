"""Stabilization windows and rate limits of the HorizontalPodAutoscaler."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelterctl.core.hpa.behavior import (
    Behavior,
    PolicyType,
    ScalingPolicy,
    ScalingRules,
    SelectPolicy,
    with_defaults,
)
from shelterctl.core.hpa.conditions import Condition, ConditionReason, ConditionType
from shelterctl.core.hpa.stabilization import History, Normalized, Recommendation, ScaleEvent, Stabilizer

pytestmark = pytest.mark.unit

NO_BEHAVIOR = Stabilizer(1, 100)


@dataclass
class Run:
    """A scale that takes on each decision at once."""

    stabilizer: Stabilizer
    replicas: int
    history: History = field(default_factory=History)
    now_s: float = 0.0

    def step(self, desired: int, step_s: float = 15.0) -> int:
        decision = self.stabilizer.normalize(self.history, self.replicas, desired, self.now_s)
        self.history = decision.history
        if decision.replicas != self.replicas:
            self.history = self.stabilizer.remember_rescale(decision.history, self.replicas, decision.replicas, self.now_s)
        self.replicas = decision.replicas
        self.now_s += step_s
        return self.replicas


def behaving(up: ScalingRules | None = None, down: ScalingRules | None = None, highest: int = 100) -> Stabilizer:
    return Stabilizer(1, highest, with_defaults(Behavior(up, down)))


def pods(value: int, period_s: int) -> ScalingPolicy:
    return ScalingPolicy(PolicyType.PODS, value, period_s)


def percent(value: int, period_s: int) -> ScalingPolicy:
    return ScalingPolicy(PolicyType.PERCENT, value, period_s)


def test_without_a_behavior_the_highest_recommendation_of_300_s_counts() -> None:
    history = History((Recommendation(9, 0.0), Recommendation(7, 10.0)))

    assert NO_BEHAVIOR.normalize(history, 9, 2, 300.0) == Normalized(
        replicas=9,
        stabilized_replicas=9,
        rate_limit_replicas=18,
        able_to_scale=Condition(
            ConditionType.ABLE_TO_SCALE,
            True,
            ConditionReason.SCALE_DOWN_STABILIZED,
            "recent recommendations were higher than current one, applying the highest recent recommendation",
        ),
        scaling_limited=Condition(
            ConditionType.SCALING_LIMITED,
            False,
            ConditionReason.DESIRED_WITHIN_RANGE,
            "the desired count is within the acceptable range",
        ),
        history=History((Recommendation(9, 0.0), Recommendation(7, 10.0), Recommendation(2, 300.0))),
    )
    # A moment later the 9 is too old, and its place is taken.
    later = NO_BEHAVIOR.normalize(history, 9, 2, 300.5)
    assert (later.replicas, later.history) == (7, History((Recommendation(2, 300.5), Recommendation(7, 10.0))))


@pytest.mark.parametrize(
    ("current", "desired", "replicas", "reason"),
    [
        (1, 50, 4, ConditionReason.SCALE_UP_LIMIT),
        (3, 50, 6, ConditionReason.SCALE_UP_LIMIT),
        (60, 120, 100, ConditionReason.TOO_MANY_REPLICAS),
        (5, 0, 1, ConditionReason.TOO_FEW_REPLICAS),
        (5, 8, 8, ConditionReason.DESIRED_WITHIN_RANGE),
    ],
)
def test_without_a_behavior_the_limit_is_twice_current_or_four(current: int, desired: int, replicas: int, reason: ConditionReason) -> None:
    decision = NO_BEHAVIOR.normalize(History(), current, desired, 0.0)

    assert (decision.replicas, decision.scaling_limited.reason) == (replicas, reason)
    assert decision.scaling_limited.status is (replicas != desired)


def test_a_scale_up_window_takes_the_lowest_and_a_scale_down_window_the_highest() -> None:
    stabilizer = behaving(ScalingRules(stabilization_window_s=60), ScalingRules(stabilization_window_s=60))
    history = History((Recommendation(6, 0.0), Recommendation(12, 30.0)))

    up = stabilizer.normalize(history, 5, 20, 45.0)
    down = stabilizer.normalize(history, 15, 3, 45.0)
    hold = stabilizer.normalize(history, 8, 3, 45.0)

    assert [(d.stabilized_replicas, d.able_to_scale.reason) for d in (up, down, hold)] == [
        (6, ConditionReason.SCALE_UP_STABILIZED),
        (12, ConditionReason.SCALE_DOWN_STABILIZED),
        (8, ConditionReason.SCALE_DOWN_STABILIZED),
    ]


def test_a_recommendation_as_old_as_the_window_counts_no_more() -> None:
    stabilizer = behaving(down=ScalingRules(stabilization_window_s=60))
    history = History((Recommendation(10, 0.0),))

    assert stabilizer.normalize(history, 10, 2, 59.9).replicas == 10
    assert stabilizer.normalize(history, 10, 2, 60.0).replicas == 2


def test_the_default_policies_add_four_pods_or_double() -> None:
    run = Run(behaving(), 1)

    assert [run.step(90) for _ in range(5)] == [5, 10, 20, 40, 80]


def test_policies_count_from_the_start_of_their_period() -> None:
    run = Run(behaving(up=ScalingRules(policies=(pods(3, 60),))), 1)

    assert [run.step(90) for _ in range(9)] == [4, 4, 4, 4, 7, 7, 7, 7, 10]


def test_removing_pods_gives_back_what_was_added_in_the_period() -> None:
    run = Run(behaving(ScalingRules(policies=(pods(4, 600),)), ScalingRules(stabilization_window_s=0)), 4)

    assert [run.step(desired) for desired in (8, 8, 6, 20)] == [8, 8, 6, 8]


def test_percent_rounds_up_on_the_way_up_and_keeps_more_on_the_way_down() -> None:
    stabilizer = behaving(
        ScalingRules(policies=(percent(10, 15),)),
        ScalingRules(stabilization_window_s=0, policies=(percent(10, 15),)),
    )

    assert stabilizer.normalize(History(), 11, 90, 0.0).replicas == 13
    assert stabilizer.normalize(History(), 11, 1, 0.0).replicas == 9


@pytest.mark.parametrize(
    ("select", "up", "down"),
    [(SelectPolicy.MAX, 20, 5), (SelectPolicy.MIN, 12, 8), (SelectPolicy.DISABLED, 10, 10), (None, 20, 5)],
)
def test_select_policy(select: SelectPolicy | None, up: int, down: int) -> None:
    rising = ScalingRules(select_policy=select, policies=(pods(2, 15), percent(100, 15)))
    falling = ScalingRules(stabilization_window_s=0, select_policy=select, policies=(pods(2, 15), percent(50, 15)))
    stabilizer = behaving(rising, falling)

    assert stabilizer.normalize(History(), 10, 90, 0.0).replicas == up
    assert stabilizer.normalize(History(), 10, 1, 0.0).replicas == down


def test_a_limit_says_which_limit() -> None:
    slow = behaving(
        ScalingRules(policies=(pods(1, 15),)),
        ScalingRules(stabilization_window_s=0, policies=(pods(1, 15),)),
        highest=12,
    )
    fast = behaving(down=ScalingRules(stabilization_window_s=0), highest=12)

    decisions = [s.normalize(History(), 10, desired, 0.0) for s in (slow, fast) for desired in (90, 0)]

    assert [(d.replicas, d.rate_limit_replicas, d.scaling_limited.reason) for d in decisions] == [
        (11, 11, ConditionReason.SCALE_UP_LIMIT),
        (9, 9, ConditionReason.SCALE_DOWN_LIMIT),
        (12, 20, ConditionReason.TOO_MANY_REPLICAS),
        (1, 0, ConditionReason.TOO_FEW_REPLICAS),
    ]


@pytest.mark.parametrize("no_limit", [pods(2**31 - 1, 15), percent(2**31 - 1, 15)])
def test_the_largest_integer_as_no_limit_stops_every_scale_up(no_limit: ScalingPolicy) -> None:
    decision = behaving(ScalingRules(policies=(no_limit,)), highest=2000).normalize(History(), 100, 900, 0.0)

    assert (decision.replicas, decision.scaling_limited.reason) == (100, ConditionReason.SCALE_UP_LIMIT)


def test_a_longer_scale_down_period_has_lost_older_scale_ups() -> None:
    down = ScalingRules(stabilization_window_s=0, policies=(pods(1, 600),))
    run = Run(behaving(ScalingRules(policies=(pods(4, 15),)), down), 1)

    assert [run.step(desired, step_s=20) for desired in (90, 90, 1)] == [5, 9, 4]
    # 9 - 4 added - 1: of the two scale-ups within 600 s the second has taken the place of the first.
    assert run.history.scale_ups == (ScaleEvent(4, 20.0),)
    assert run.history.scale_downs == (ScaleEvent(5, 40.0),)


def test_of_several_old_scale_ups_the_last_makes_room() -> None:
    down = ScalingRules(stabilization_window_s=0, policies=(pods(1, 55),))
    run = Run(behaving(ScalingRules(policies=(pods(4, 15),)), down), 1)

    # At 30 s the scale-ups of 0 s and 10 s are both old. At 60 s only the one of 30 s is left within 55 s: 8 - 4 - 1.
    assert [run.step(desired, step_s=10) for desired in (2, 4, 4, 8, 8, 8, 1)] == [2, 4, 4, 8, 8, 8, 3]
    assert run.history.scale_ups == (ScaleEvent(1, 0.0), ScaleEvent(4, 30.0))


def test_without_a_behavior_no_scale_event_is_remembered() -> None:
    assert NO_BEHAVIOR.remember_rescale(History(), 1, 4, 0.0) == History()


def test_bounds_that_are_no_range_are_refused() -> None:
    for lowest, highest in ((-1, 5), (3, 2), (0, 0)):
        with pytest.raises(ValueError, match=rf"^replicas from {lowest} to {highest} are no range$"):
            Stabilizer(lowest, highest)


policies = st.builds(
    ScalingPolicy,
    type=st.sampled_from(PolicyType),
    value=st.integers(1, 200),
    period_s=st.sampled_from([1, 15, 30, 60, 300]),
)
rules = st.builds(
    ScalingRules,
    stabilization_window_s=st.none() | st.sampled_from([0, 15, 60, 300]),
    select_policy=st.none() | st.sampled_from(SelectPolicy),
    policies=st.none() | st.lists(policies, min_size=1, max_size=3).map(tuple),
)
behaviors = st.builds(Behavior, scale_up=st.none() | rules, scale_down=st.none() | rules)
recommendations = st.lists(st.integers(0, 60), min_size=1, max_size=30)


@given(st.none() | behaviors, st.integers(0, 5), st.integers(1, 40), recommendations)
def test_never_beyond_the_bounds(behavior: Behavior | None, lowest: int, more: int, wanted: list[int]) -> None:
    stabilizer = Stabilizer(lowest, lowest + more, None if behavior is None else with_defaults(behavior))
    run = Run(stabilizer, lowest + more // 2)

    assert all(lowest <= run.step(desired) <= lowest + more for desired in wanted)


@given(behaviors, recommendations)
def test_a_scale_down_waits_until_its_window_holds_nothing_higher(behavior: Behavior, wanted: list[int]) -> None:
    stabilizer = Stabilizer(1, 60, with_defaults(behavior))
    assert stabilizer.behavior is not None
    window = stabilizer.behavior.scale_down.stabilization_window_s // 15
    run = Run(stabilizer, 30)

    for position, desired in enumerate(wanted):
        before = run.replicas
        if run.step(desired) < before:
            assert max(wanted[max(0, min(position, position - window + 1)) : position + 1]) < before


@given(st.booleans(), rules, recommendations)
def test_a_disabled_direction_never_moves(up: bool, other: ScalingRules, wanted: list[int]) -> None:
    off = ScalingRules(select_policy=SelectPolicy.DISABLED)
    run = Run(behaving(off, other) if up else behaving(other, off), 30)

    for desired in wanted:
        before = run.replicas
        after = run.step(desired)
        assert after <= before if up else after >= before


@given(st.integers(1, 5), st.sampled_from([15, 30, 60, 90]), recommendations)
def test_no_period_adds_more_than_its_policy(value: int, period_s: int, wanted: list[int]) -> None:
    only_up = behaving(ScalingRules(policies=(pods(value, period_s),)), ScalingRules(select_policy=SelectPolicy.DISABLED))
    run = Run(only_up, 1)
    replicas = [1, *(run.step(desired) for desired in wanted)]

    steps = period_s // 15
    for position in range(len(replicas)):
        assert replicas[position] - replicas[max(0, position - steps)] <= value


@given(behaviors, st.integers(1, 60), recommendations)
def test_what_is_asked_for_already_stays(behavior: Behavior, current: int, wanted: list[int]) -> None:
    stabilizer = Stabilizer(1, 60, with_defaults(behavior))
    history = History(tuple(Recommendation(replicas, 15.0 * step) for step, replicas in enumerate(wanted)))

    decision = stabilizer.normalize(history, current, current, 15.0 * len(wanted))

    assert decision.replicas == current
