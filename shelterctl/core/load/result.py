"""The result of a load test: everything that was counted, seen and judged, in one record."""

from __future__ import annotations

from dataclasses import dataclass, replace

from shelterctl.core.controller import SYNC_S
from shelterctl.core.events import Milestone
from shelterctl.core.headers import without_values
from shelterctl.core.load.bottleneck import WHATEVER_USERS, Bottleneck, bottleneck
from shelterctl.core.load.busy import MachineLoad
from shelterctl.core.load.conditions import Held, hold
from shelterctl.core.load.course.way_down import WayDown
from shelterctl.core.load.observer import Observer
from shelterctl.core.load.plan import Expectations, LoadPlan
from shelterctl.core.load.scaling import ScalingState, judge_scaling
from shelterctl.core.load.tally import LoadTally
from shelterctl.core.load.timeline import Timeline
from shelterctl.core.load.traffic import Disturbance, GeneratorLoad, Traffic
from shelterctl.core.load.verdict import Check, CheckName, LoadJudgement, judge_load
from shelterctl.core.verdict import Judgement


@dataclass(frozen=True, slots=True)
class Descent:
    """The way down after the load: the ready replicas at its begin and its end, how long it was watched, and whether the minimum came.

    `why` says what kept it from the minimum; empty where it was reached. `way` are its steps by the load's own time; None where they are
    not known.
    """

    from_ready: int
    to_ready: int
    took_s: float
    reached: bool
    why: str = ""
    way: WayDown | None = None


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What a load test found. `timeline` and `scaling` are None where no cluster was watched (`--host`).

    `began_wall_s` is the load's begin in epoch seconds, None where the generator counted nothing. `notes` qualify the
    numbers and decide nothing. `machine` is None where the load came from elsewhere.
    """

    plan: LoadPlan
    expectations: Expectations
    began_wall_s: float | None
    interrupted: bool
    judgement: Judgement
    checks: tuple[Check, ...]
    traffic: Traffic
    generator: GeneratorLoad
    scaling: ScalingState | None
    timeline: Timeline | None
    milestones: tuple[Milestone, ...]
    notes: tuple[str, ...]
    conditions: tuple[Held, ...] = ()
    descent: Descent | None = None
    bottleneck: Bottleneck | None = None
    machine: MachineLoad | None = None


def conclude(
    plan: LoadPlan,
    expectations: Expectations,
    tally: LoadTally,
    generator: GeneratorLoad,
    observer: Observer | None,
    *,
    ended_wall_s: float,
    interrupted: bool,
    aborted: str = "",
    settled: str = "",
    machine: MachineLoad | None = None,
    disturbed: Disturbance | None = None,
) -> LoadResult:
    """Judges what was counted and observed.

    `observer` is None where no cluster was watched, `aborted` the condition that broke the load off, `settled` what ended it before its
    time, `disturbed` who else changed the stack under it.
    """
    traffic = tally.traffic()
    began_s = ended_wall_s if tally.began_wall_s is None else tally.began_wall_s
    timeline = None if observer is None else observer.timeline(began_s, ended_wall_s, tally.first_by_pod)
    database = None if observer is None else observer.database.load
    found = bottleneck(plan, traffic, generator, timeline, database=database, machine=machine)
    held_back_by = found.limit.value if found.limit in WHATEVER_USERS else ""
    scaling = None if timeline is None else judge_scaling(plan, timeline, held_back_by)
    state = None if scaling is None else scaling.state
    held = tuple(
        hold(condition, tally, timeline, scaling, lag_ms=generator.lag_p99_ms)
        for condition in dict.fromkeys((*expectations.fail_on, *expectations.abort_on))
    )
    verdict = judge_load(
        plan, expectations, traffic, generator, timeline, scaling,
        interrupted=interrupted, held=held, aborted=aborted, settled=settled, disturbed=disturbed,
    )  # fmt: skip
    return LoadResult(
        plan=replace(plan, variables=without_values(plan.variables)),
        expectations=expectations,
        began_wall_s=tally.began_wall_s,
        interrupted=interrupted,
        judgement=verdict.judgement,
        checks=verdict.checks,
        traffic=traffic,
        generator=generator,
        scaling=state,
        timeline=timeline,
        milestones=milestones_of(timeline),
        notes=(*_waived(expectations, traffic, verdict), *notes_of(traffic, generator, timeline)),
        conditions=held,
        bottleneck=found,
        machine=machine,
    )


def milestones_of(timeline: Timeline | None) -> tuple[Milestone, ...]:
    """The moments of a scale-up in the order in which they came."""
    found = [Milestone("load began", 0.0)]
    if timeline is None:
        return tuple(found)
    shown = timeline.metric_shown
    if shown is not None:
        sampled = "" if shown.sampled_at_s is None else f", measured at {shown.sampled_at_s:.1f} s"
        found.append(Milestone("first metric that showed it", shown.at_s, f"cpu {shown.cpu_percent}%{sampled}"))
    for decision in timeline.decisions:
        cpu = "" if decision.cpu_percent is None else f" at cpu {decision.cpu_percent}%"
        found.append(Milestone("autoscaler decided", decision.at_s, f"{decision.before} → {decision.after}{cpu}"))
    for pod in timeline.new_pods:
        delay = "" if pod.after_decision_s is None else f", {pod.after_decision_s:.1f} s after its decision"
        found.append(Milestone("pod ready", pod.ready_at_s, f"{pod.pod}{delay}"))
        if pod.first_answer_at_s is not None:
            found.append(Milestone("pod served its first request", pod.first_answer_at_s, pod.pod))
    for incident in timeline.incidents:
        again = "" if incident.until_s is None else f", over at {incident.until_s:.1f} s"
        found.append(Milestone("incident", incident.at_s, f"{incident.text}{again}"))
    if timeline.at_maximum is not None:
        limit = timeline.at_maximum
        found.append(Milestone("autoscaler at its maximum", limit.since_s, f"{limit.maximum}, wanted up to {limit.wanted}"))
    return tuple(sorted(found, key=lambda item: item.at_s))


def _pinned(traffic: Traffic, timeline: Timeline) -> str:
    """Why a pod that came during the load got nothing of it, where the answers show it; empty else."""
    new = {pod.pod for pod in timeline.new_pods}
    answering = {pod.pod for pod in traffic.by_pod if pod.pod}
    if not answering or answering & new:
        return ""
    return (
        ". Every answer came from pods that were there at the start: a kept-alive connection stays with the pod that it was opened to. "
        "For new pods to get a share, have the Locust file open new ones now and then (`Connection: close`, or a client of its own for "
        "each task)"
    )


def _size(count: int) -> str:
    return f"{count} B" if count < 1000 else f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def _waived(expectations: Expectations, traffic: Traffic, verdict: LoadJudgement) -> tuple[str, ...]:
    """The generator's doubts, where they decide nothing."""
    if not expectations.scaling_alone or not traffic.requests:
        return ()
    doubts = [reason for check in verdict.checks if check.name is CheckName.GENERATOR for reason in check.judgement.reasons]
    return tuple(f"{doubt.text}: no doubt about the scale-up" for doubt in doubts if doubt not in verdict.judgement.reasons)


