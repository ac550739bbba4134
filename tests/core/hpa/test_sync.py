"""One pass of the HorizontalPodAutoscaler: what it writes, and what it says."""

import pytest

from shelterctl.core.hpa.algorithm import ReplicaProposal
from shelterctl.core.hpa.behavior import Behavior, PolicyType, ScalingPolicy, ScalingRules, with_defaults
from shelterctl.core.hpa.conditions import Condition, ConditionReason, ConditionType, Event, EventReason
from shelterctl.core.hpa.stabilization import History, Recommendation, ScaleEvent, Stabilizer
from shelterctl.core.hpa.sync import SyncOutcome, combine_proposals, sync

pytestmark = pytest.mark.unit

STABILIZER = Stabilizer(2, 5)
FAILED = ReplicaProposal(None, error="no metrics returned matched known pods")

FOUND_SCALE = Condition(
    ConditionType.ABLE_TO_SCALE,
    True,
    ConditionReason.SUCCEEDED_GET_SCALE,
    "the HPA controller was able to get the target's current scale",
)
RESCALED_TO_5 = Condition(
    ConditionType.ABLE_TO_SCALE,
    True,
    ConditionReason.SUCCEEDED_RESCALE,
    "the HPA controller was able to update the target scale to 5",
)
ACTIVE = Condition(
    ConditionType.SCALING_ACTIVE,
    True,
    ConditionReason.VALID_METRIC_FOUND,
    "the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)",
)


def test_a_scale_up_beyond_the_maximum() -> None:
    outcome = sync(STABILIZER, History(), 3, [ReplicaProposal(9)], now_s=100.0)

    assert (outcome.replicas, outcome.rescaled) == (5, True)
    assert outcome.conditions == (
        RESCALED_TO_5,
        ACTIVE,
        Condition(
            ConditionType.SCALING_LIMITED,
            True,
            ConditionReason.TOO_MANY_REPLICAS,
            "the desired replica count is more than the maximum replica count",
        ),
    )
    assert outcome.events == (
        Event(
            EventReason.SUCCESSFUL_RESCALE,
            "New size: 5; reason: cpu resource utilization (percentage of request) above target",
        ),
    )
    # The first pass remembers the scale it found as a recommendation.
    assert outcome.history == History((Recommendation(3, 100.0), Recommendation(9, 100.0)))


def test_a_scale_down_once_the_window_is_over() -> None:
    history = History((Recommendation(5, 0.0),))

    held = sync(STABILIZER, history, 5, [ReplicaProposal(2)], now_s=299.0)
    done = sync(STABILIZER, held.history, 5, [ReplicaProposal(2)], now_s=301.0)

    assert (held.replicas, held.rescaled, held.events) == (5, False, ())
    assert held.conditions[0].reason is ConditionReason.SCALE_DOWN_STABILIZED
    assert (done.replicas, done.rescaled) == (2, True)
    assert done.events == (Event(EventReason.SUCCESSFUL_RESCALE, "New size: 2; reason: All metrics below target"),)


def test_a_count_that_overflowed_is_remembered_as_none_at_all() -> None:
    outcome = sync(Stabilizer(0, 5), History((Recommendation(3, 0.0),)), 3, [ReplicaProposal(-(2**31))], now_s=301.0)

    assert (outcome.replicas, outcome.history) == (0, History((Recommendation(0, 301.0),)))


def test_no_replicas_disable_scaling() -> None:
    outcome = sync(STABILIZER, History((Recommendation(3, 0.0),)), 0, [ReplicaProposal(4)], now_s=15.0)

    disabled = Condition(
        ConditionType.SCALING_ACTIVE,
        False,
        ConditionReason.SCALING_DISABLED,
        "scaling is disabled since the replica count of the target is zero",
    )
    assert outcome == SyncOutcome(0, False, (FOUND_SCALE, disabled), (), None, None, History((Recommendation(3, 0.0),)))


def test_a_minimum_of_zero_scales_from_zero() -> None:
    assert sync(Stabilizer(0, 5), History(), 0, [ReplicaProposal(3)], now_s=0.0).replicas == 3


def test_beyond_the_maximum_the_scale_jumps_past_metrics_and_behavior() -> None:
    slow = ScalingRules(policies=(ScalingPolicy(PolicyType.PODS, 1, 60),))
    stabilizer = Stabilizer(2, 5, with_defaults(Behavior(scale_down=slow)))

    outcome = sync(stabilizer, History(), 9, [FAILED], now_s=15.0)

    assert outcome == SyncOutcome(
        replicas=5,
        rescaled=True,
        conditions=(RESCALED_TO_5,),
        events=(
            Event(
                EventReason.SUCCESSFUL_RESCALE,
                "New size: 5; reason: Current number of replicas above Spec.MaxReplicas",
            ),
        ),
        combined=None,
        normalized=None,
        history=History((Recommendation(9, 15.0),), scale_downs=(ScaleEvent(4, 15.0),)),
    )


def test_below_the_minimum_the_scale_jumps_too() -> None:
    outcome = sync(STABILIZER, History(), 1, [FAILED], now_s=0.0)

    assert (outcome.replicas, outcome.events) == (
        2,
        (
            Event(
                EventReason.SUCCESSFUL_RESCALE,
                "New size: 2; reason: Current number of replicas below Spec.MinReplicas",
            ),
        ),
    )


def test_a_failed_metric_scales_nothing_and_says_so() -> None:
    outcome = sync(STABILIZER, History(), 3, [FAILED], now_s=0.0)

    failure = "failed to get cpu utilization: no metrics returned matched known pods"
    assert (outcome.replicas, outcome.rescaled, outcome.normalized) == (3, False, None)
    assert outcome.conditions == (
        FOUND_SCALE,
        Condition(
            ConditionType.SCALING_ACTIVE,
            False,
            ConditionReason.FAILED_GET_RESOURCE_METRIC,
            f"the HPA was unable to compute the replica count: {failure}",
        ),
    )
    assert outcome.events == (
        Event(EventReason.FAILED_GET_RESOURCE_METRIC, failure),
        Event(
            EventReason.FAILED_COMPUTE_METRICS_REPLICAS,
            f"invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: {failure}",
        ),
    )
    assert outcome.history == History((Recommendation(3, 0.0),))


@pytest.mark.parametrize(
    ("proposals", "replicas", "metric"),
    [
        ([ReplicaProposal(3, metric="a"), ReplicaProposal(4, metric="b")], 4, "b"),
        ([ReplicaProposal(4, metric="a"), ReplicaProposal(4, metric="b")], 4, "a"),
        ([ReplicaProposal(1, metric="a"), ReplicaProposal(2, metric="b")], 2, "b"),
        ([ReplicaProposal(0, metric="a")], 0, "a"),
        ([FAILED, ReplicaProposal(4, metric="b")], 4, "b"),
        ([FAILED, ReplicaProposal(3, metric="b")], 3, "b"),
        ([FAILED, ReplicaProposal(2, metric="b")], None, ""),
        ([FAILED, FAILED], None, ""),
    ],
)
def test_the_largest_of_several_metrics_counts_unless_a_failure_leaves_a_scale_down_in_doubt(
    proposals: list[ReplicaProposal], replicas: int | None, metric: str
) -> None:
    combined = combine_proposals(3, proposals)

    assert (combined.replicas, combined.metric, combined.error is None) == (replicas, metric, replicas is not None)
    assert combined.scaling_active.status is (replicas is not None)


def test_an_hpa_without_metrics_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^an HPA has at least one metric$"):
        sync(STABILIZER, History(), 3, [], now_s=0.0)
