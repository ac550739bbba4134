"""CPU limits that keep the HorizontalPodAutoscaler from ever scaling up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelterctl.core.hpa.algorithm import desired_from_utilization
from shelterctl.core.hpa.dead_zone import DeadZone, dead_zone

pytestmark = pytest.mark.unit


def test_a_limit_equal_to_the_request_defeats_a_target_of_91_percent() -> None:
    assert dead_zone([200], [200], 91) == DeadZone(
        target_percent=91,
        ceiling_percent=100,
        scale_up_from_percent=101,
        highest_working_target_percent=90,
    )


@pytest.mark.parametrize(
    ("limits", "requests", "target_percent"),
    [
        ([200], [200], 90),
        ([500], [100], 400),
        ([None], [100], 1000),
        ([100, None], [100, 100], 95),  # the second container can use the whole node
    ],
)
def test_a_target_within_reach_is_no_dead_zone(limits: list[int | None], requests: list[int], target_percent: int) -> None:
    assert dead_zone(limits, requests, target_percent) is None


def test_the_containers_of_a_pod_add_up() -> None:
    assert dead_zone([150, 50], [100, 100], 95) == DeadZone(95, 100, 105, 90)
    assert dead_zone([300, 50], [100, 100], 95) is None


def test_a_wider_tolerance_widens_the_dead_zone() -> None:
    assert dead_zone([200], [200], 70, tolerance=0.5) == DeadZone(70, 100, 106, 66)
    assert dead_zone([200], [200], 99, tolerance=0.0) is None


def test_a_ceiling_of_one_percent_leaves_no_target() -> None:
    assert dead_zone([1], [100], 1) == DeadZone(1, 1, 2, None)


def test_impossible_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^the target utilization must be at least 1 percent, got 0$"):
        dead_zone([1], [1], 0)
    with pytest.raises(ValueError, match=r"^1 limits for 2 requests$"):
        dead_zone([1], [1, 1], 50)
    with pytest.raises(ValueError, match=r"^the containers request no CPU, so there is no utilization$"):
        dead_zone([1], [0], 50)


@given(st.integers(1, 2000), st.integers(1, 2000), st.integers(1, 400), st.sampled_from([0.0, 0.05, 0.1, 0.3]))
def test_it_agrees_with_the_proposal_at_the_ceiling(limit: int, request_: int, target_percent: int, tolerance: float) -> None:
    zone = dead_zone([limit], [request_], target_percent, tolerance=tolerance)

    scales_up = desired_from_utilization(5, 100 * limit // request_, target_percent, tolerance) > 5
    assert (zone is None) == scales_up


@given(st.integers(1, 2000), st.integers(1, 2000), st.integers(1, 400), st.sampled_from([0.0, 0.05, 0.1, 0.3]))
def test_its_figures_are_the_first_that_work(limit: int, request_: int, target_percent: int, tolerance: float) -> None:
    zone = dead_zone([limit], [request_], target_percent, tolerance=tolerance)
    if zone is None:
        return

    def scales_up(utilization_percent: int, target: int) -> bool:
        return desired_from_utilization(5, utilization_percent, target, tolerance) > 5

    assert scales_up(zone.scale_up_from_percent, target_percent)
    assert not scales_up(zone.scale_up_from_percent - 1, target_percent)
    highest = zone.highest_working_target_percent or 0
    assert highest == 0 or scales_up(zone.ceiling_percent, highest)
    assert not scales_up(zone.ceiling_percent, highest + 1)
