"""Why an autoscaler's replicas are what they are, in sentences with the numbers, and what comes next if the load stays."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from shelterctl.core.autoscaling.outlook import Coming, outlook
from shelterctl.core.autoscaling.traps import LastLoad, unfinished_rollout, unreached_target
from shelterctl.core.checkup.check import CheckState, Finding
from shelterctl.core.checkup.metrics import SLOW_RESOLUTION_S
from shelterctl.core.controller import SYNC_S, down_window_s, proposal, samples, tolerances
from shelterctl.core.duration import format_duration
from shelterctl.core.hpa.algorithm import ReplicaProposal
from shelterctl.core.hpa.pods import GroupReason, PodGroup, PodSample
from shelterctl.core.state import Autoscaler, Role, StackState
from shelterctl.core.words import counted, listed


class Topic(Enum):
    """What a sentence is about, in the order in which they are told."""

    NOW = "now"
    SAMPLES = "samples"
    READING = "reading"
    WINDOW = "window"
    LIMIT = "limit"
    NEXT = "next"
    THRESHOLD = "threshold"
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True)
class Sentence:
    """`estimate`: it rests on what cannot be seen from outside the controller."""

    topic: Topic
    text: str
    estimate: bool = False


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The readings (percent) and the CPU of all counted pods together (millicores) at which the replicas would change.

    `up_*` is the lowest that adds a pod, `down_percent` the highest that takes one away; None where none does.
    """

    up_percent: int | None
    up_millicores: int | None
    down_percent: int | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """`wanted` is what the newest samples ask for, before windows and limits; None where there is no metric.

    `proposal` is how the model came to it. `traps` are the findings that keep it from scaling as it should, with the mend.
    """

    autoscaler: Autoscaler
    pods: tuple[PodSample, ...]
    proposal: ReplicaProposal | None
    wanted: int | None
    thresholds: Thresholds
    coming: tuple[Coming, ...]
    sentences: tuple[Sentence, ...]
    traps: tuple[Finding, ...]


def explain(
    state: StackState,
    findings: Iterable[Finding] = (),
    *,
    now_s: float,
    last_load: LastLoad | None = None,
    metrics_every_s: float | None = None,
) -> Explanation:
    """Explains a state's autoscaler. `metrics_every_s` is None where it is not seen. Raises ValueError where there is no autoscaler."""
    scaler = state.autoscaler
    if scaler is None:
        raise ValueError("there is no autoscaler")
    pods = samples(state.pods, state.usage, now_s)
    workload = state.workload(Role.APP)
    current = workload.desired if workload is not None else scaler.current
    made = proposal(scaler, pods, current) if current else None
    wanted = made.replicas if made is not None else None
    limits = _thresholds(scaler, made, current)
    found = (*findings, *unfinished_rollout(state), *unreached_target(state, scaler, last_load, now_s))
    traps = tuple(f for f in found if f.state in (CheckState.PROBLEM, CheckState.WARNING))
    coming = outlook(scaler, pods, current) if wanted is not None and not _blocked(scaler) else ()
    if scaler.other_metrics:
        # The one that asks for most decides: what CPU asks for beyond the replicas comes, what it asks for below them need not.
        coming = tuple(step for step in coming if step.replicas > current)
    sentences = (
        *_now(scaler, current, now_s),
        *_samples(pods, made, state),
        *_delay(metrics_every_s),
        *_reading(scaler, made),
        *_windows(scaler, made, current),
        *_limits(scaler, wanted, current),
        *_next(scaler, wanted, coming, current),
        *_what_would(scaler, limits, made, current, _limit_millicores(state)),
    )
    return Explanation(scaler, pods, made, wanted, limits, coming, sentences, traps)


def _now(scaler: Autoscaler, current: int, now_s: float) -> Iterator[Sentence]:
    changed = ""
    if scaler.last_scale_at_s is not None:
        changed = f"; it last changed them {format_duration(max(0.0, now_s - scaler.last_scale_at_s))} ago"
    yield Sentence(Topic.NOW, f"{counted(current, 'replica')}, of {scaler.minimum} to {scaler.maximum}{changed}")
    able = scaler.condition("AbleToScale")
    if able is not None and not able.status:
        yield Sentence(Topic.NOW, f"it is not able to scale: {able.reason}: {able.message}")
    if current == 0 and scaler.minimum > 0:
        yield Sentence(Topic.NOW, "with 0 replicas scaling is disabled until somebody scales up")


