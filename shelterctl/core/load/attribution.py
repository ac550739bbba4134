"""Whether a decision of the autoscaler is this load's doing: what its own rules make of the reading that it decided on.

The rules are the controller's (`core.hpa`), with this autoscaler's target, tolerance, behavior and bounds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from shelterctl.core.controller import effective_behavior, stabilizer, tolerances
from shelterctl.core.hpa.algorithm import desired_from_utilization
from shelterctl.core.hpa.behavior import SelectPolicy
from shelterctl.core.hpa.stabilization import History, Recommendation, ScaleEvent
from shelterctl.core.load.timeline import UsagePoint
from shelterctl.core.state import Autoscaler


def scale_up_disabled(scaler: Autoscaler) -> bool:
    """Whether the autoscaler was told never to add a pod."""
    behavior = effective_behavior(scaler)
    return behavior is not None and behavior.scale_up.select_policy is SelectPolicy.DISABLED


def scale_up_period_s(scaler: Autoscaler) -> float:
    """The longest time (seconds) for which a scale-up uses up what its policies for more allow; 0 without a behavior."""
    behavior = effective_behavior(scaler)
    return 0.0 if behavior is None else float(behavior.scale_up.longest_period_s)


def own_percent(cpu_percent: int | None, round_: UsagePoint | None) -> int | None:
    """How much of a reading a load alone must have caused, in percent of the requests; None where that cannot be told.

    `round_` is the newest measurement that the autoscaler can have read, by times from the load's begin on. A measurement is a mean over
    its window. Of a window that began before the load, the part before can have held as much as the pods' limits let through.
    """
    if cpu_percent is None or round_ is None or round_.measured_from_s is None:
        return None
    if round_.measured_from_s >= 0:
        return cpu_percent
    before = min(1.0, -round_.measured_from_s / round_.window_s) if round_.window_s > 0 else 1.0
    if round_.limit_percent is None or not round_.cpu_millicores:
        return 0
    limit_millicores = 100 * round_.cpu_millicores / round_.limit_percent
    own_millicores = max(0.0, round_.cpu_millicores - before * limit_millicores)
    return int(cpu_percent * own_millicores / round_.cpu_millicores)


def confirmed_replicas(scaler: Autoscaler, usage: Sequence[UsagePoint], *, replicas: int, idle_at_first: bool, at_s: float) -> int | None:
    """For how many replicas this load alone calls, where that is more than `replicas`; for a decision on a measurement of two times.

    `usage` are the rounds of the whole run in order, `at_s` is when it was decided, by times from the load's begin on. The newest
    measurement that the decision can rest on began before the load and ended under it. Before it, the application was idle
    (`idle_at_first`, and a round that joins it). Then the first two rounds after it decide, which lie wholly under the load: what the ready
    pods use, less what each of those that came meanwhile uses idle, on the replicas before. None where that calls for no more, and where
    one of these cannot be told.
    """
    read = [number for number, point in enumerate(usage) if point.seen_at_s <= at_s][-1:]
    if not read or read[0] == 0 or not idle_at_first or not scaler.cpu_target_percent or not replicas:
        return None
    mixed, before, later = usage[read[0]], usage[read[0] - 1], usage[read[0] + 1 : read[0] + 3]
    if mixed.measured_from_s is None or not mixed.measured_from_s < 0 < mixed.sampled_at_s:
        return None
    if before.sampled_at_s > 0 or before.sampled_at_s + before.window_s < mixed.measured_from_s or not before.pods:
        return None
    idle_millicores = before.cpu_millicores / before.pods
    for point in later:
        if point.measured_from_s is None or point.measured_from_s < 0 or not point.request_millicores:
            continue
        own_millicores = point.steady_millicores - max(0, point.steady_pods - replicas) * idle_millicores
        percent = int(100 * own_millicores / (replicas * point.request_millicores))
        wanted = desired_from_utilization(replicas, percent, scaler.cpu_target_percent, tolerances(scaler).scale_up)
        if wanted > replicas:
            return min(wanted, scaler.maximum)
    return None


def most_replicas(
    scaler: Autoscaler, cpu_percent: int | None, *, replicas: int, ready: int, at_s: float, taken_away: int = 0
) -> int | None:
    """The most replicas that the autoscaler can have decided on from a reading; None where there is none.

    An upper bound. The reading is truncated to whole percent, so that anything below the next one can be behind it; nothing that was
    scaled before uses up what the policies allow; every pod that is ready has a metric. `taken_away` pods went within the policies' period:
    they are counted from the period's beginning, so that as many more may come (getReplicasChangePerPeriod).
    """
    if cpu_percent is None or not scaler.cpu_target_percent:
        return None
    ratio = (cpu_percent + 1) / scaler.cpu_target_percent
    wanted = replicas if ratio <= 1 + tolerances(scaler).scale_up else math.ceil(ratio * max(1, ready))
    bounds = stabilizer(scaler)
    history = History((Recommendation(wanted, at_s),), scale_downs=(ScaleEvent(taken_away, at_s),) if taken_away else ())
    return bounds.normalize(history, replicas, wanted, at_s).replicas
