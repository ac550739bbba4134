"""What the HorizontalPodAutoscaler proposes from the pods' CPU usage."""

import dataclasses

import pytest

from shelterctl.core.hpa.algorithm import (
    AssumedUsage,
    PodSample,
    ProposalRule,
    ReplicaProposal,
    Tolerances,
    Utilization,
    desired_from_utilization,
    propose_replicas,
)
from shelterctl.core.hpa.pods import GroupReason, PodGroup, SortedPod

pytestmark = pytest.mark.unit


def pod(name: str, usage_millicores: int | None, request_millicores: int = 200) -> PodSample:
    """A pod that has been ready for a long time."""
    return PodSample(
        name=name,
        phase="Running",
        ready=True,
        start_age_s=900,
        transition_age_s=890,
        deleting=False,
        requests_millicores=(request_millicores,),
        usage_millicores=usage_millicores,
        sample_age_s=5,
        window_s=30,
    )


def test_every_pod_ready_scales_by_the_ratio() -> None:
    pods = [pod("a", 190), pod("b", 150)]

    assert propose_replicas(2, 70, pods) == ReplicaProposal(
        replicas=3,
        utilization_percent=85,
        error=None,
        rule=ProposalRule.READY_PODS,
        measured=Utilization(usage_millicores=340, request_millicores=400, pods=2, percent=85, ratio=85 / 70),
        filled=None,
        assumed=(),
        pods=(
            SortedPod("a", PodGroup.READY, GroupReason.COUNTED),
            SortedPod("b", PodGroup.READY, GroupReason.COUNTED),
        ),
        tolerances=Tolerances(0.1, 0.1),
    )


def test_the_ratio_multiplies_the_ready_pods_and_not_the_current_replicas() -> None:
    assert propose_replicas(2, 50, [pod("a", 190)]).replicas == 2
    assert propose_replicas(2, 50, [pod("a", 190), pod("b", 190)]).replicas == 4


@pytest.mark.parametrize(
    ("usage_millicores", "replicas", "rule"),
    [
        (110, 3, ProposalRule.WITHIN_TOLERANCE),  # a ratio of 1.1: more than 0.1 from 1 in float64
        (111, 4, ProposalRule.READY_PODS),
        (90, 3, ProposalRule.WITHIN_TOLERANCE),
        (89, 3, ProposalRule.READY_PODS),
        (66, 2, ProposalRule.READY_PODS),
    ],
)
def test_the_tolerance_includes_its_edges(usage_millicores: int, replicas: int, rule: ProposalRule) -> None:
    pods = [pod(name, usage_millicores, request_millicores=100) for name in "abc"]

    proposal = propose_replicas(3, 100, pods)

    assert (proposal.replicas, proposal.rule, proposal.within_tolerance) == (
        replicas,
        rule,
        rule is ProposalRule.WITHIN_TOLERANCE,
    )


def test_each_direction_has_its_own_tolerance() -> None:
    apart = Tolerances(scale_up=0.0, scale_down=0.5)

    assert propose_replicas(2, 50, [pod("a", 102), pod("b", 102)], tolerance=apart).replicas == 3
    assert propose_replicas(2, 50, [pod("a", 51), pod("b", 51)], tolerance=apart).replicas == 2


def test_the_utilization_is_truncated_before_it_is_compared() -> None:
    proposal = propose_replicas(1, 100, [pod("a", 1109, request_millicores=1000)])

    assert (proposal.utilization_percent, proposal.replicas) == (110, 1)


def test_a_missing_pod_counts_as_idle_on_a_scale_up() -> None:
    proposal = propose_replicas(3, 50, [pod("a", 190), pod("b", 190), pod("c", None)])

    assert proposal == ReplicaProposal(
        replicas=4,
        utilization_percent=95,
        rule=ProposalRule.ALL_PODS,
        measured=Utilization(380, 400, 2, 95, 1.9),
        filled=Utilization(380, 600, 3, 63, 1.26),
        assumed=(AssumedUsage("c", 0),),
        pods=(
            SortedPod("a", PodGroup.READY, GroupReason.COUNTED),
            SortedPod("b", PodGroup.READY, GroupReason.COUNTED),
            SortedPod("c", PodGroup.MISSING, GroupReason.NO_METRIC),
        ),
        tolerances=Tolerances(),
    )
    assert (proposal.ratio, proposal.held) == (1.26, False)
    assert proposal.in_group(PodGroup.MISSING) == ("c",)