def _samples(pods: tuple[PodSample, ...], made: ReplicaProposal | None, state: StackState) -> Iterator[Sentence]:
    groups = {pod.name: pod for pod in made.pods} if made is not None else {}
    for pod in pods:
        found = groups.get(pod.name)
        requested = sum(request or 0 for request in pod.requests_millicores)
        if pod.usage_millicores is None:
            used = "no measurement"
        else:
            share = f" = {100 * pod.usage_millicores // requested}%" if requested else ""
            used = f"{pod.usage_millicores}m of {requested}m requested{share}, {_age(pod)}"
        why = "" if found is None or found.reason is GroupReason.COUNTED else f"; {_left_out(found.group)}: it {found.reason.value}"
        yield Sentence(Topic.SAMPLES, f"{pod.name}: {used}{why}")
    if state.usage_problem:
        yield Sentence(Topic.SAMPLES, f"nothing measures the pods: {state.usage_problem}")


def _delay(every_s: float | None) -> Iterator[Sentence]:
    if every_s is not None and every_s >= SLOW_RESOLUTION_S:
        late = f"a load shows in them {every_s:g} to {2 * every_s:g} s late, and no decision comes sooner"
        yield Sentence(Topic.SAMPLES, f"the pods are measured every {every_s:g} s (metrics-server's --metric-resolution): {late}")


def _age(pod: PodSample) -> str:
    return f"measured {pod.sample_age_s:.0f} s ago over {pod.window_s:.0f} s"


def _left_out(group: PodGroup) -> str:
    words = {
        PodGroup.UNREADY: "its measurement is dropped, and on a scale-up it counts as using nothing",
        PodGroup.MISSING: "it is counted against the direction of the change",
        PodGroup.IGNORED: "it is left out",
    }
    return words.get(group, "it counts")


def _reading(scaler: Autoscaler, made: ReplicaProposal | None) -> Iterator[Sentence]:
    active = scaler.condition("ScalingActive")
    if active is not None and not active.status:
        yield Sentence(Topic.READING, f"the controller has no metric: {active.reason}: {active.message}")
    if scaler.cpu_target_percent is None:
        yield Sentence(Topic.READING, "it has no CPU utilization target: what it decides by is not explained here")
        return
    if scaler.other_metrics:
        others = listed(scaler.other_metrics, 3)
        yield Sentence(Topic.READING, f"it goes by {others} as well, which is not explained here: the metric that asks for most decides")
    if made is None:
        return
    if made.measured is None:
        yield Sentence(Topic.READING, f"these samples give no reading: {made.error}")
        return
    target, holds = scaler.cpu_target_percent, tolerances(scaler)
    reading = made.measured
    text = (
        f"cpu {reading.percent}%: {reading.usage_millicores}m of {reading.request_millicores}m over {counted(reading.pods, 'pod')}; "
        f"target {target}%, ratio {reading.ratio:.2f}"
    )
    within = f"{1 - holds.scale_down:.2f} to {1 + holds.scale_up:.2f}"
    if made.within_tolerance:
        text += f", within the tolerance ({within}): it asks for no change"
    elif made.filled is not None:
        text += f"; {made.rule.value}: it asks for {counted(made.replicas or 0, 'replica')}"
    else:
        text += f", outside the tolerance ({within}): it asks for ceil({reading.ratio:.2f} × {reading.pods}) = {made.replicas}"
    yield Sentence(Topic.READING, text)
    if scaler.has_metric and scaler.cpu_percent is not None and scaler.cpu_percent != reading.percent:
        yield Sentence(
            Topic.READING, f"the controller itself read {scaler.cpu_percent}% when it last looked: it looks every {SYNC_S:.0f} s"
        )


def _windows(scaler: Autoscaler, made: ReplicaProposal | None, current: int) -> Iterator[Sentence]:
    able = scaler.condition("AbleToScale")
    window_s = down_window_s(scaler)
    if able is not None and able.reason == "ScaleUpStabilized":
        yield Sentence(Topic.WINDOW, f"it waits to add pods: of the last {scaler.scale_up_window_s:.0f} s the lowest recommendation counts")
    fewer = made is not None and made.replicas is not None and max(made.replicas, scaler.minimum) < current
    held = able is not None and able.reason == "ScaleDownStabilized"
    if window_s == 0 or not (fewer or held):
        return
    text = f"it takes pods away only when every recommendation of the last {format_duration(window_s)} asked for fewer"
    yield Sentence(Topic.WINDOW, text + ("; one of them asked for more" if held else ""))
    if fewer:
        # The recommendations are in the controller's memory only.
        latest = f"at the latest {format_duration(window_s)} from now"
        yield Sentence(Topic.WINDOW, f"when the last one that asked for more was made is not seen from outside: {latest}", estimate=True)


def _limits(scaler: Autoscaler, wanted: int | None, current: int) -> Iterator[Sentence]:
    if wanted is None:
        return
    if wanted > scaler.maximum:
        yield Sentence(Topic.LIMIT, f"its maximum of {scaler.maximum} is below the {wanted} that the reading asks for")
    elif wanted < scaler.minimum and current <= scaler.minimum:
        yield Sentence(Topic.LIMIT, f"its minimum of {scaler.minimum} is above the {wanted} that the reading asks for")
    limited = scaler.condition("ScalingLimited")
    if limited is not None and limited.status and limited.reason in ("ScaleUpLimit", "ScaleDownLimit"):
        way = "up" if limited.reason == "ScaleUpLimit" else "down"
        yield Sentence(Topic.LIMIT, f"a policy for scaling {way} slows it: {limited.message}")


