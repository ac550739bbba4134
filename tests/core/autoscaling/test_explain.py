"""The right cause, with the numbers, for each state that an autoscaler can be in."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelterctl.core.autoscaling.explain import Explanation, Topic, explain
from shelterctl.core.autoscaling.traps import LastLoad
from shelterctl.core.controller import proposal, samples
from shelterctl.core.state import Condition
from tests.core.autoscaling.examples import WELL, pod, scaler, state
from tests.core.stack_examples import NOW, container

pytestmark = pytest.mark.unit


def said(result: Explanation, topic: Topic) -> str:
    return " | ".join(sentence.text for sentence in result.sentences if sentence.topic is topic)


def test_a_reading_above_the_target() -> None:
    result = explain(state(scaler(95), 96, 95), now_s=NOW)
    assert result.wanted == 3
    reading = said(result, Topic.READING)
    assert "cpu 95%: 191m of 200m over 2 pods; target 70%, ratio 1.36" in reading
    assert "asks for ceil(1.36 × 2) = 3" in reading
    assert [(step.after_s, step.replicas) for step in result.coming] == [(15.0, 3)]
    assert "3 within 15 s (it would read 63% then)" in said(result, Topic.NEXT)


def test_measurements_that_come_seldom_are_named_as_the_delay_that_they_are() -> None:
    slow = said(explain(state(scaler(95), 96, 95), now_s=NOW, metrics_every_s=60.0), Topic.SAMPLES)
    assert "the pods are measured every 60 s" in slow
    assert "a load shows in them 60 to 120 s late, and no decision comes sooner" in slow
    for quick in (15.0, None):
        assert "late" not in said(explain(state(scaler(95), 96, 95), now_s=NOW, metrics_every_s=quick), Topic.SAMPLES)


def test_within_the_tolerance_nothing_comes_and_the_threshold_is_named() -> None:
    result = explain(state(scaler(73), 73, 73), now_s=NOW)
    assert "within the tolerance (0.90 to 1.10): it asks for no change" in said(result, Topic.READING)
    assert "2 replicas, for good" in said(result, Topic.NEXT)
    assert (result.thresholds.up_percent, result.thresholds.up_millicores) == (78, 156)
    assert "from 78% on: 156m of CPU" in said(result, Topic.THRESHOLD)


def test_what_the_controller_read_last_is_told_beside_what_the_samples_say_now() -> None:
    result = explain(state(scaler(20), 95, 95), now_s=NOW)
    assert "the controller itself read 20% when it last looked" in said(result, Topic.READING)


def test_fewer_are_asked_for_and_the_window_holds_them() -> None:
    held = (Condition("AbleToScale", True, "ScaleDownStabilized", ""), *WELL[1:])
    result = explain(state(scaler(10, conditions=held, desired=4, current=4), 10, 10, 10, 10), now_s=NOW)
    assert "every recommendation of the last 5 min asked for fewer; one of them asked for more" in said(result, Topic.WINDOW)
    assert [sentence.estimate for sentence in result.sentences if sentence.topic is Topic.WINDOW] == [False, True]
    assert result.coming[-1].replicas == 2
    assert result.coming[0].after_s >= 300


def test_at_the_maximum() -> None:
    result = explain(state(scaler(150, desired=5, current=5), *[150] * 5), now_s=NOW)
    assert "its maximum of 5 is below the 11 that the reading asks for" in said(result, Topic.LIMIT)
    assert result.coming == ()
    assert "no load adds a pod: 5 is the maximum" in said(result, Topic.THRESHOLD)


def test_a_young_pod_whose_sample_reaches_back_holds_the_rest_back() -> None:
    young = pod(2, created_at_s=NOW - 50, start_time_s=NOW - 50, ready_since_s=NOW - 45)
    result = explain(state(scaler(91), 91, 91, 90, pods=(pod(0), pod(1), young)), now_s=NOW)
    assert result.wanted == 3
    assert "is starting, and its sample reaches back" in said(result, Topic.SAMPLES)
    assert "points the other way: hold" in said(result, Topic.READING)


def test_without_a_metric_the_cause_is_the_controllers_own_word() -> None:
    missing = (Condition("ScalingActive", False, "FailedGetResourceMetric", "missing request for cpu in container app of Pod app-0"),)
    pods = (pod(0, cpu_requests_millicores=(None,)), pod(1))
    result = explain(state(scaler(None, conditions=missing), 50, 50, pods=pods), now_s=NOW)
    assert result.wanted is None
    assert "missing request for cpu in container app of Pod app-0" in said(result, Topic.READING)
    assert "these samples give no reading: missing request for cpu" in said(result, Topic.READING)
    assert "while it has no reading it changes nothing: 2 replicas" in said(result, Topic.NEXT)


def test_a_deployment_that_does_not_progress_is_a_trap() -> None:
    stuck = pod(1, ready=False, scheduled=False, scheduling_message="0/1 nodes are available: 1 Insufficient cpu.", phase="Pending")
    result = explain(state(scaler(90), 90, None, pods=(pod(0), stuck)), now_s=NOW)
    (trap,) = result.traps
    assert trap.check == "rollout"
    assert "Insufficient cpu" in trap.why


def test_a_rollout_whose_pods_do_not_come_is_one_although_those_of_before_are_ready() -> None:
    absent = replace(container("waiting", "ErrImagePull"), image="app:absent")
    new = pod(2, ready=False, phase="Pending", containers=(absent,))
    deployed = state(scaler(20), 20, 20, None, pods=(pod(0), pod(1), new))
    workload = replace(deployed.workloads[0], desired=2, ready=2)
    (trap,) = explain(replace(deployed, workloads=(workload,)), now_s=NOW).traps
    assert trap.why == "app-2: ErrImagePull (app:absent)"


def test_a_threshold_beyond_the_limits_is_said() -> None:
    result = explain(state(scaler(5, cpu_target_percent=600), 5, 5), now_s=NOW)
    assert "1322m of CPU in these pods together; now 5% (10m); their limits end at 1000m" in said(result, Topic.THRESHOLD)


def test_a_target_that_the_last_load_never_reached_is_a_trap_with_the_one_that_would_have_scaled() -> None:
    last = LastLoad("20261130-030000-loadtest", 3600.0, 26, 70)
    (trap,) = explain(state(scaler(5), 5, 5), now_s=NOW, last_load=last).traps
    assert "read 26% at most, of a target of 70%" in trap.found
    assert "a target of 23% or less would have called for a pod" in trap.why
    assert explain(state(scaler(5), 5, 5), now_s=NOW, last_load=replace(last, peak_percent=78)).traps == ()


@pytest.mark.parametrize(
    "changes",
    [
        # A run of an earlier release, which ended before this autoscaler was made.
        {"age_s": 7300.0},
        {"scaler_created_at_s": NOW - 9000},
        {"requests_millicores": (250,)},
    ],
)
def test_a_load_of_an_earlier_stack_says_nothing_of_this_one(changes: dict[str, object]) -> None:
    last = replace(LastLoad("20261130-030000-loadtest", 3600.0, 26, 70, NOW - 7200, (100,)), scaler_created_at_s=None)
    assert explain(state(scaler(5), 5, 5), now_s=NOW, last_load=last).traps != ()
    assert explain(state(scaler(5), 5, 5), now_s=NOW, last_load=replace(last, **changes)).traps == ()  # type: ignore[arg-type]
    assert explain(state(scaler(5, created_at_s=None), 5, 5), now_s=NOW, last_load=last).traps == ()


@pytest.mark.parametrize(("kind", "reason"), [("ScalingActive", "FailedGetResourceMetric"), ("AbleToScale", "FailedUpdateScale")])
def test_nothing_is_predicted_of_a_controller_that_acts_on_no_reading(kind: str, reason: str) -> None:
    broken = Condition(kind, False, reason, "forbidden")
    result = explain(state(scaler(None, conditions=(broken,)), 150, 150), now_s=NOW)
    assert (result.wanted, result.coming) == (5, ())
    told = said(result, Topic.NEXT)
    assert told == f"while that lasts it changes nothing: 2 replicas; these samples would ask for 5 ({reason}: forbidden)"


def test_another_metric_may_hold_what_cpu_would_let_go() -> None:
    low = explain(state(scaler(10, current=4, desired=4, other_metrics=("memory",)), 10, 10, 10, 10), now_s=NOW)
    assert low.coming == ()
    assert "by CPU alone 1 replica; what is asked for by memory is not seen here" in said(low, Topic.NEXT)
    assert "the metric that asks for most decides" in said(low, Topic.READING)
    assert "when the window has passed, where no more is asked for by memory" in said(low, Topic.THRESHOLD)
    high = explain(state(scaler(95, other_metrics=("memory",)), 96, 95), now_s=NOW)
    assert "at least 3 within 15 s" in said(high, Topic.NEXT)


def test_nothing_to_explain() -> None:
    with pytest.raises(ValueError, match="no autoscaler"):
        explain(state(None, 5), now_s=NOW)
    none = explain(state(scaler(None, cpu_target_percent=None), 5, 5), now_s=NOW)
    assert "no CPU utilization target" in said(none, Topic.READING)
    zero = explain(state(scaler(None), pods=()), now_s=NOW)
    assert "with 0 replicas scaling is disabled" in said(zero, Topic.NOW)


@settings(deadline=None)
@given(st.lists(st.integers(0, 500), min_size=1, max_size=5), st.integers(1, 100))
def test_the_thresholds_are_the_models_own(millicores: list[int], target: int) -> None:
    """One percent below the threshold nothing comes, at it a pod does; and the same downwards."""
    hpa = scaler(50, cpu_target_percent=target, minimum=1, maximum=8, desired=len(millicores), current=len(millicores))
    found = explain(state(hpa, *millicores), now_s=NOW).thresholds
    count = len(millicores)

    def wanted(percent: int) -> int:
        made = proposal(hpa, samples(state(hpa, *[percent] * count).pods, state(hpa, *[percent] * count).usage, NOW), count)
        assert made is not None
        assert made.replicas is not None
        return made.replicas

    if found.up_percent is not None:
        assert wanted(found.up_percent) > count >= wanted(found.up_percent - 1)
    if found.down_percent is not None and found.down_percent > 0:
        assert wanted(found.down_percent) < count <= wanted(found.down_percent + 1)
