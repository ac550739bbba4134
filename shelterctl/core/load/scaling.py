"""Judges whether a load showed that the autoscaler scales, and says why where it did not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from shelterctl.core.load.plan import LoadPlan
from shelterctl.core.load.timeline import Decision, NewPod, ReplicaPoint, Timeline
from shelterctl.core.verdict import Judgement, Reason, Verdict

#: From the reading that calls for more pods to a ready one: two syncs of the autoscaler (15 s each by default), a minute for the pod.
SCALE_UP_S = 90.0
#: A sync of the autoscaler and a poll: how long after a metric is there the autoscaler must have read it.
READ_AFTER_S = 20.0
#: Where the metric's own times cannot be seen: two periods of the slowest metrics pipeline in use (60 s on minikube), and a sync.
BLIND_METRIC_S = 140.0


class ScalingState(Enum):
    """What the run says about scaling."""

    SHOWN = "shown"
    NOT_CALLED_FOR = "not_called_for"
    TOO_SHORT = "too_short"
    AT_MAXIMUM = "at_maximum"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ScalingCheck:
    """The state and its judgement: PASS for a scale-up that was shown, FAIL for one that failed, else UNKNOWN with the reason."""

    state: ScalingState
    judgement: Judgement


def judge_scaling(plan: LoadPlan, timeline: Timeline) -> ScalingCheck:
    """What the timeline shows of the autoscaler.

    SHOWN needs a reading above the target and its tolerance that the load can have caused, a decision for more pods at or after it,
    and a pod that became ready after the decision, so that more were ready than before it. FAILED needs a reading above, for SCALE_UP_S
    and the autoscaler's stabilization window on end, below the maximum, without such a pod.
    """
    if not timeline.autoscaled:
        reason = Reason("there is no autoscaler: nothing can be said about scaling (--host URL tests the service alone)", "shelterctl up")
        return _unknown(ScalingState.UNKNOWN, reason)
    calling = [point for point in timeline.points if point.calls_for_more]
    ups = _decisions_of_this_load(timeline, calling)
    for decision in ups:
        pod = _pod_after(decision, timeline)
        if pod is not None:
            text = f"{decision.before} → {decision.after} replicas at {decision.at_s:.1f} s, {pod.pod} ready at {pod.ready_at_s:.1f} s"
            return ScalingCheck(ScalingState.SHOWN, Judgement(Verdict.PASS, (Reason(text),)))
    if timeline.metric_problem:
        reason = Reason(f"the autoscaler has no metric: {timeline.metric_problem}", "shelterctl doctor")
        return _unknown(ScalingState.UNKNOWN, reason)
    if not any(point.cpu_percent is not None for point in timeline.points):
        return _unknown(ScalingState.UNKNOWN, Reason("the autoscaler never had a metric during the load", "shelterctl doctor"))
    if any(gap.until_s is None for gap in timeline.blind):
        return _unknown(ScalingState.UNKNOWN, Reason("the cluster was lost from sight before scaling could be seen", "shelterctl status"))
    if calling:
        return _called_for(plan, timeline, calling, ups)
    return _not_called_for(plan, timeline)


def _called_for(plan: LoadPlan, timeline: Timeline, calling: list[ReplicaPoint], ups: list[Decision]) -> ScalingCheck:
    late = next((item for item in ups if item.ready < item.before and _exceeded(item.ready, item, timeline)), None)
    if late is not None:
        text = (
            f"{late.before} → {late.after} replicas were decided at {late.at_s:.0f} s, when {late.ready} were ready of {late.before}: "
            "the pods that became ready since are no more than had been asked for before"
        )
        return _unknown(ScalingState.UNKNOWN, Reason(text, plan.command(watched=True)))
    first = calling[0]
    reading = f"the autoscaler read {first.cpu_percent}% of {first.target_percent}% at {first.at_s:.0f} s"
    if first.maximum is not None and first.desired is not None and first.desired >= first.maximum:
        reason = Reason(
            f"{reading} and was at its maximum of {first.maximum} already: it wanted {first.wanted}",
            f"shelterctl up --max {max(first.wanted or 0, first.maximum + 1)}",
        )
        return _unknown(ScalingState.AT_MAXIMUM, reason)
    lasted_s = _longest_call_s(timeline)
    enough_s = SCALE_UP_S + timeline.scale_up_window_s
    if lasted_s >= enough_s:
        decided = f"it decided {ups[0].before} → {ups[0].after} at {ups[0].at_s:.0f} s" if ups else "it decided nothing"
        waiting = f" ({'; '.join(timeline.waiting_pods[:2])})" if timeline.waiting_pods else ""
        text = f"{reading} and for {lasted_s:.0f} s on end, {decided}, and no pod was added that became ready{waiting}"
        return ScalingCheck(ScalingState.FAILED, Judgement(Verdict.FAIL, (Reason(text, "shelterctl status"),)))
    decided = f"it decided {ups[0].before} → {ups[0].after} at {ups[0].at_s:.0f} s, " if ups else ""
    text = f"{reading}, {decided}and the load that called for more pods lasted {lasted_s:.0f} s: a scale-up takes up to {enough_s:.0f} s"
    return _unknown(ScalingState.TOO_SHORT, Reason(text, _longer(plan, first.at_s + enough_s + SCALE_UP_S)))


def _not_called_for(plan: LoadPlan, timeline: Timeline) -> ScalingCheck:
    """A low reading counts only once it was taken under the full load and the autoscaler had the time to read it."""
    under_load = [p for p in timeline.usage if p.sampled_at_s - p.window_s >= plan.ramp_s]
    if timeline.usage:
        enough = any(point.seen_at_s + READ_AFTER_S <= timeline.observed_s for point in under_load)
    else:
        enough = plan.ramp_s + BLIND_METRIC_S <= timeline.observed_s
    last = [point for point in timeline.points if point.cpu_percent is not None]
    if not enough:
        period = f" (they come every {timeline.metric_period_s:.0f} s)" if timeline.metric_period_s else ""
        text = f"the load ended before the autoscaler could read a metric taken wholly under it{period}"
        return _unknown(
            ScalingState.TOO_SHORT, Reason(text, _longer(plan, plan.ramp_s + BLIND_METRIC_S + SCALE_UP_S + timeline.scale_up_window_s))
        )
    peak = max(point.cpu_percent or 0 for point in last)
    text = f"the load called for no more pods: the autoscaler read {peak}% at most, its target is {last[-1].target_percent}%"
    return _unknown(ScalingState.NOT_CALLED_FOR, Reason(text, plan.command(users=2 * plan.users, watched=True)))


def _decisions_of_this_load(timeline: Timeline, calling: list[ReplicaPoint]) -> list[Decision]:
    """The decisions for more pods that a reading of this load asked for: not one that an earlier load left behind."""
    # Where the reading called for more before this load began, only a measurement that lies wholly under it can speak for it.
    left_behind = bool(timeline.points) and timeline.points[0].calls_for_more
    if timeline.usage:
        taken = [p.sampled_at_s for p in timeline.usage if p.sampled_at_s - (p.window_s if left_behind else 0.0) > 0]
        earliest_s = taken[0] if taken else None
    else:
        earliest_s = None if left_behind else 0.0
    if not calling or earliest_s is None:
        return []
    after_s = max(calling[0].at_s, earliest_s)
    return [item for item in timeline.decisions if item.after > item.before and item.at_s >= after_s]


def _pod_after(decision: Decision, timeline: Timeline) -> NewPod | None:
    # More than had been asked for before, too: a pod that was late to an earlier decision is no proof of this one.
    if not _exceeded(max(decision.ready, decision.before), decision, timeline):
        return None
    return next((pod for pod in timeline.new_pods if pod.ready_at_s >= decision.at_s), None)


def _exceeded(ready: int, decision: Decision, timeline: Timeline) -> bool:
    """Whether more than so many were ready at some time after the decision."""
    return any(point.at_s >= decision.at_s and point.ready > ready for point in timeline.points)


def _longest_call_s(timeline: Timeline) -> float:
    """The longest time on end that the reading called for more pods than were ready."""
    longest = 0.0
    since_s: float | None = None
    for point in timeline.points:
        if point.calls_for_more and since_s is None:
            since_s = point.at_s
        elif not point.calls_for_more and since_s is not None:
            longest, since_s = max(longest, point.at_s - since_s), None
    return longest if since_s is None else max(longest, timeline.observed_s - since_s)


def _longer(plan: LoadPlan, seconds: float) -> str:
    return plan.command(duration_s=max(seconds, 2 * plan.duration_s), watched=True)


def _unknown(state: ScalingState, reason: Reason) -> ScalingCheck:
    return ScalingCheck(state, Judgement(Verdict.UNKNOWN, (reason,)))