def _blocked(scaler: Autoscaler) -> str:
    """Why the controller acts on no reading at present, in its own words; empty where it does."""
    found = [item for kind in ("AbleToScale", "ScalingActive") if (item := scaler.condition(kind)) is not None and not item.status]
    return f"{found[0].reason}: {found[0].message}".rstrip(": ") if found else ""


def _next(scaler: Autoscaler, wanted: int | None, coming: tuple[Coming, ...], current: int) -> Iterator[Sentence]:
    if not scaler.cpu_target_percent:
        return
    if wanted is None:
        yield Sentence(Topic.NEXT, f"while it has no reading it changes nothing: {counted(current, 'replica')}")
        return
    others = listed(scaler.other_metrics, 3)
    if blocked := _blocked(scaler):
        # What these samples ask for is no prediction: the controller says that it does not see them, or cannot follow them.
        text = f"while that lasts it changes nothing: {counted(current, 'replica')}; these samples would ask for {wanted}"
        yield Sentence(Topic.NEXT, f"{text} ({blocked})", estimate=True)
        return
    if not coming:
        text = f"if the load stays as it is: {counted(current, 'replica')}, for good"
        if others:
            text = f"by CPU alone {counted(wanted, 'replica')}; what is asked for by {others} is not seen here"
        yield Sentence(Topic.NEXT, text, estimate=bool(others))
        return
    steps = []
    for step in coming:
        when = f"within {SYNC_S:.0f} s" if step.after_s <= SYNC_S else f"after about {format_duration(step.after_s)}"
        steps.append(f"{step.replicas} {when}")
    down = coming[-1].replicas < current
    more = f" (it would read {coming[-1].percent}% then)"
    least = "at least " if others else ""
    sure = not down and len(coming) == 1
    yield Sentence(Topic.NEXT, f"if the load stays as it is: {least}{', then '.join(steps)}{more}", estimate=not sure)


def _thresholds(scaler: Autoscaler, made: ReplicaProposal | None, current: int) -> Thresholds:
    """By the pods that count now, every one with a measurement."""
    target = scaler.cpu_target_percent
    if not target or made is None or made.measured is None or not current:
        return Thresholds(None, None, None)
    holds, counted_pods = tolerances(scaler), made.measured.pods
    up_percent: int | None = None
    if current < scaler.maximum:
        up_percent = math.floor(target * (1 + holds.scale_up)) + 1
        while math.ceil(up_percent / target * counted_pods) <= current:
            up_percent += 1
    up_millicores = None if up_percent is None else math.ceil(up_percent * made.measured.request_millicores / 100)
    down_percent: int | None = None
    if current > scaler.minimum:
        down_percent = math.ceil(target * (1 - holds.scale_down)) - 1
        while down_percent > 0 and math.ceil(down_percent / target * counted_pods) >= current:
            down_percent -= 1
    return Thresholds(up_percent, up_millicores, down_percent)


def _limit_millicores(state: StackState) -> int | None:
    """The CPU that the application's pods can use together; None where one of them has no limit."""
    limits = [limit for pod in state.pods_of(Role.APP) if not pod.deleting for limit in pod.cpu_limits_millicores]
    return sum(limit for limit in limits if limit is not None) if limits and None not in limits else None


def _what_would(
    scaler: Autoscaler, limits: Thresholds, made: ReplicaProposal | None, current: int, most_millicores: int | None
) -> Iterator[Sentence]:
    if limits.up_percent is not None and made is not None and made.measured is not None:
        used = made.measured.usage_millicores
        now = f"; now {made.measured.percent}% ({used}m)" if limits.up_percent > made.measured.percent else ""
        text = f"a pod more comes from {limits.up_percent}% on: {limits.up_millicores}m of CPU in these pods together{now}"
        beyond = most_millicores is not None and limits.up_millicores is not None and limits.up_millicores > most_millicores
        yield Sentence(Topic.THRESHOLD, f"{text}; their limits end at {most_millicores}m" if beyond else text)
    elif current >= scaler.maximum and scaler.cpu_target_percent:
        yield Sentence(Topic.THRESHOLD, f"no load adds a pod: {scaler.maximum} is the maximum")
    if limits.down_percent is not None and limits.down_percent >= 0:
        others = listed(scaler.other_metrics, 3)
        also = f", where no more is asked for by {others}" if others else ""
        yield Sentence(Topic.THRESHOLD, f"one less comes at {limits.down_percent}% and below, when the window has passed{also}")
    elif current > scaler.minimum:
        yield Sentence(Topic.THRESHOLD, "no reading takes a pod away")
