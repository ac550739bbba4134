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
from shelterctl.core.load.clocks import WRITING_S
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
    limit_millicores = _limit_millicores(round_)
    if limit_millicores is None:
        return 0
    own_millicores = max(0.0, round_.cpu_millicores - before * limit_millicores)
    return int(cpu_percent * own_millicores / round_.cpu_millicores)


def round_read(scaler: Autoscaler, usage: Sequence[UsagePoint], at_s: float) -> int | None:
    """Which of the rounds the autoscaler decided on at `at_s`, to add pods; None where none can be it.

    It is the newest that was seen by then. Rounds are looked for every few seconds, so that the controller may have read a newer one: where
    the one that was seen calls for nothing, it is the next, if that was measured by then.
    """
    seen = [number for number, point in enumerate(usage) if point.seen_at_s <= at_s]
    if not seen:
        return None
    number = seen[-1]
    while number + 1 < len(usage) and usage[number + 1].sampled_at_s <= at_s and _is_idle(scaler, usage[number]):
        number += 1
    return number


def confirmed_replicas(
    scaler: Autoscaler, usage: Sequence[UsagePoint], *, read: int | None, replicas: int, idle_at_first: bool
) -> int | None:
    """For how many replicas this load alone calls, where that is more than `replicas`; for a decision on a measurement of two times.

    `usage` are the rounds of the whole run in order, `read` is the one that was decided on. It began before the load and ended under it,
    and the load's share of it can make up what is more than idle in it: the pods' limits let through so much. Before it, the application
    was idle (`idle_at_first`, and a round that joins it). Then the first two rounds after it decide, which lie wholly under the load: what
    the pods that were there before use, and as much for each that came meanwhile at most, less what each of these uses idle, on the
    replicas before. None where that calls for no more, and where one of these cannot be told.
    """
    if not read or not idle_at_first or not scaler.cpu_target_percent or not replicas:
        return None
    mixed, before = usage[read], usage[read - 1]
    if mixed.measured_from_s is None or not mixed.measured_from_s < 0 < mixed.sampled_at_s or before.sampled_at_s > 0:
        return None
    if before.sampled_at_s + WRITING_S < mixed.measured_from_s or not _is_idle(scaler, before):
        return None
    idle_millicores = before.cpu_millicores / before.pods
    if mixed.cpu_millicores > idle_millicores * mixed.pods + _most_under_load(mixed):
        return None
    until_s = mixed.sampled_at_s + 1.5 * mixed.window_s
    later = [p for p in usage[read + 1 :] if p.measured_from_s is not None and 0 <= p.measured_from_s <= until_s]
    for point in later[:2]:
        if not point.request_millicores or not point.old_pods:
            continue
        came = point.steady_pods - point.old_pods
        used = point.old_millicores + min(point.steady_millicores - point.old_millicores, came * point.old_millicores / point.old_pods)
        own_millicores = used - max(0, point.steady_pods - replicas) * idle_millicores
        wanted = _called_for(scaler, own_millicores, replicas, point.request_millicores)
        if wanted > replicas:
            return min(wanted, scaler.maximum)
    return None


def _is_idle(scaler: Autoscaler, point: UsagePoint) -> bool:
    """Whether a round calls for no more pods. Where that cannot be told, it does not count as idle."""
    if not point.pods or not point.request_millicores or not scaler.cpu_target_percent:
        return False
    return _called_for(scaler, point.cpu_millicores, point.pods, point.request_millicores) <= point.pods


def _called_for(scaler: Autoscaler, used_millicores: float, replicas: int, request_millicores: float) -> int:
    """The replicas that so much use calls for where so many share it; of an autoscaler with a target."""
    percent = int(100 * used_millicores / (replicas * request_millicores))
    return desired_from_utilization(replicas, percent, scaler.cpu_target_percent or 0, tolerances(scaler).scale_up)


def _limit_millicores(point: UsagePoint) -> float | None:
    """The limits of a round's pods together; None where they have none, and where nothing was used by which they could be told."""
    return 100 * point.cpu_millicores / point.limit_percent if point.limit_percent and point.cpu_millicores else None


def _most_under_load(mixed: UsagePoint) -> float:
    """The most that the part of a round under the load can have made of its mean (millicores): the pods' limits, for that time."""
    limit_millicores = _limit_millicores(mixed)
    if limit_millicores is None or mixed.measured_from_s is None or mixed.window_s <= 0:
        return 0.0
    # By how much its times are uncertain, it may have ended later.
    unsure_s = max(0.0, mixed.sampled_at_s - mixed.window_s - mixed.measured_from_s)
    return limit_millicores * min(1.0, (mixed.sampled_at_s + unsure_s) / mixed.window_s)


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
