"""A CPU limit that keeps the utilization below the point where the HorizontalPodAutoscaler scales up."""

from collections.abc import Sequence
from dataclasses import dataclass

from shelterctl.core.hpa.tolerance import DEFAULT_TOLERANCE, Tolerances


@dataclass(frozen=True, slots=True)
class DeadZone:
    """A target that the pods' CPU limits keep out of reach.

    :param target_percent: the target as it is.
    :param ceiling_percent: the highest utilization the limits allow: ``100 * limits / requests``, truncated.
    :param scale_up_from_percent: the lowest utilization that would scale up at this target.
    :param highest_working_target_percent: the highest target at which the ceiling still scales up; None when even a
        target of 1 does not.
    """

    target_percent: int
    ceiling_percent: int
    scale_up_from_percent: int
    highest_working_target_percent: int | None


def dead_zone(
    limits_millicores: Sequence[int | None],
    requests_millicores: Sequence[int],
    target_percent: int,
    *,
    tolerance: float = DEFAULT_TOLERANCE,
) -> DeadZone | None:
    """Find out whether CPU throttling keeps a pod's utilization from ever passing the target beyond the tolerance.

    With limits equal to requests, utilization ends at 100 %, and a target of 91 % or more never scales up.

    :param limits_millicores: the limit of each container; None where there is none.
    :param requests_millicores: the request of each container, in the same order.
    :returns: None when the target can be passed: a container without a limit can use the whole node.
    :raises ValueError: a target below 1, lists of different lengths, or requests that add up to nothing, over which
        there is no utilization.
    """
    if target_percent < 1:
        raise ValueError(f"the target utilization must be at least 1 percent, got {target_percent}")
    if len(limits_millicores) != len(requests_millicores):
        raise ValueError(f"{len(limits_millicores)} limits for {len(requests_millicores)} requests")
    requested = sum(requests_millicores)
    if requested <= 0:
        raise ValueError("the containers request no CPU, so there is no utilization")
    limits = [limit for limit in limits_millicores if limit is not None]
    if len(limits) < len(limits_millicores):
        return None
    ceiling_percent = 100 * sum(limits) // requested
    if _scales_up(ceiling_percent, target_percent, tolerance):
        return None
    return DeadZone(
        target_percent=target_percent,
        ceiling_percent=ceiling_percent,
        scale_up_from_percent=_lowest_that_scales_up(target_percent, tolerance),
        highest_working_target_percent=_highest_working_target(ceiling_percent, tolerance),
    )


def _scales_up(utilization_percent: int, target_percent: int, tolerance: float) -> bool:
    ratio = utilization_percent / target_percent
    return ratio > 1.0 and not Tolerances(tolerance, tolerance).holds(ratio)


# The searches start one off their first guess, to the safe side: the controller compares ratios, and float64 rounds those
# differently from the products.


def _lowest_that_scales_up(target_percent: int, tolerance: float) -> int:
    percent = int(target_percent * (1.0 + tolerance)) - 1
    while not _scales_up(percent, target_percent, tolerance):
        percent += 1
    return percent


def _highest_working_target(ceiling_percent: int, tolerance: float) -> int | None:
    target = int(ceiling_percent / (1.0 + tolerance)) + 1
    while target >= 1 and not _scales_up(ceiling_percent, target, tolerance):
        target -= 1
    return target if target >= 1 else None