def notes_of(traffic: Traffic, generator: GeneratorLoad, timeline: Timeline | None) -> tuple[str, ...]:
    """What qualifies the numbers without deciding anything."""
    found = []
    for grown in traffic.grown:
        found.append(
            f"{grown.name} answered with {_size(grown.first_bytes)} at first and {_size(grown.last_bytes)} in the end: it grows with what "
            "is written, so that the load measures its own rows, too"
        )
    if traffic.late:
        share = traffic.late / max(traffic.requests, 1)
        found.append(
            f"{share:.1%} of the requests began more than 10 ms late: every user waited for an answer, or the generator was busy. What "
            "they were late by is in their response times"
        )
    if traffic.p99_ms is not None and generator.lag_p99_ms > traffic.p99_ms / 2:
        found.append(
            f"half of the p99 or more can be the generator's own: its loop lag p99 was {generator.lag_p99_ms:.0f} ms "
            f"of {traffic.p99_ms:.0f} ms"
        )
    if timeline is not None:
        blind = [f"from {from_s:.0f} to {until_s:.0f} s" for from_s, until_s in timeline.unread if until_s - from_s >= SYNC_S]
        if blind:
            found.append(f"the autoscaler had no metric {' and '.join(blind)}: it decided nothing then, whatever the load was")
        if timeline.usage_problem:
            found.append(f"the pods' own usage was not measured: {timeline.usage_problem}")
        # An application that does not name its pods in its answers says nothing about who gave them.
        named = any(pod.pod for pod in traffic.by_pod)
        silent = [pod.pod for pod in timeline.new_pods if pod.first_answer_at_s is None] if named or not traffic.requests else []
        if timeline.new_pods and traffic.by_pod and not named:
            found.append("which pod gave an answer is not known: this application's answers do not name it (a header X-Pod would)")
        if silent:
            found.append(f"ready, and never answered a request: {', '.join(silent)}{_pinned(traffic, timeline)}")
        if timeline.dropped_watches:
            found.append(f"the watch was taken up again {timeline.dropped_watches} times")
    return tuple(found)
