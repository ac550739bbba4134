"""The course of a recorded load: from the load to a measurement, to the decision, to the pod, to its first request; and how closely the
replicas followed what was needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from shelterctl.core.autoscaling.demand import Demand, demand_of
from shelterctl.core.autoscaling.recording import Recording
from shelterctl.core.events import NodesSeen
from shelterctl.core.load.clocks import Clocks
from shelterctl.core.load.course.nodes import NodeBusy, NodeRounds, busy_nodes
from shelterctl.core.load.course.way_down import WayDown, way_down
from shelterctl.core.load.elasticity import Elasticity, Step, elasticity
from shelterctl.core.load.observer import Observer
from shelterctl.core.load.thresholds import Threshold
from shelterctl.core.state import Autoscaler, Pod, PodName, Role, count_ready


@dataclass(frozen=True, slots=True)
class PodCourse:
    """A pod that a decision brought, or took away. Seconds since the load's begin; None for what was not seen.

    `started_at_s` is when its (last) container began, by the node's clock.
    """

    pod: PodName
    created_at_s: float | None = None
    scheduled_at_s: float | None = None
    started_at_s: float | None = None
    ready_at_s: float | None = None
    first_answer_at_s: float | None = None
    gone_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """A decision. `measured_at_s` is the end of the newest measurement that was there for it, `measured_from_s` where its window began."""

    at_s: float
    before: int
    after: int
    cpu_percent: int | None
    measured_from_s: float | None
    measured_at_s: float | None
    pods: tuple[PodCourse, ...]

    @property
    def up(self) -> bool:
        return self.after > self.before


@dataclass(frozen=True, slots=True)
class RunCourse:
    """A run. `demand` is None, and `no_demand` says why, where what the load needed cannot be told; then there is no elasticity either.

    `elasticity` is that of the load alone. `down` is the way down after it with an elasticity of its own; None where that was not watched.
    `nodes` are those of the application's pods, the busiest first; none where they were not measured.
    """

    run: str
    duration_s: float
    courses: tuple[Course, ...]
    ready: tuple[Step, ...]
    demand: Demand | None
    elasticity: Elasticity | None
    no_demand: str = ""
    down: WayDown | None = None
    nodes: tuple[NodeBusy, ...] = ()


def course_of(recording: Recording, *, slo: Threshold | None = None) -> RunCourse:
    """Raises ValueError for a run without a load."""
    if not recording.ticks.times_s:
        raise ValueError(f"{recording.run} recorded no load")
    began_s = recording.began_s
    duration_s = recording.length_s
    ready = ready_steps(recording)
    demand, why = None, ""
    try:
        demand = demand_of(recording, slo=slo)
    except ValueError as error:
        why = str(error)
    figures = None
    if demand is not None and ready and ready[0].at_s == 0.0:
        needed = demand.demanded()
        steps = [Step(float(second), count) for second, count in enumerate(needed) if second == 0 or needed[second - 1] != count]
        figures = elasticity(steps, ready, start_s=0.0, end_s=max(float(len(needed)), 1.0))
    decisions = recording.decisions()
    courses = []
    for number, found in enumerate(decisions):
        until_s = decisions[number + 1].at_s if number + 1 < len(decisions) else recording.ended_s + 1
        measured = _measured(recording, found.at_s)
        came = _came if found.after > found.before else _went
        pods = came(recording, found.at_s, until_s)
        from_s, to_s = (None, None) if measured is None else (measured[0] - began_s, measured[1] - began_s)
        courses.append(Course(found.at_s - began_s, found.before, found.after, found.cpu_percent, from_s, to_s, pods))
    return RunCourse(recording.run, duration_s, tuple(courses), ready, demand, figures, why, _down(recording), _nodes(recording))


def _nodes(recording: Recording) -> tuple[NodeBusy, ...]:
    rounds = NodeRounds()
    for at_s, nodes in zip(recording.nodes.times_s, recording.nodes.values, strict=True):
        rounds.add(at_s, NodesSeen(nodes), recording.pods.at(at_s) or ())
    return busy_nodes(rounds.points(Clocks(), recording.began_s), recording.loaded_s)


def _down(recording: Recording) -> WayDown | None:
    if recording.length_s <= recording.loaded_s:
        return None
    seen = Observer()
    told: list[tuple[float, Callable[[float], None]]] = [
        (at_s, partial(_take_pods, seen, pods)) for at_s, pods in zip(recording.pods.times_s, recording.pods.values, strict=True)
    ]
    scalers = zip(recording.scalers.times_s, recording.scalers.values, strict=True)
    told += [(at_s, partial(_take_scaler, seen, scaler)) for at_s, scaler in scalers]
    for at_s, take in sorted(told, key=lambda item: item[0]):
        take(at_s)
    return way_down(seen.points(recording.began_s), last_request_s=recording.last_request_s, until_s=recording.length_s)


def _take_pods(seen: Observer, pods: tuple[Pod, ...], at_s: float) -> None:
    seen.pods(at_s, pods)


def _take_scaler(seen: Observer, scaler: Autoscaler | None, at_s: float) -> None:
    seen.autoscaler(at_s, scaler)


def ready_steps(recording: Recording) -> tuple[Step, ...]:
    """The replicas that were ready, from the load's begin on."""
    began_s = recording.began_s
    found: list[Step] = []
    for at_s, pods in zip(recording.pods.times_s, recording.pods.values, strict=True):
        ready = count_ready(pods)
        step = Step(max(0.0, at_s - began_s), ready)
        if found and found[-1].at_s == step.at_s:
            found[-1] = step
        elif not found or found[-1].replicas != ready:
            found.append(step)
    return tuple(found)