@pytest.mark.parametrize(("target_percent", "assumed_millicores"), [(70, 200), (150, 300)])
def test_a_missing_pod_counts_as_busy_on_a_scale_down(target_percent: int, assumed_millicores: int) -> None:
    proposal = propose_replicas(3, target_percent, [pod("a", 20), pod("b", 20), pod("c", None)])

    assert proposal.assumed == (AssumedUsage("c", assumed_millicores),)


def test_an_unready_pod_counts_as_idle_on_a_scale_up_and_not_at_all_on_a_scale_down() -> None:
    starting = dataclasses.replace(pod("c", 500), ready=False, start_age_s=20, transition_age_s=20)

    up = propose_replicas(3, 50, [pod("a", 190), pod("b", 190), starting])
    down = propose_replicas(3, 50, [pod("a", 20), pod("b", 20), starting])

    assert (up.replicas, up.assumed, up.utilization_percent) == (4, (AssumedUsage("c", 0),), 95)
    assert (down.replicas, down.assumed, down.filled) == (1, (), None)


@pytest.mark.parametrize(
    ("usages", "current", "rule"),
    [
        ([110, 110, None], 3, ProposalRule.FILLED_CHANGES_DIRECTION),
        ([150, 150, None], 3, ProposalRule.FILLED_WITHIN_TOLERANCE),
        ([190, 190, None], 9, ProposalRule.COUNT_CONTRADICTS_RATIO),
    ],
)
def test_doubts_hold_the_current_replicas(usages: list[int | None], current: int, rule: ProposalRule) -> None:
    proposal = propose_replicas(current, 50, [pod(f"web-{n}", usage) for n, usage in enumerate(usages)])

    assert (proposal.replicas, proposal.rule, proposal.held) == (current, rule, True)


BASE = pod("a", 100)


@pytest.mark.parametrize(
    ("sample", "group", "reason"),
    [
        (dataclasses.replace(BASE, deleting=True, phase="Pending"), PodGroup.IGNORED, GroupReason.DELETING),
        (dataclasses.replace(BASE, phase="Failed", usage_millicores=None), PodGroup.IGNORED, GroupReason.FAILED),
        (dataclasses.replace(BASE, phase="Pending", usage_millicores=None), PodGroup.UNREADY, GroupReason.PENDING),
        (dataclasses.replace(BASE, ready=None, usage_millicores=None), PodGroup.MISSING, GroupReason.NO_METRIC),
        (dataclasses.replace(BASE, ready=None), PodGroup.UNREADY, GroupReason.NO_READY_CONDITION),
        (dataclasses.replace(BASE, start_age_s=None), PodGroup.UNREADY, GroupReason.NO_START_TIME),
        (
            dataclasses.replace(BASE, start_age_s=299, ready=False, transition_age_s=200),
            PodGroup.UNREADY,
            GroupReason.STARTING_NOT_READY,
        ),
        (
            dataclasses.replace(BASE, start_age_s=299, transition_age_s=34),
            PodGroup.UNREADY,
            GroupReason.STARTING_SAMPLE_TOO_EARLY,
        ),
        (dataclasses.replace(BASE, start_age_s=299, transition_age_s=35), PodGroup.READY, GroupReason.COUNTED),
        (dataclasses.replace(BASE, start_age_s=300, transition_age_s=1), PodGroup.READY, GroupReason.COUNTED),
        (
            dataclasses.replace(BASE, ready=False, start_age_s=900, transition_age_s=871),
            PodGroup.UNREADY,
            GroupReason.NEVER_READY,
        ),
        (
            dataclasses.replace(BASE, ready=False, start_age_s=900, transition_age_s=870),
            PodGroup.READY,
            GroupReason.COUNTED,
        ),
        (dataclasses.replace(BASE, phase="Succeeded"), PodGroup.READY, GroupReason.COUNTED),
        (dataclasses.replace(BASE, ready=False, transition_age_s=None), PodGroup.UNREADY, GroupReason.NEVER_READY),
    ],
)
def test_pods_are_sorted(sample: PodSample, group: PodGroup, reason: GroupReason) -> None:
    proposal = propose_replicas(2, 50, [sample, pod("z", 100)])

    assert proposal.pods[0] == SortedPod("a", group, reason)


