"""What a timeline proves about scaling, state by state."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shelterctl.core.load.observer import Observer
from shelterctl.core.load.scaling import ScalingState, judge_scaling, settled
from shelterctl.core.load.timeline import Timeline
from shelterctl.core.state import Autoscaler
from shelterctl.core.verdict import Verdict
from tests.core.load.examples import BEGAN, PLAN, TWO, autoscaler, end, exact_clock, observed, pod, under_load, usage

pytestmark = pytest.mark.unit


def said(timeline: Timeline) -> tuple[ScalingState, Verdict, str, str]:
    check = judge_scaling(PLAN, timeline)
    reason = check.judgement.reasons[0]
    return check.state, check.judgement.verdict, reason.text, reason.next_command


def test_shown() -> None:
    seen = observed()
    seen.usage(BEGAN + 36, usage(35, 300, 300))
    seen.autoscaler(BEGAN + 46, autoscaler(4, 184))
    seen.pods(BEGAN + 54.2, [*TWO, pod("app-3")])
    assert said(end(seen)) == (ScalingState.SHOWN, Verdict.PASS, "2 → 4 replicas at 46.0 s, app-3 ready at 54.2 s", "")


def test_a_pod_that_an_earlier_rollout_brings_is_no_scale_up() -> None:
    seen = observed(desired=3)
    seen.usage(BEGAN + 40, usage(39, 20, 20))
    seen.pods(BEGAN + 5, [*TWO, pod("app-3")])
    assert said(end(seen))[0] is ScalingState.NOT_CALLED_FOR


def test_a_decision_that_an_earlier_load_left_behind_is_no_scale_up() -> None:
    seen = observed(cpu_percent=150)
    seen.usage(BEGAN + 1, usage(0.5, 200, 200))
    seen.autoscaler(BEGAN + 2, autoscaler(4, 150))
    seen.pods(BEGAN + 9, [*TWO, pod("app-3"), pod("app-4")])
    seen.autoscaler(BEGAN + 20, autoscaler(4, 20))
    assert said(end(seen, 30)) == (
        ScalingState.UNATTRIBUTED,
        Verdict.UNKNOWN,
        "2 → 4 replicas were decided at 2 s, and no metric taken wholly under this load was there by the end of the run: an earlier load "
        "may have asked for them. Let the replicas come down first, and run for longer",
        "shelterctl loadtest --users 200 --spawn-rate 20 --duration 480s",
    )


def test_a_pod_that_replaces_another_is_no_scale_up() -> None:
    seen = observed()
    seen.usage(BEGAN + 36, usage(35, 300, 300))
    seen.autoscaler(BEGAN + 46, autoscaler(4, 184))
    seen.pods(BEGAN + 50, [pod("app-1")])
    seen.pods(BEGAN + 54, [pod("app-1"), pod("app-3")])
    assert said(end(seen))[0] is ScalingState.FAILED


def test_not_called_for() -> None:
    seen = observed()
    # Under the full load, which all users make up after 10 s: the 15 s before 60 s.
    seen.usage(BEGAN + 62, usage(60, 60, 60))
    seen.autoscaler(BEGAN + 70, autoscaler(2, 77))
    assert said(end(seen)) == (
        ScalingState.NOT_CALLED_FOR,
        Verdict.UNKNOWN,
        "the load called for no more pods: the autoscaler read 77% at most, its target is 70%; a target of 69% or less would have called "
        "for one",
        "shelterctl loadtest --users 400 --spawn-rate 20 --duration 240s",
    )


def test_more_users_are_no_remedy_for_what_others_hold_back() -> None:
    seen = observed()
    seen.usage(BEGAN + 62, usage(60, 60, 60))
    seen.autoscaler(BEGAN + 70, autoscaler(2, 54))
    (reason,) = judge_scaling(PLAN, end(seen), "the database").judgement.reasons
    assert reason.text.endswith("a target of 49% or less would have called for one; the load was kept from more by the database")
    assert reason.next_command == "shelterctl hpa explain"


def test_too_short_where_no_metric_was_taken_under_the_load() -> None:
    seen = observed()
    seen.usage(BEGAN - 1, usage(-50, 6, 6))
    seen.usage(BEGAN + 12, usage(10, 60, 60))
    assert said(end(seen, 40)) == (
        ScalingState.TOO_SHORT,
        Verdict.UNKNOWN,
        "the load ended before the autoscaler could read a metric taken wholly under it (they come every 60 s)",
        "shelterctl loadtest --users 200 --spawn-rate 20 --duration 480s",
    )


def test_too_short_where_the_autoscaler_had_no_time_to_read_it() -> None:
    seen = observed()
    seen.usage(BEGAN + 62, usage(60, 60, 60))
    assert said(end(seen, 70))[0] is ScalingState.TOO_SHORT


@pytest.mark.parametrize(("seconds", "state"), [(149, ScalingState.TOO_SHORT), (150, ScalingState.NOT_CALLED_FOR)])
def test_without_the_metrics_own_times_the_run_must_outlast_the_slowest_pipeline(seconds: float, state: ScalingState) -> None:
    assert said(end(observed(), seconds))[0] is state


def test_too_short_where_the_call_came_at_the_end() -> None:
    seen = observed()
    seen.usage(BEGAN + 36, usage(35, 300, 300))
    seen.autoscaler(BEGAN + 46, autoscaler(4, 184))
    assert said(end(seen, 60)) == (
        ScalingState.TOO_SHORT,
        Verdict.UNKNOWN,
        "the autoscaler read 184% of 70% at 46 s, it decided 2 → 4 at 46 s, and the load that called for more pods lasted 14 s: "
        "a scale-up takes up to 90 s",
        "shelterctl loadtest --users 200 --spawn-rate 20 --duration 480s",
    )


def test_at_maximum_from_the_start() -> None:
    seen = under_load(observed(maximum=2))
    seen.autoscaler(BEGAN + 46, autoscaler(2, 184, maximum=2))
    assert said(end(seen)) == (
        ScalingState.AT_MAXIMUM,
        Verdict.UNKNOWN,
        "the autoscaler read 184% of 70% at 46 s and was at its maximum of 2 already: it wanted 6",
        "shelterctl up --max 6",
    )


def test_failed_where_nothing_was_decided() -> None:
    seen = under_load(observed())
    seen.autoscaler(BEGAN + 46, autoscaler(2, 184))
    assert said(end(seen)) == (
        ScalingState.FAILED,
        Verdict.FAIL,
        "the autoscaler read 184% of 70% at 46 s and for 194 s on end, it decided nothing, and no pod was added that became ready",
        "shelterctl status",
    )


def test_a_pod_that_was_late_to_an_earlier_decision_is_no_proof_of_this_one() -> None:
    """Three were asked for before this load, and two were ready: the third is not what this load's decision added."""
    seen = observed(desired=3)
    seen.usage(BEGAN + 36, usage(35, 300, 300))
    seen.autoscaler(BEGAN + 46, autoscaler(5, 184, current=3))
    seen.pods(BEGAN + 54, [*TWO, pod("app-3")])
    state, verdict, text, _ = said(end(seen))
    assert (state, verdict) == (ScalingState.UNKNOWN, Verdict.UNKNOWN)
    assert text.startswith("3 → 5 replicas were decided at 46 s, when 2 were ready of 3")
    seen.pods(BEGAN + 56, [*TWO, pod("app-3"), pod("app-4")])
    assert said(end(seen))[:2] == (ScalingState.SHOWN, Verdict.PASS)


