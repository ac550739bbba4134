"""How closely the replicas that were ready followed the replicas that were demanded.

Source: Herbst, Kounev and Reussner, "Elasticity in Cloud Computing: What It Is, and What It Is Not" (ICAC 2013), and
the elasticity metrics of the SPEC RG Cloud group, which normalize the accuracies by the demand.
"""

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

DEFAULT_INSTABILITY_INTERVAL_S = 15.0


@dataclass(frozen=True, slots=True)
class Step:
    """From ``at_s`` on, until the next step, there are this many replicas."""

    at_s: float
    replicas: int


@dataclass(frozen=True, slots=True)
class Elasticity:
    """Percent of the demand, or of the time; 0 is best in all of them.

    :param under_accuracy_percent: replicas lacking, relative to the demand, averaged over time: 0 to 100.
    :param over_accuracy_percent: replicas in excess, relative to the demand, averaged over time: from 0, without end.
    :param under_timeshare_percent: share of the time in which replicas were lacking.
    :param over_timeshare_percent: share of the time in which there were too many.
    :param instability_percent: share of the time in which demanded and ready replicas moved in different directions.
    """

    duration_s: float
    under_accuracy_percent: float
    over_accuracy_percent: float
    under_timeshare_percent: float
    over_timeshare_percent: float
    instability_percent: float


def replicas_demanded(offered_per_s: float, capacity_per_replica_per_s: float) -> int:
    """Replicas needed to serve the offered rate: at least one, which answers the first request.

    The demand must not come from CPU usage: at saturation the limits cap it, and hide what is lacking.

    :param offered_per_s: requests sent, whether or not they were answered.
    :param capacity_per_replica_per_s: the highest rate at which one replica meets the objective, from calibration.
    :raises ValueError: a negative or endless rate, or no capacity.
    """
    if not (0 <= offered_per_s < math.inf and 0 < capacity_per_replica_per_s < math.inf):
        raise ValueError(f"no demand from {offered_per_s} per s offered and {capacity_per_replica_per_s} per s each")
    # Rounded first: three times a measured capacity must not become four replicas by a float's last digit.
    return max(1, math.ceil(round(offered_per_s / capacity_per_replica_per_s, 9)))


def elasticity(
    demanded: Sequence[Step],
    ready: Sequence[Step],
    *,
    start_s: float,
    end_s: float,
    interval_s: float = DEFAULT_INSTABILITY_INTERVAL_S,
) -> Elasticity:
    """Compare two step functions between ``start_s`` and ``end_s``.

    With d demanded, s ready and T the duration: under-provisioning accuracy is ``100/T * sum(max(d - s, 0) / d * dt)``,
    its timeshare ``100/T * sum([d > s] * dt)``; over-provisioning alike with s - d.

    Instability needs an interval, since a step function stands still nearly always: the time is cut into intervals, and
    one counts where d and s change with different signs over it. That includes one standing still while the other
    moves: replicas that follow a demand later than one interval count twice.

    :param demanded: steps in order of time, the first not after ``start_s``; at least 1 replica each.
    :param ready: the same, at least 0 replicas each.
    :param interval_s: the interval for the instability; the HPA's own period by default. The last may be shorter.
    :raises ValueError: steps that don't cover the time, out of order or out of range; an empty time or interval.
    """
    if not start_s < end_s or not interval_s > 0:
        raise ValueError(f"nothing to measure from {start_s} s to {end_s} s in intervals of {interval_s} s")
    _check(demanded, start_s, 1, "demanded")
    _check(ready, start_s, 0, "ready")
    # A step at the very end changes nothing within the time.
    demanded = [step for step in demanded if step.at_s < end_s]
    ready = [step for step in ready if step.at_s < end_s]
    lacking_s = excess_s = under_s = over_s = 0.0
    for d, s, dt in _stretches(demanded, ready, start_s, end_s):
        lacking_s += max(d - s, 0) / d * dt
        excess_s += max(s - d, 0) / d * dt
        under_s += dt if d > s else 0.0
        over_s += dt if s > d else 0.0
    duration_s = end_s - start_s
    diverging_s = _diverging_s(demanded, ready, start_s, end_s, interval_s)
    share = 100.0 / duration_s
    return Elasticity(
        duration_s=duration_s,
        under_accuracy_percent=share * lacking_s,
        over_accuracy_percent=share * excess_s,
        under_timeshare_percent=share * under_s,
        over_timeshare_percent=share * over_s,
        instability_percent=share * diverging_s,
    )


def _check(steps: Sequence[Step], start_s: float, lowest: int, name: str) -> None:
    if not steps or steps[0].at_s > start_s:
        raise ValueError(f"{name}: the replicas at {start_s} s are not known")
    for earlier, later in pairwise(steps):
        if not earlier.at_s < later.at_s:
            raise ValueError(f"{name}: the step at {later.at_s} s does not come after the one at {earlier.at_s} s")
    for step in steps:
        if step.replicas < lowest:
            raise ValueError(f"{name}: {step.replicas} replicas at {step.at_s} s, expected at least {lowest}")


def _stretches(demanded: Sequence[Step], ready: Sequence[Step], start_s: float, end_s: float) -> Iterator[tuple[int, int, float]]:
    """The stretches of time in which neither changes: replicas demanded, replicas ready, seconds."""
    changes = {step.at_s for step in (*demanded, *ready) if step.at_s > start_s}
    for since_s, until_s in pairwise(sorted({start_s, end_s} | changes)):
        yield replicas_at(demanded, since_s), replicas_at(ready, since_s), until_s - since_s


def _diverging_s(demanded: Sequence[Step], ready: Sequence[Step], start_s: float, end_s: float, interval_s: float) -> float:
    diverging_s = 0.0
    intervals = math.ceil((end_s - start_s) / interval_s)
    bounds_s = [*(start_s + interval_s * position for position in range(intervals)), end_s]
    for since_s, until_s in pairwise(bounds_s):
        demand_moved = _sign(replicas_at(demanded, until_s) - replicas_at(demanded, since_s))
        ready_moved = _sign(replicas_at(ready, until_s) - replicas_at(ready, since_s))
        diverging_s += until_s - since_s if demand_moved != ready_moved else 0.0
    return diverging_s


def replicas_at(steps: Sequence[Step], time_s: float) -> int:
    """The replicas at a time, which is not before the first step's."""
    return steps[bisect_right(steps, time_s, key=lambda step: step.at_s) - 1].replicas


def _sign(change: int) -> int:
    return (change > 0) - (change < 0)
