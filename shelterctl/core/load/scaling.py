"""Judges whether a load showed that the autoscaler scales, and says why where it did not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from shelterctl.core.hpa.tolerance import highest_target
from shelterctl.core.load.plan import LoadPlan
from shelterctl.core.load.timeline import BLIND_METRIC_S, READ_AFTER_S, Call, Decision, NewPod, Timeline, UsagePoint
from shelterctl.core.verdict import Judgement, Reason, Verdict

#: From the reading that calls for more pods to a ready one: two syncs of the autoscaler (15 s each by default), a minute for the pod.
SCALE_UP_S = 90.0
#: How long a new pod may take to its first answer: longer than the longest that a user keeps a connection.
SERVED_WITHIN_S = 35.0
#: So many readings of the whole load, all below the target, and it stays so.
READINGS = 3


class ScalingState(Enum):
    """What the run says about scaling."""

    SHOWN = "shown"
    NOT_CALLED_FOR = "not_called_for"
    TOO_SHORT = "too_short"
    AT_MAXIMUM = "at_maximum"
    UNATTRIBUTED = "unattributed"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ScalingCheck:
    """The state and its judgement: PASS for a scale-up that was shown, FAIL for one that failed, else UNKNOWN with the reason.

    `ready_at_s` is when the pod of a scale-up that was shown became ready, since the load's begin.
    """

    state: ScalingState
    judgement: Judgement
    ready_at_s: float | None = None


def judge_scaling(plan: LoadPlan, timeline: Timeline, held_back_by: str = "") -> ScalingCheck:
    """What the timeline shows of the autoscaler. `held_back_by` is what keeps more users from calling for more pods.

    SHOWN needs a decision for more pods that this load alone can have caused: the autoscaler's newest measurement lay wholly under the
    load, or began shortly before it on an idle application and those after it call for more as well; the decision is no larger than the
    autoscaler's own rules make of its reading, and nobody wrote its settings meanwhile; and a pod that became ready after the decision, so
    that more were ready than before it. FAILED needs readings of this load above the target and
    its tolerance, for SCALE_UP_S and the autoscaler's stabilization window on end, below the maximum at their end, and no pod more.
    """
    if timeline.autoscaler_gone_s is not None:
        text = f"the autoscaler was deleted at {timeline.autoscaler_gone_s:.0f} s: nothing can be said about scaling"
        return _unknown(ScalingState.UNKNOWN, Reason(text, "shelterctl up"))
    if not timeline.autoscaled:
        reason = Reason(
            "there is no autoscaler: nothing can be said about scaling (--host URL tests the service alone)", "shelterctl hpa explain"
        )
        return _unknown(ScalingState.UNKNOWN, reason)
    doubts = []
    for decision in _ups(timeline):
        pod = _pod_after(decision, timeline)
        if pod is None:
            continue
        doubt = _doubt(plan, timeline, decision)
        if doubt is None:
            text = f"{decision.before} → {decision.after} replicas at {decision.at_s:.1f} s, {pod.pod} ready at {pod.ready_at_s:.1f} s"
            if decision.confirmed is not None:
                text += (
                    "; it decided on a measurement that began before the load, and a later one, of this load alone, calls for "
                    f"{decision.confirmed} as well"
                )
            return ScalingCheck(ScalingState.SHOWN, Judgement(Verdict.PASS, (Reason(text),)), pod.ready_at_s)
        doubts.append(doubt)
    if timeline.metric_problem:
        reason = Reason(f"the autoscaler has no metric: {timeline.metric_problem}", "shelterctl doctor")
        return _unknown(ScalingState.UNKNOWN, reason)
    if not any(point.cpu_percent is not None for point in timeline.points):
        return _unknown(ScalingState.UNKNOWN, Reason("the autoscaler never had a metric during the load", "shelterctl doctor"))
    if any(gap.until_s is None for gap in timeline.blind):
        return _unknown(ScalingState.UNKNOWN, Reason("the cluster was lost from sight before scaling could be seen", "shelterctl status"))
    if doubts:
        # Later decisions rest on newer measurements: the last one came nearest to a proof.
        return _unknown(ScalingState.UNATTRIBUTED, doubts[-1])
    calls = timeline.calls()
    return _called_for(plan, timeline, calls) if calls else _not_called_for(plan, timeline, held_back_by)


def settled(plan: LoadPlan, check: ScalingCheck, timeline: Timeline) -> str:
    """Why watching on would show nothing new about scaling; empty where it might.

    A scale-up that was shown is settled when one of its pods has answered, or had the time to. A load that calls for no more pods stays so:
    it is steady, so that a few readings of the whole of it decide.
    """
    if check.state is ScalingState.SHOWN:
        ready_s = max((pod.ready_at_s for pod in timeline.new_pods), default=timeline.observed_s)
        if any(pod.first_answer_at_s is not None for pod in timeline.new_pods):
            return "the scale-up was shown, and a new pod answers"
        return "the scale-up was shown, and no answer names a new pod" if timeline.observed_s - ready_s > SERVED_WITHIN_S else ""
    if check.state is ScalingState.NOT_CALLED_FOR:
        under_s = timeline.under_load_s
        period_s = timeline.metric_period_s or READ_AFTER_S
        enough = under_s is not None and timeline.observed_s >= under_s + READINGS * max(period_s, READ_AFTER_S)
        return "the load calls for no more pods" if enough else ""
    if check.state in (ScalingState.FAILED, ScalingState.AT_MAXIMUM):
        return "nothing can come any more"
    if check.state is ScalingState.UNATTRIBUTED:
        return _past(plan, timeline)
    return "" if timeline.autoscaled and timeline.autoscaler_gone_s is None else "there is no autoscaler"


def _past(plan: LoadPlan, timeline: Timeline) -> str:
    """Why no later decision can be put down to the load: it is whole, the last decision is old, and a few readings since called for nothing
    that may still come."""
    last, whole = timeline.points[-1:], _of_the_whole_load(plan, timeline)
    if not whole or not last:
        return ""
    waited_s = READINGS * max(timeline.metric_period_s or READ_AFTER_S, READ_AFTER_S)
    if last[0].desired is not None and last[0].ready < last[0].desired:
        # Its pods are on their way.
        waited_s = max(waited_s, SCALE_UP_S)
    if timeline.observed_s < max([whole[0].seen_at_s, *(item.at_s for item in timeline.decisions)]) + waited_s:
        return ""
    if last[0].at_maximum:
        return "the replicas are at their maximum"
    if all(call.until_s <= timeline.observed_s - waited_s for call in timeline.calls()):
        return "the replicas stay, and nothing more is called for"
    return ""


def _of_the_whole_load(plan: LoadPlan, timeline: Timeline) -> list[UsagePoint]:
    """The measurements that lie wholly within the time that every user was there."""
    measured = [(point, point.measured_from_s) for point in timeline.usage if point.sampled_at_s <= plan.full_until_s + 1.0]
    return [point for point, from_s in measured if from_s is not None and from_s >= plan.ramp_s]


#: A metric wholly under the load, its reading, and a pod: what a cluster may take for them at worst.
SCALE_UP_WITHIN_S = BLIND_METRIC_S + SCALE_UP_S


def enough_s(plan: LoadPlan, window_s: float = 0.0, within_s: float = SCALE_UP_WITHIN_S) -> float:
    """How long a load must last to decide about scaling: its users' start, a metric wholly under it, a scale-up.

    `window_s` is the autoscaler's stabilization window for scaling up, `within_s` what the target may take for the rest.
    """
    return plan.ramp_s + within_s + window_s


def _ups(timeline: Timeline) -> list[Decision]:
    return [item for item in timeline.decisions if item.after > item.before]


def _doubt(plan: LoadPlan, timeline: Timeline, decision: Decision) -> Reason | None:
    """Why a decision cannot be put down to this load; None where it can."""
    what = f"{decision.before} → {decision.after} replicas were decided at {decision.at_s:.0f} s"
    under_s = timeline.under_load_s
    again = _longer(plan, enough_s(plan, timeline.held_back_s))
    if timeline.others:
        whose = " and ".join(timeline.others)
        return Reason(f"{what}, while {whose} worked on the stack: it may have called for them", plan.command(watched=True))
    if decision.settings_changed:
        return Reason(f"{what}, after somebody had changed the autoscaler's own settings: it says nothing about the load", again)
    if decision.own_percent is None and timeline.usage and timeline.clock_problem:
        return Reason(f"{what}, and whether on a measurement of this load cannot be told: {timeline.clock_problem}", "shelterctl doctor")
    if decision.cpu_percent is None:
        return Reason(f"{what}, and the autoscaler had no reading then: something else asked for them", "shelterctl doctor")
    own = decision.own_percent
    if decision.confirmed is None and (own is None or (own < decision.cpu_percent and decision.after > (decision.most or 0))):
        when = "by the end of the run" if under_s is None else f"until {under_s:.0f} s"
        text = (
            f"{what}, and no metric taken wholly under this load was there {when}: an earlier load may have asked for them. "
            "Let the replicas come down first, and run for longer"
        )
        return Reason(text, again)
    if decision.most is not None and decision.after > decision.most:
        reading = f"its reading of {decision.cpu_percent}% calls for {decision.most} at most"
        return Reason(f"{what}, while {reading}: something else asked for them", "shelterctl status watch")
    return None


def _called_for(plan: LoadPlan, timeline: Timeline, calls: tuple[Call, ...]) -> ScalingCheck:
    ups = _ups(timeline)
    late = next((item for item in ups if item.ready < item.before and _exceeded(item.ready, item, timeline)), None)
    if late is not None:
        text = (
            f"{late.before} → {late.after} replicas were decided at {late.at_s:.0f} s, when {late.ready} were ready of {late.before}: "
            "the pods that became ready since are no more than had been asked for before"
        )
        return _unknown(ScalingState.UNKNOWN, Reason(text, plan.command(watched=True)))
    longest = max(calls, key=lambda call: call.until_s - call.from_s)
    first, last = calls[0].first, longest.last
    reading = f"the autoscaler read {first.cpu_percent}% of {first.target_percent}% at {calls[0].from_s:.0f} s"
    if timeline.scale_up_disabled:
        reason = Reason(f"{reading}, and its behavior disables scaling up (selectPolicy: Disabled)", "shelterctl doctor")
        return _unknown(ScalingState.UNKNOWN, reason)
    decided = [item for item in ups if item.at_s >= calls[0].from_s] or ups
    # Its pods may be on their way: then it was not there from the start.
    fresh = any(timeline.observed_s - item.at_s < SCALE_UP_S for item in decided)
    if last.maximum is not None and last.at_maximum and not fresh:
        reason = Reason(
            f"{reading} and was at its maximum of {last.maximum} already: it wanted {last.wanted}",
            f"shelterctl up --max {max(last.wanted or 0, last.maximum + 1)}",
        )
        return _unknown(ScalingState.AT_MAXIMUM, reason)
    lasted_s = longest.until_s - longest.from_s
    needed_s = SCALE_UP_S + timeline.held_back_s
    if lasted_s >= needed_s and not fresh:
        said = f"it decided {decided[0].before} → {decided[0].after} at {decided[0].at_s:.0f} s" if decided else "it decided nothing"
        waiting = f" ({timeline.unplaced or '; '.join(timeline.waiting_pods[:2])})" if timeline.waiting_pods else ""
        text = f"{reading} and for {lasted_s:.0f} s on end, {said}, and no pod was added that became ready{waiting}"
        return ScalingCheck(ScalingState.FAILED, Judgement(Verdict.FAIL, (Reason(text, "shelterctl status"),)))
    said = f"it decided {decided[0].before} → {decided[0].after} at {decided[0].at_s:.0f} s, " if decided else ""
    text = f"{reading}, {said}and the load that called for more pods lasted {lasted_s:.0f} s: a scale-up takes up to {needed_s:.0f} s"
    return _unknown(ScalingState.TOO_SHORT, Reason(text, _longer(plan, calls[0].from_s + needed_s + SCALE_UP_S)))


def _not_called_for(plan: LoadPlan, timeline: Timeline, held_back_by: str) -> ScalingCheck:
    """A low reading counts only once it was taken under the full load and the autoscaler had the time to read it."""
    full = _of_the_whole_load(plan, timeline)
    if timeline.usage:
        enough = any(point.seen_at_s + READ_AFTER_S <= timeline.observed_s for point in full)
    else:
        enough = plan.ramp_s + BLIND_METRIC_S <= timeline.observed_s
    readable = timeline.observed_s >= plan.ramp_s + READ_AFTER_S
    if not enough and readable and timeline.usage and not full and timeline.clock_problem:
        text = f"whether the autoscaler read a metric of this load cannot be told: {timeline.clock_problem}"
        return _unknown(ScalingState.UNKNOWN, Reason(text, "shelterctl doctor"))
    readings = timeline.readings()
    if not enough or not readings:
        period = f" (they come every {timeline.metric_period_s:.0f} s)" if timeline.metric_period_s else ""
        text = f"the load ended before the autoscaler could read a metric taken wholly under it{period}"
        return _unknown(ScalingState.TOO_SHORT, Reason(text, _longer(plan, enough_s(plan, timeline.held_back_s))))
    peak = max(point.cpu_percent or 0 for point in readings)
    text = f"the load called for no more pods: the autoscaler read {peak}% at most, its target is {readings[-1].target_percent}%"
    # The controller leaves the replicas as they are while the reading is within its tolerance of the target.
    would_have = highest_target(peak, readings[-1].tolerance)
    if would_have > 0:
        text += f"; a target of {would_have}% or less would have called for one"
    if held_back_by:
        # More users would wait for the same.
        return _unknown(
            ScalingState.NOT_CALLED_FOR, Reason(f"{text}; the load was kept from more by {held_back_by}", "shelterctl hpa explain")
        )
    return _unknown(ScalingState.NOT_CALLED_FOR, Reason(text, plan.command(users=2 * plan.users, watched=True)))


def _pod_after(decision: Decision, timeline: Timeline) -> NewPod | None:
    # More than had been asked for before, too: a pod that was late to an earlier decision is no proof of this one.
    if not _exceeded(max(decision.ready, decision.before), decision, timeline):
        return None
    return next((pod for pod in timeline.new_pods if pod.ready_at_s >= decision.at_s), None)


def _exceeded(ready: int, decision: Decision, timeline: Timeline) -> bool:
    """Whether more than so many were ready at some time after the decision."""
    return any(point.at_s >= decision.at_s and point.ready > ready for point in timeline.points)


def _longer(plan: LoadPlan, seconds: float) -> str:
    return plan.command(duration_s=max(seconds, 2 * plan.duration_s), watched=True)


def _unknown(state: ScalingState, reason: Reason) -> ScalingCheck:
    return ScalingCheck(state, Judgement(Verdict.UNKNOWN, (reason,)))