def _measured(recording: Recording, at_s: float) -> tuple[float, float] | None:
    """The window of the newest measurement that a decision can rest on: those that were seen a moment after it were there before it."""
    rounds = recording.rounds_for(at_s)
    apps = {pod.name for pod in recording.pods.at(at_s) or () if pod.role is Role.APP}
    own = [item for usage in rounds for item in usage if item.pod in apps and item.sampled_at_s <= at_s]
    if not own:
        return None
    newest = max(own, key=lambda item: item.sampled_at_s)
    return newest.sampled_at_s - newest.window_s, newest.sampled_at_s


def _came(recording: Recording, from_s: float, until_s: float) -> tuple[PodCourse, ...]:
    began_s = recording.began_s
    known = {pod.uid for pod in recording.pods.at(from_s - 1.0) or ()}
    last: dict[str, Pod] = {}
    scheduled: dict[str, float] = {}
    ready: dict[str, float] = {}
    for at_s, pods in zip(recording.pods.times_s, recording.pods.values, strict=True):
        for pod in pods:
            if pod.role is not Role.APP or pod.uid in known or at_s < from_s - 1.0 or not from_s <= pod.created_at_s + 2.0 <= until_s:
                continue
            last[pod.uid] = pod
            if pod.scheduled and pod.node:
                scheduled.setdefault(pod.uid, at_s)
            if pod.ready:
                ready.setdefault(pod.uid, at_s)
    found = []
    for uid, pod in last.items():
        starts = [container.started_at_s for container in pod.containers if container.started_at_s is not None]
        answered = next(
            (at_s for at_s, tick in zip(recording.ticks.times_s, recording.ticks.values, strict=True) if tick.by_pod.get(pod.name)), None
        )
        found.append(
            PodCourse(
                pod.name,
                created_at_s=max(0.0, pod.created_at_s - began_s),
                scheduled_at_s=_since(scheduled.get(uid), began_s),
                started_at_s=_since(max(starts, default=None), began_s),
                ready_at_s=_since(ready.get(uid), began_s),
                first_answer_at_s=_since(answered, began_s),
            )
        )
    return tuple(found)


def _went(recording: Recording, from_s: float, until_s: float) -> tuple[PodCourse, ...]:
    began_s = recording.began_s
    before = {pod.uid: pod.name for pod in recording.pods.at(from_s - 0.5) or () if pod.role is Role.APP and not pod.deleting}
    gone: dict[str, float] = {}
    ending: set[str] = set()
    for at_s, pods in zip(recording.pods.times_s, recording.pods.values, strict=True):
        if at_s < from_s - 0.5:
            continue
        here = {pod.uid: pod for pod in pods}
        for uid in before:
            if uid in here and here[uid].deleting and at_s <= until_s:
                ending.add(uid)
            if uid not in here and (uid in ending or at_s <= until_s):
                gone.setdefault(uid, at_s)
    return tuple(PodCourse(before[uid], gone_at_s=_since(gone.get(uid), began_s)) for uid in before if uid in ending or uid in gone)


def _since(at_s: float | None, began_s: float) -> float | None:
    return None if at_s is None else at_s - began_s