def test_an_autoscaler_that_waits_before_it_follows_is_given_its_time() -> None:
    """`behavior.scaleUp.stabilizationWindowSeconds`."""
    seen = under_load(observed())
    seen.autoscaler(BEGAN + 46, replace(autoscaler(2, 184), scale_up_window_s=120.0))
    state, verdict, text, _ = said(end(seen))
    assert (state, verdict) == (ScalingState.TOO_SHORT, Verdict.UNKNOWN)
    assert text.endswith("lasted 194 s: a scale-up takes up to 210 s")
    assert said(end(seen, 256))[0] is ScalingState.FAILED


def test_an_autoscaler_whose_policy_is_used_up_is_given_its_period() -> None:
    """One pod in ten minutes, and one was added just before the load: that it adds none is what it was told."""
    policy = {"scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 600}]}}
    seen = under_load(observed())
    seen.autoscaler(BEGAN + 46, replace(autoscaler(2, 184), behavior=policy))
    state, verdict, text, _ = said(end(seen))
    assert (state, verdict) == (ScalingState.TOO_SHORT, Verdict.UNKNOWN)
    assert text.endswith("lasted 194 s: a scale-up takes up to 675 s")
    assert said(end(seen, 722))[0] is ScalingState.FAILED


def test_failed_where_the_pods_found_no_room() -> None:
    seen = under_load(observed())
    seen.autoscaler(BEGAN + 46, autoscaler(4, 184))
    seen.pods(BEGAN + 47, [*TWO, pod("app-3", ready=False, scheduling_message="0/1 nodes are available: 1 Insufficient cpu.")])
    assert said(end(seen)) == (
        ScalingState.FAILED,
        Verdict.FAIL,
        "the autoscaler read 184% of 70% at 46 s and for 194 s on end, it decided 2 → 4 at 46 s, and no pod was added that became ready "
        "(app-3: 0/1 nodes are available: 1 Insufficient cpu.)",
        "shelterctl status",
    )


def test_unknown_without_an_autoscaler() -> None:
    seen = Observer()
    seen.pods(BEGAN - 1, TWO)
    seen.autoscaler(BEGAN - 1, None)
    assert said(end(seen)) == (
        ScalingState.UNKNOWN,
        Verdict.UNKNOWN,
        "there is no autoscaler: nothing can be said about scaling (--host URL tests the service alone)",
        "shelterctl hpa explain",
    )


def test_an_autoscaler_that_was_deleted_meanwhile_is_not_told_as_absent() -> None:
    seen = under_load(observed())
    seen.autoscaler(BEGAN + 40, None)
    state, verdict, text, _ = said(end(seen))
    assert (state, verdict) == (ScalingState.UNKNOWN, Verdict.UNKNOWN)
    assert text == "the autoscaler was deleted at 40 s: nothing can be said about scaling"
    seen.autoscaler(BEGAN + 60, autoscaler(2, 184))
    assert "deleted" not in said(end(seen))[2]


def test_unknown_without_a_metric() -> None:
    assert said(end(observed(cpu_percent=None))) == (
        ScalingState.UNKNOWN,
        Verdict.UNKNOWN,
        "the autoscaler has no metric: FailedGetResourceMetric: no metrics returned from resource metrics API",
        "shelterctl doctor",
    )


def test_unknown_where_the_cluster_was_lost_from_sight() -> None:
    seen = under_load(observed())
    seen.autoscaler(BEGAN + 46, autoscaler(2, 184))
    seen.blind(BEGAN + 50, None, "connection refused")
    assert said(end(seen))[:2] == (ScalingState.UNKNOWN, Verdict.UNKNOWN)


def test_what_was_shown_before_the_cluster_was_lost_stays_shown() -> None:
    seen = under_load(observed())
    seen.autoscaler(BEGAN + 46, autoscaler(4, 184))
    seen.pods(BEGAN + 54, [*TWO, pod("app-3")])
    seen.blind(BEGAN + 60, None, "connection refused")
    assert said(end(seen))[0] is ScalingState.SHOWN


def test_a_timeline_without_a_single_point_says_nothing() -> None:
    empty = replace(end(observed()), points=())
    assert said(empty)[0] is ScalingState.UNKNOWN


# What an earlier load, another clock or somebody's hand can look like.


def test_an_earlier_loads_metric_that_comes_late_is_no_proof() -> None:
    """The reading was still low at the begin; the measurement of the load before came 20 s later, and two pods were added on it."""
    seen = observed()
    seen.usage(BEGAN + 20, usage(-10, 300, 300))
    seen.autoscaler(BEGAN + 25, autoscaler(4, 184))
    seen.pods(BEGAN + 33, [*TWO, pod("app-3"), pod("app-4")])
    seen.usage(BEGAN + 80, usage(50, 10, 10, 10, 10))
    seen.autoscaler(BEGAN + 85, autoscaler(4, 4))
    state, verdict, text, _ = said(end(seen, 120))
    assert (state, verdict) == (ScalingState.UNATTRIBUTED, Verdict.UNKNOWN)
    assert "2 → 4 replicas were decided at 25 s, and no metric taken wholly under this load was there until 80 s" in text


@pytest.mark.parametrize(("ahead_s", "state"), [(0.0, ScalingState.SHOWN), (90.0, ScalingState.UNATTRIBUTED), (-90.0, ScalingState.SHOWN)])
def test_a_nodes_clock_that_is_ahead_makes_no_old_metric_new(ahead_s: float, state: ScalingState) -> None:
    """By its own clock each measurement was taken at 35 s. Where that clock is 90 s ahead, it was taken before the load began."""
    seen = Observer()
    seen.clocks(exact_clock(-20, ahead_s=ahead_s))
    seen.clocks(exact_clock(-19.9, ahead_s=ahead_s))
    seen.pods(BEGAN - 2, TWO)
    seen.autoscaler(BEGAN - 2, autoscaler(2, 3))
    seen.usage(BEGAN + 36, usage(35, 300, 300))
    seen.autoscaler(BEGAN + 46, autoscaler(4, 184))
    seen.pods(BEGAN + 54.2, [*TWO, pod("app-3")])
    assert said(end(seen))[0] is state


def test_a_clock_that_cannot_be_read_attributes_nothing() -> None:
    seen = Observer()
    seen.pods(BEGAN - 2, TWO)
    seen.autoscaler(BEGAN - 2, autoscaler(2, 3))
    seen.usage(BEGAN + 36, usage(35, 300, 300))
    seen.autoscaler(BEGAN + 46, autoscaler(4, 184))
    seen.pods(BEGAN + 54, [*TWO, pod("app-3")])
    state, _, text, command = said(end(seen))
    assert (state, command) == (ScalingState.UNATTRIBUTED, "shelterctl doctor")
    assert text.endswith("cannot be told: the clock of node minikube could not be read")


def test_a_minimum_that_somebody_raised_is_no_scaling() -> None:
    seen = under_load(observed())
    seen.autoscaler(BEGAN + 46, replace(autoscaler(4, 40), minimum=4))
    seen.pods(BEGAN + 54, [*TWO, pod("app-3"), pod("app-4")])
    state, _, text, _ = said(end(seen))
    assert state is ScalingState.UNATTRIBUTED
    assert "after somebody had changed the autoscaler's own settings" in text


def test_a_decision_that_is_larger_than_its_reading_is_somebody_elses() -> None:
    """80% of 70% on two pods makes three at most, and the HPA holds four by itself."""
    seen = under_load(observed())
    seen.autoscaler(BEGAN + 46, autoscaler(4, 80))
    seen.pods(BEGAN + 54, [*TWO, pod("app-3"), pod("app-4")])
    state, _, text, _ = said(end(seen))
    assert state is ScalingState.UNATTRIBUTED
    assert text.endswith("while its reading of 80% calls for 3 at most: something else asked for them")


def test_a_decision_while_another_command_worked_on_the_stack_may_be_its_doing() -> None:
    seen = under_load(observed())
    assert seen.disturbed("shelterctl chaos kill-db (process 1, since 10:00:00)")
    assert not seen.disturbed("shelterctl chaos kill-db (process 1, since 10:00:00)")
    seen.autoscaler(BEGAN + 46, autoscaler(4, 184))
    seen.pods(BEGAN + 54.2, [*TWO, pod("app-3")])
    state, verdict, text, _ = said(end(seen))
    assert (state, verdict) == (ScalingState.UNATTRIBUTED, Verdict.UNKNOWN)
    assert "while shelterctl chaos kill-db (process 1, since 10:00:00) worked on the stack" in text


def test_a_policy_that_allows_one_pod_bounds_the_decision() -> None:
    one = {"scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}}
    for after, state in ((3, ScalingState.SHOWN), (4, ScalingState.UNATTRIBUTED)):
        seen = Observer()
        seen.clocks(exact_clock(-20))
        seen.clocks(exact_clock(-19.9))
        seen.pods(BEGAN - 2, TWO)
        seen.autoscaler(BEGAN - 2, replace(autoscaler(2, 3), behavior=one))
        under_load(seen)
        seen.autoscaler(BEGAN + 46, replace(autoscaler(after, 184), behavior=one))
        seen.pods(BEGAN + 54, [*TWO, *(pod(f"app-{n}") for n in range(3, after + 1))])
        assert said(end(seen))[0] is state


def test_the_second_of_two_loads_that_finds_its_pods_there_already_did_not_fail() -> None:
    """The load before left a reading of 150%, on which the pods of this load came: nothing more was decided, and nothing was needed."""
    seen = observed(cpu_percent=150)
    seen.autoscaler(BEGAN + 5, autoscaler(5, 150))
    seen.pods(BEGAN + 12, [*TWO, pod("app-3"), pod("app-4"), pod("app-5")])
    seen.usage(BEGAN + 40, usage(35, 100, 100, 100, 100, 100))
    seen.autoscaler(BEGAN + 50, autoscaler(5, 100))
    state, verdict, text, _ = said(end(seen))
    assert (state, verdict) == (ScalingState.UNATTRIBUTED, Verdict.UNKNOWN)
    assert "it decided nothing" not in text


def test_the_maximum_counts_at_the_end_of_the_calling_stretch() -> None:
    seen = under_load(observed())
    seen.autoscaler(BEGAN + 46, autoscaler(5, 184))
    seen.pods(BEGAN + 47, [*TWO, pod("app-3", ready=False)])
    assert said(end(seen))[0] is ScalingState.AT_MAXIMUM


def test_an_application_that_sleeps_was_not_called_for_whatever_was_read_before() -> None:
    seen = observed(cpu_percent=150, desired=3)
    seen.usage(BEGAN + 62, usage(60, 6, 6))
    seen.autoscaler(BEGAN + 70, autoscaler(3, 4))
    assert said(end(seen, 150))[0] is ScalingState.NOT_CALLED_FOR


def test_an_autoscaler_that_may_not_scale_up_did_not_fail_to() -> None:
    seen = under_load(observed())
    seen.autoscaler(BEGAN + 46, replace(autoscaler(2, 184), behavior={"scaleUp": {"selectPolicy": "Disabled"}}))
    state, verdict, text, _ = said(end(seen))
    assert (state, verdict) == (ScalingState.UNKNOWN, Verdict.UNKNOWN)
    assert text.endswith("its behavior disables scaling up (selectPolicy: Disabled)")


@pytest.mark.parametrize(("tolerance", "state"), [("0.5", ScalingState.NOT_CALLED_FOR), ("0.05", ScalingState.FAILED)])
def test_its_own_tolerance_decides_what_a_reading_calls_for(tolerance: str, state: ScalingState) -> None:
    seen = under_load(observed())
    seen.usage(BEGAN + 96, usage(95, 300, 300))
    seen.autoscaler(BEGAN + 46, replace(autoscaler(2, 90), behavior={"scaleUp": {"tolerance": tolerance}}))
    assert said(end(seen))[0] is state


@pytest.mark.parametrize(("began_before_s", "state"), [(0.5, ScalingState.SHOWN), (6.0, ScalingState.UNATTRIBUTED)])
def test_a_measurement_that_began_before_the_load_counts_for_what_it_cannot_have_been(began_before_s: float, state: ScalingState) -> None:
    """A minute's mean of 150m of 2 × 400m: half a second at the limit before the load makes 7m of it, six seconds make 80m."""
    minute = tuple(replace(item, window_s=60.0) for item in usage(60 - began_before_s, 75, 75))
    seen = observed()
    seen.usage(BEGAN + 62, minute)
    seen.autoscaler(BEGAN + 66, autoscaler(3, 83))
    seen.pods(BEGAN + 70, [*TWO, pod("app-3")])
    assert said(end(seen, 100))[0] is state


@pytest.mark.parametrize(("last_scale_before_s", "state"), [(2.0, ScalingState.SHOWN), (600.0, ScalingState.UNATTRIBUTED)])
def test_pods_that_went_shortly_before_the_load_may_come_again(last_scale_before_s: float, state: ScalingState) -> None:
    """Two pods in a minute, and three came: the controller counts from the period's beginning, when there was one more."""
    behavior = {"scaleUp": {"policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}]}}

    def scaler(desired: int, percent: int) -> Autoscaler:
        return replace(autoscaler(desired, percent), behavior=behavior, last_scale_at_s=BEGAN - last_scale_before_s)

    seen = Observer()
    seen.clocks(exact_clock(-20))
    seen.clocks(exact_clock(-19.9))
    seen.pods(BEGAN - 2, TWO)
    seen.autoscaler(BEGAN - 2, scaler(2, 3))
    seen.usage(BEGAN + 36, usage(35, 235, 235))
    seen.autoscaler(BEGAN + 40, scaler(5, 235))
    seen.pods(BEGAN + 44, [*TWO, pod("app-3"), pod("app-4"), pod("app-5")])
    assert said(end(seen, 100))[0] is state


def test_a_decision_is_told_by_the_one_that_this_load_called_for() -> None:
    """An earlier load's decision is not what a load that failed to scale is told by."""
    seen = observed(maximum=9)
    seen.autoscaler(BEGAN + 5, autoscaler(3, 80, maximum=9))
    seen.usage(BEGAN + 36, usage(35, 300, 300))
    seen.autoscaler(BEGAN + 46, autoscaler(5, 184, current=3, maximum=9))
    state, verdict, text, _ = said(end(seen))
    assert (state, verdict) == (ScalingState.FAILED, Verdict.FAIL)
    assert "it decided 3 → 5 at 46 s" in text


def test_a_reading_of_the_ramp_says_nothing_about_the_full_load() -> None:
    """Users are added for 10 s: a window that begins before is not the load's, however long the run goes on."""
    seen = observed()
    seen.usage(BEGAN + 25, usage(24, 60, 60))
    assert said(end(seen))[0] is ScalingState.TOO_SHORT


def test_a_decision_for_the_maximum_whose_pods_are_on_their_way_is_not_the_maximum_already() -> None:
    seen = under_load(observed(maximum=4))
    seen.autoscaler(BEGAN + 46, autoscaler(4, 184, maximum=4))
    state, verdict, text, _ = said(end(seen, 50))
    assert (state, verdict) == (ScalingState.TOO_SHORT, Verdict.UNKNOWN)
    assert "it decided 2 → 4 at 46 s" in text
    assert settled(PLAN, judge_scaling(PLAN, end(seen, 50)), end(seen, 50)) == ""