def test_the_periods_of_the_controller_can_differ() -> None:
    young = dataclasses.replace(BASE, ready=False, start_age_s=100, transition_age_s=80)

    def reason(period_s: float, delay_s: float) -> GroupReason:
        proposal = propose_replicas(1, 50, [young], cpu_initialization_period_s=period_s, initial_readiness_delay_s=delay_s)
        return proposal.pods[0].reason

    assert reason(300, 30) is GroupReason.STARTING_NOT_READY
    assert reason(60, 30) is GroupReason.NEVER_READY
    assert reason(60, 10) is GroupReason.COUNTED


@pytest.mark.parametrize(
    ("pods", "error"),
    [
        ([], "unable to get metrics for resource cpu: no metrics returned from resource metrics API"),
        (
            [pod("a", None), pod("b", None)],
            "unable to get metrics for resource cpu: no metrics returned from resource metrics API",
        ),
        (
            [dataclasses.replace(BASE, ready=None, requests_millicores=(None,)), pod("b", None)],
            "did not receive metrics for targeted pods (pods might be unready)",
        ),
        (
            [BASE, dataclasses.replace(BASE, name="b", deleting=True, requests_millicores=(100, None))],
            "missing request for cpu in container c1 of Pod b",
        ),
        (
            [dataclasses.replace(BASE, requests_millicores=(100, None), container_names=("app", "proxy"))],
            "missing request for cpu in container proxy of Pod a",
        ),
        ([dataclasses.replace(BASE, requests_millicores=(0,))], "no metrics returned matched known pods"),
    ],
)
def test_a_metric_that_fails_proposes_nothing(pods: list[PodSample], error: str) -> None:
    proposal = propose_replicas(2, 50, pods)

    assert (proposal.replicas, proposal.utilization_percent, proposal.error, proposal.rule, proposal.ratio) == (
        None,
        None,
        error,
        ProposalRule.FAILED,
        None,
    )


def test_a_usage_beyond_int32_overflows_as_in_the_controller() -> None:
    proposal = propose_replicas(2, 1, [pod("a", 50_000_000, request_millicores=1)])

    assert (proposal.replicas, proposal.utilization_percent) == (705_032_704, 705_032_704)


def test_impossible_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^the target utilization must be at least 1 percent, got 0$"):
        propose_replicas(1, 0, [BASE])
    with pytest.raises(ValueError, match=r"^the target utilization must be at least 1 percent, got 0$"):
        desired_from_utilization(1, 50, 0)
    with pytest.raises(ValueError, match=r"^two pods have the same name$"):
        propose_replicas(1, 50, [BASE, BASE])
    with pytest.raises(ValueError, match=r"^pod a: 1 container names for 2 requests$"):
        dataclasses.replace(BASE, requests_millicores=(1, 2), container_names=("app",))


def test_the_average_usage_is_that_of_the_status() -> None:
    measured = propose_replicas(2, 50, [pod("a", 101), pod("b", 200)]).measured

    assert measured is not None
    assert measured.average_usage_millicores == 150


@pytest.mark.parametrize(
    ("ready", "utilization_percent", "target_percent", "desired"),
    [(2, 95, 50, 4), (2, 55, 50, 2), (2, 56, 50, 3), (5, 10, 70, 1), (5, 0, 70, 0), (3, 64, 70, 3), (3, 63, 70, 3)],
)
def test_desired_from_the_status_alone(ready: int, utilization_percent: int, target_percent: int, desired: int) -> None:
    assert desired_from_utilization(ready, utilization_percent, target_percent) == desired
