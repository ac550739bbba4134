"""Stabilization windows and rate limits: from what the metrics ask for to what the scale becomes.

Source: ``normalizeDesiredReplicas`` and ``normalizeDesiredReplicasWithBehaviors`` in Kubernetes'
``pkg/controller/podautoscaler/horizontal.go``, release 1.34.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from shelterctl.core.hpa.behavior import (
    DEFAULT_DOWNSCALE_STABILIZATION_S,
    EffectiveBehavior,
    EffectiveRules,
    PolicyType,
    ScalingPolicy,
    SelectPolicy,
)
from shelterctl.core.hpa.conditions import Condition, ConditionReason, able_to_scale, scaling_limited
from shelterctl.core.hpa.int32 import INT32_MAX, INT32_MIN, int32_from_float, wrap_int


class _Timed(Protocol):
    @property
    def at_s(self) -> float: ...


_Entry = TypeVar("_Entry", bound=_Timed)


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Replicas the metrics asked for, before stabilization, at a time in seconds of any clock that doesn't jump."""

    replicas: int
    at_s: float


@dataclass(frozen=True, slots=True)
class ScaleEvent:
    """Replicas added, or removed, by one rescale; never negative."""

    change: int
    at_s: float


@dataclass(frozen=True, slots=True)
class History:
    """What the controller remembers of one HPA. It is in its memory only, and starts empty when it restarts.

    Entries too old to matter stay until a new one takes their place, as in the controller: a scale-down policy with
    a longer period than the scale-up policies therefore sees some of the older scale-ups, and not others.
    """

    recommendations: tuple[Recommendation, ...] = ()
    scale_ups: tuple[ScaleEvent, ...] = ()
    scale_downs: tuple[ScaleEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class Normalized:
    """The result of stabilization and limits.

    :param replicas: what to set the scale to.
    :param stabilized_replicas: the recommendation after the windows, before the limits.
    :param rate_limit_replicas: how far the policies, or without a behavior max(2 * current, 4), allow to go in the
        direction of the change; None where they weren't asked.
    :param history: with the new recommendation remembered.
    """

    replicas: int
    stabilized_replicas: int
    rate_limit_replicas: int | None
    able_to_scale: Condition
    scaling_limited: Condition
    history: History


@dataclass(frozen=True, slots=True)
class Stabilizer:
    """The settings of one HPA that turn a recommendation into a replica count.

    :param behavior: with its defaults filled in; None where the HPA has none, which follows other rules.
    :param downscale_stabilization_s: the controller's window, used without a behavior.
    :raises ValueError: bounds that the API server refuses.
    """

    min_replicas: int
    max_replicas: int
    behavior: EffectiveBehavior | None = None
    downscale_stabilization_s: float = DEFAULT_DOWNSCALE_STABILIZATION_S

    def __post_init__(self) -> None:
        if not 0 <= self.min_replicas <= self.max_replicas or self.max_replicas < 1:
            raise ValueError(f"replicas from {self.min_replicas} to {self.max_replicas} are no range")

    def normalize(self, history: History, current: int, desired: int, now_s: float) -> Normalized:
        """Apply windows, then limits, to what the metrics ask for.

        :param current: the scale's replicas, within the bounds: outside them the controller doesn't come this far.
        """
        if self.behavior is None:
            return self._without_behavior(history, current, desired, now_s)
        return _with_behavior(self, self.behavior, history, current, desired, now_s)

    def remember_rescale(self, history: History, before: int, after: int, now_s: float) -> History:
        """The history after the scale was set; only an HPA with a behavior remembers it."""
        if self.behavior is None:
            return history
        if after > before:
            period_s = self.behavior.scale_up.longest_period_s
            ups = _remember(history.scale_ups, ScaleEvent(after - before, now_s), lambda at_s: now_s - at_s > period_s)
            return replace(history, scale_ups=ups)
        period_s = self.behavior.scale_down.longest_period_s
        downs = _remember(history.scale_downs, ScaleEvent(before - after, now_s), lambda at_s: now_s - at_s > period_s)
        return replace(history, scale_downs=downs)

    def _without_behavior(self, history: History, current: int, desired: int, now_s: float) -> Normalized:
        def is_old(at_s: float) -> bool:
            return now_s - at_s > self.downscale_stabilization_s

        recent = [entry.replicas for entry in history.recommendations if not is_old(entry.at_s)]
        stabilized = max([desired, *recent])
        rate_limit = int32_from_float(max(2.0 * current, 4.0))
        if self.max_replicas > rate_limit:
            highest, reason = rate_limit, ConditionReason.SCALE_UP_LIMIT
        else:
            highest, reason = self.max_replicas, ConditionReason.TOO_MANY_REPLICAS
        if stabilized < self.min_replicas:
            replicas, reason = self.min_replicas, ConditionReason.TOO_FEW_REPLICAS
        elif stabilized > highest:
            replicas = highest
        else:
            replicas, reason = stabilized, ConditionReason.DESIRED_WITHIN_RANGE
        return Normalized(
            replicas=replicas,
            stabilized_replicas=stabilized,
            rate_limit_replicas=rate_limit,
            able_to_scale=_ability(desired, stabilized, ConditionReason.SCALE_DOWN_STABILIZED),
            scaling_limited=scaling_limited(replicas != stabilized, reason),
            history=_with_recommendation(history, Recommendation(desired, now_s), is_old),
        )


def _with_behavior(
    stabilizer: Stabilizer, behavior: EffectiveBehavior, history: History, current: int, desired: int, now_s: float
) -> Normalized:
    up_window_s = behavior.scale_up.stabilization_window_s
    down_window_s = behavior.scale_down.stabilization_window_s
    ages = [(entry.replicas, now_s - entry.at_s) for entry in history.recommendations]
    lowest = min([desired, *(replicas for replicas, age_s in ages if age_s < up_window_s)])
    highest = max([desired, *(replicas for replicas, age_s in ages if age_s < down_window_s)])
    stabilized = min(max(current, lowest), highest)
    stabilized_reason = ConditionReason.SCALE_UP_STABILIZED if desired >= current else ConditionReason.SCALE_DOWN_STABILIZED
    replicas, rate_limit, reason = _limit(stabilizer, behavior, history, current, stabilized, now_s)
    longest_window_s = max(up_window_s, down_window_s)
    return Normalized(
        replicas=replicas,
        stabilized_replicas=stabilized,
        rate_limit_replicas=rate_limit,
        able_to_scale=_ability(desired, stabilized, stabilized_reason),
        scaling_limited=scaling_limited(replicas != stabilized, reason),
        history=_with_recommendation(history, Recommendation(desired, now_s), lambda at_s: now_s - at_s > longest_window_s),
    )


def _limit(
    stabilizer: Stabilizer, behavior: EffectiveBehavior, history: History, current: int, stabilized: int, now_s: float
) -> tuple[int, int | None, ConditionReason]:
    """The replicas within policies and bounds, the policies' limit, and the reason for ScalingLimited."""
    if stabilized > current:
        # Never below current: policies already overdrawn stop the scale-up and don't reverse it.
        up_limit = max(_scale_up_limit(behavior.scale_up, history, current, now_s), current)
        if stabilized > min(up_limit, stabilizer.max_replicas):
            if stabilizer.max_replicas > up_limit:
                return up_limit, up_limit, ConditionReason.SCALE_UP_LIMIT
            return stabilizer.max_replicas, up_limit, ConditionReason.TOO_MANY_REPLICAS
        return stabilized, up_limit, ConditionReason.DESIRED_WITHIN_RANGE
    if stabilized < current:
        down_limit = min(_scale_down_limit(behavior.scale_down, history, current, now_s), current)
        if stabilized < max(down_limit, stabilizer.min_replicas):
            if stabilizer.min_replicas < down_limit:
                return down_limit, down_limit, ConditionReason.SCALE_DOWN_LIMIT
            return stabilizer.min_replicas, down_limit, ConditionReason.TOO_FEW_REPLICAS
        return stabilized, down_limit, ConditionReason.DESIRED_WITHIN_RANGE
    return stabilized, None, ConditionReason.DESIRED_WITHIN_RANGE


def _scale_up_limit(rules: EffectiveRules, history: History, current: int, now_s: float) -> int:
    def proposal(policy: ScalingPolicy) -> int:
        start = _replicas_at_period_start(policy, history, current, now_s)
        if policy.type is PolicyType.PODS:
            return wrap_int(start + policy.value)
        return int32_from_float(float(math.ceil(start * (1 + policy.value / 100))))

    match rules.select_policy:
        case SelectPolicy.DISABLED:
            return current
        case SelectPolicy.MIN:
            return min((proposal(policy) for policy in rules.policies), default=INT32_MAX)
        case SelectPolicy.MAX:
            return max((proposal(policy) for policy in rules.policies), default=INT32_MIN)


def _scale_down_limit(rules: EffectiveRules, history: History, current: int, now_s: float) -> int:
    def proposal(policy: ScalingPolicy) -> int:
        start = _replicas_at_period_start(policy, history, current, now_s)
        if policy.type is PolicyType.PODS:
            return start - policy.value
        return int32_from_float(start * (1 - policy.value / 100))

    match rules.select_policy:
        case SelectPolicy.DISABLED:
            return current
        case SelectPolicy.MIN:
            return max((proposal(policy) for policy in rules.policies), default=INT32_MIN)
        case SelectPolicy.MAX:
            return min((proposal(policy) for policy in rules.policies), default=INT32_MAX)


def _replicas_at_period_start(policy: ScalingPolicy, history: History, current: int, now_s: float) -> int:
    def within(events: Sequence[ScaleEvent]) -> int:
        return sum(event.change for event in events if now_s - event.at_s < policy.period_s)

    return current - within(history.scale_ups) + within(history.scale_downs)


def _ability(desired: int, stabilized: int, stabilized_reason: ConditionReason) -> Condition:
    return able_to_scale(ConditionReason.READY_FOR_NEW_SCALE if stabilized == desired else stabilized_reason)


def _with_recommendation(history: History, entry: Recommendation, is_old: Callable[[float], bool]) -> History:
    return replace(history, recommendations=_remember(history.recommendations, entry, is_old))


def _remember(entries: tuple[_Entry, ...], entry: _Entry, is_old: Callable[[float], bool]) -> tuple[_Entry, ...]:
    """Put the entry in the place of the last old one, as the controller does, or at the end."""
    for position in reversed(range(len(entries))):
        if is_old(entries[position].at_s):
            return (*entries[:position], entry, *entries[position + 1 :])
    return (*entries, entry)
