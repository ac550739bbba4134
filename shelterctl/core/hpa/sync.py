"""One pass of the HorizontalPodAutoscaler over its target, with everything it would write and say.

Source: ``reconcileAutoscaler`` and ``computeReplicasForMetrics`` in Kubernetes'
``pkg/controller/podautoscaler/horizontal.go``, release 1.34.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shelterctl.core.hpa.algorithm import ReplicaProposal
from shelterctl.core.hpa.conditions import (
    Condition,
    ConditionReason,
    Event,
    EventReason,
    able_to_scale,
    scaling_active,
)
from shelterctl.core.hpa.stabilization import History, Normalized, Recommendation, Stabilizer


@dataclass(frozen=True, slots=True)
class CombinedProposal:
    """The proposals of all metrics in one.

    :param replicas: the largest; None when the metrics don't allow a decision.
    :param metric: the metric that decided; empty when none did.
    :param error: why there is no decision.
    """

    replicas: int | None
    metric: str
    error: str | None
    scaling_active: Condition
    events: tuple[Event, ...]


def combine_proposals(current: int, proposals: Sequence[ReplicaProposal]) -> CombinedProposal:
    """Take the largest proposal, unless a metric failed and the rest would scale down: then there is no decision.

    The failures are told as those of a CPU utilization target.
    """
    replicas, metric = 0, ""
    failures = []
    for proposal in proposals:
        if proposal.replicas is None:
            failures.append(f"failed to get cpu utilization: {proposal.error}")
        elif replicas == 0 or proposal.replicas > replicas:
            replicas, metric = proposal.replicas, proposal.metric
    events = tuple(Event(EventReason.FAILED_GET_RESOURCE_METRIC, failure) for failure in failures)
    if len(failures) == len(proposals) or (failures and replicas < current):
        detail = failures[0] if failures else ""
        error = (
            f"invalid metrics ({len(failures)} invalid out of {len(proposals)}), "
            f"first error is: failed to get cpu resource metric value: {detail}"
        )
        active = scaling_active(False, ConditionReason.FAILED_GET_RESOURCE_METRIC, detail)
        events += (Event(EventReason.FAILED_COMPUTE_METRICS_REPLICAS, error),)
        return CombinedProposal(None, "", error, active, events)
    active = scaling_active(True, ConditionReason.VALID_METRIC_FOUND, metric)
    return CombinedProposal(replicas, metric, None, active, events)


@dataclass(frozen=True, slots=True)
class SyncOutcome:
    """What one pass decided.

    :param replicas: the scale's replicas afterwards.
    :param rescaled: whether the scale was written.
    :param conditions: those this pass sets; the others stay as they were.
    :param events: in the order they are recorded.
    :param combined: None when the metrics weren't read.
    :param normalized: None when stabilization and limits weren't reached.
    :param history: what the controller remembers afterwards.
    """

    replicas: int
    rescaled: bool
    conditions: tuple[Condition, ...]
    events: tuple[Event, ...]
    combined: CombinedProposal | None
    normalized: Normalized | None
    history: History


def sync(stabilizer: Stabilizer, history: History, current: int, proposals: Sequence[ReplicaProposal], now_s: float) -> SyncOutcome:
    """Decide once, as the controller does every 15 seconds, and take writing the scale as done.

    :param current: the scale's ``spec.replicas``. Zero with a minimum above zero disables scaling; outside the bounds
        the scale jumps to the nearer one, past metrics and behavior.
    :param proposals: one for each metric of the HPA, in its order.
    :param now_s: the time, on the clock of the history.
    :raises ValueError: no proposals; an HPA without metrics gets one by default.
    """
    if not proposals:
        raise ValueError("an HPA has at least one metric")
    if not history.recommendations:
        history = replace(history, recommendations=(Recommendation(current, now_s),))
    found_scale = able_to_scale(ConditionReason.SUCCEEDED_GET_SCALE)
    if current == 0 and stabilizer.min_replicas != 0:
        disabled = scaling_active(False, ConditionReason.SCALING_DISABLED)
        return SyncOutcome(0, False, (found_scale, disabled), (), None, None, history)
    if current > stabilizer.max_replicas:
        return _jump(stabilizer, history, current, stabilizer.max_replicas, "above Spec.MaxReplicas", now_s)
    if current < stabilizer.min_replicas:
        return _jump(stabilizer, history, current, stabilizer.min_replicas, "below Spec.MinReplicas", now_s)

    combined = combine_proposals(current, proposals)
    if combined.replicas is None:
        failed = (found_scale, combined.scaling_active)
        return SyncOutcome(current, False, failed, combined.events, combined, None, history)
    desired = max(combined.replicas, 0)
    normalized = stabilizer.normalize(history, current, desired, now_s)
    able, events, history = normalized.able_to_scale, combined.events, normalized.history
    rescaled = normalized.replicas != current
    if rescaled:
        reason = ""
        if desired > current:
            reason = f"{combined.metric} above target"
        elif desired < current:
            reason = "All metrics below target"
        able, event = _rescaled(normalized.replicas, reason)
        events += (event,)
        history = stabilizer.remember_rescale(history, current, normalized.replicas, now_s)
    conditions = (able, combined.scaling_active, normalized.scaling_limited)
    return SyncOutcome(normalized.replicas, rescaled, conditions, events, combined, normalized, history)


def _jump(stabilizer: Stabilizer, history: History, current: int, bound: int, reason: str, now_s: float) -> SyncOutcome:
    able, event = _rescaled(bound, f"Current number of replicas {reason}")
    history = stabilizer.remember_rescale(history, current, bound, now_s)
    return SyncOutcome(bound, True, (able,), (event,), None, None, history)


def _rescaled(replicas: int, reason: str) -> tuple[Condition, Event]:
    return (
        able_to_scale(ConditionReason.SUCCEEDED_RESCALE, replicas),
        Event(EventReason.SUCCESSFUL_RESCALE, f"New size: {replicas}; reason: {reason}"),
    )
