"""What holds for every proposal of the HorizontalPodAutoscaler."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelterctl.core.hpa.algorithm import PodSample, desired_from_utilization, propose_replicas

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


ready_pods = st.lists(st.integers(0, 2000), min_size=1, max_size=8).map(
    lambda usages: [pod(f"web-{position}", usage) for position, usage in enumerate(usages)]
)
targets = st.integers(1, 300)


@st.composite
def any_pods(draw: st.DrawFn) -> list[PodSample]:
    """Pods of any kind after one that counts, so that there is always a utilization."""
    return [pod("first", draw(st.integers(0, 1000)))] + [
        PodSample(
            name=f"web-{position}",
            phase=draw(st.sampled_from(["Running", "Running", "Pending", "Failed", "Succeeded"])),
            ready=draw(st.sampled_from([True, True, False, None])),
            start_age_s=draw(st.none() | st.integers(0, 1000)),
            transition_age_s=draw(st.none() | st.integers(0, 1000)),
            deleting=draw(st.booleans()) and draw(st.booleans()),
            requests_millicores=tuple(draw(st.lists(st.integers(0, 500), min_size=1, max_size=2))),
            usage_millicores=draw(st.none() | st.integers(0, 1000)),
            sample_age_s=draw(st.integers(0, 60)),
        )
        for position in range(draw(st.integers(0, 5)))
    ]


@given(ready_pods, targets)
def test_with_every_pod_ready_the_status_alone_is_enough(pods: list[PodSample], target_percent: int) -> None:
    proposal = propose_replicas(len(pods), target_percent, pods)

    assert proposal.utilization_percent is not None
    assert proposal.replicas == desired_from_utilization(len(pods), proposal.utilization_percent, target_percent)


@given(ready_pods, targets, st.integers(0, 7), st.integers(0, 1000))
def test_more_usage_never_proposes_fewer_replicas(pods: list[PodSample], target_percent: int, position: int, extra_millicores: int) -> None:
    chosen = pods[position % len(pods)]
    busier = [
        dataclasses.replace(one, usage_millicores=(one.usage_millicores or 0) + extra_millicores) if one is chosen else one for one in pods
    ]

    before = propose_replicas(len(pods), target_percent, pods).replicas
    after = propose_replicas(len(pods), target_percent, busier).replicas

    assert before is not None
    assert after is not None
    assert after >= before


@given(any_pods(), targets, st.integers(0, 20), st.floats(0, 0.9))
def test_within_the_tolerance_nothing_changes(pods: list[PodSample], target_percent: int, current: int, tolerance: float) -> None:
    proposal = propose_replicas(current, target_percent, pods, tolerance=tolerance)

    assert proposal.ratio is not None

    if 1.0 - tolerance <= proposal.ratio <= 1.0 + tolerance:
        assert proposal.replicas == current
    if proposal.held:
        assert proposal.replicas == current


@given(any_pods(), targets, st.integers(0, 20))
def test_pods_in_doubt_never_turn_the_direction(pods: list[PodSample], target_percent: int, current: int) -> None:
    proposal = propose_replicas(current, target_percent, [*pods, pod("unmeasured", None)])

    assert proposal.replicas is not None
    assert proposal.measured is not None

    assert proposal.replicas <= current or proposal.measured.ratio > 1.0
    assert proposal.replicas >= current or proposal.measured.ratio < 1.0


@given(any_pods(), targets, st.integers(0, 20))
def test_neither_order_nor_ignored_pods_matter(pods: list[PodSample], target_percent: int, current: int) -> None:
    def outcome(samples: list[PodSample]) -> tuple[object, ...]:
        proposal = propose_replicas(current, target_percent, samples)
        return proposal.replicas, proposal.utilization_percent, proposal.error, proposal.rule, proposal.ratio

    gone = dataclasses.replace(pod("gone", None), deleting=True)

    assert outcome([gone, *reversed(pods)]) == outcome(pods)
