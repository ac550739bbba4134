"""Makes a timeline of what a cluster tells while a load runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from statistics import median

from shelterctl.core.controller import tolerances
from shelterctl.core.events import NodesSeen
from shelterctl.core.hpa.tolerance import DEFAULT_TOLERANCE
from shelterctl.core.load.attribution import (
    confirmed_replicas,
    most_replicas,
    own_percent,
    round_read,
    scale_up_disabled,
    scale_up_period_s,
)
from shelterctl.core.load.clocks import ClockReading, Clocks
from shelterctl.core.load.course.database import DatabaseUse
from shelterctl.core.load.course.faults import Incidents
from shelterctl.core.load.course.nodes import NodeRounds
from shelterctl.core.load.course.throttling import Throttling
from shelterctl.core.load.rounds import Round, round_of
from shelterctl.core.load.timeline import (
    BLIND_METRIC_S,
    READ_AFTER_S,
    AtMaximum,
    Blindness,
    Decision,
    MetricShown,
    NewPod,
    ReplicaPoint,
    Timeline,
    UsagePoint,
)
from shelterctl.core.state import Autoscaler, Pod, PodName, Role, Usage

#: A rise of fewer points of the target's percentage is noise of an idle application.
NOTICEABLE_POINTS = 5


class Observer:
    """Collects what the cluster tells, by wall time, and keeps only what changed."""

    def __init__(self) -> None:
        self._pods: dict[PodName, Pod] = {}
        self._ready_at: dict[PodName, float] = {}
        self._steady_since: dict[PodName, float] = {}
        self._autoscaler: Autoscaler | None = None
        self._points: list[ReplicaPoint] = []
        self._decisions: list[tuple[Autoscaler, Decision, int]] = []
        self._first: Autoscaler | None = None
        self._settings: list[tuple[float, tuple[object, ...]]] = []
        self._usage: list[Round] = []
        self._clocks = Clocks()
        self._usage_problem = ""
        self._blind: list[Blindness] = []
        self._dropped = 0
        self._others: list[str] = []
        self._gone_at_s: float | None = None
        self.database = DatabaseUse()
        self._unplaced = ""
        self._nodes = NodeRounds()
        self.incidents = Incidents()
        self._throttling: Throttling | None = None

    def pods(self, at_s: float, pods: Iterable[Pod]) -> None:
        """The pods at one moment, all of them."""
        pods = tuple(pods)
        self.incidents.pods(at_s, pods, self._autoscaler.desired if self._autoscaler else None)
        self.database.pods(pods)
        before, self._pods = self._pods, {pod.name: pod for pod in pods if pod.role is Role.APP}
        for pod in self._ready():
            self._ready_at.setdefault(pod.name, at_s)
        for name, pod in self._pods.items():
            last = before.get(name)
            if last is None or not last.ready or last.restarts != pod.restarts:
                self._steady_since[name] = at_s
        self._note(at_s)

    def settle(self, at_s: float) -> None:
        """Nothing came until then: what waits for that is decided."""
        self.incidents.settle(at_s, self._autoscaler.desired if self._autoscaler else None)

    def autoscaler(self, at_s: float, seen: Autoscaler | None) -> None:
        """The autoscaler's status at one moment, or None where there is none (any more)."""
        before, self._autoscaler = self._autoscaler, seen
        if before is not None and seen is None:
            self._gone_at_s = at_s
        self._note(at_s)
        if seen is not None and (not self._settings or self._settings[-1][1] != seen.settings):
            self._settings.append((at_s, seen.settings))
        if before is not None and seen is not None and before.desired != seen.desired:
            made = Decision(at_s, before.desired, seen.desired, len(self._ready()), seen.cpu_percent)
            self._decisions.append((seen, made, self._taken_away(seen, at_s)))
        if seen is not None and self._first is None:
            self._first = seen

    def usage(self, at_s: float, usage: Iterable[Usage]) -> None:
        """The pods' usage as it was last measured; the same measurement again adds nothing."""
        usage = tuple(usage)
        self.database.usage(usage)
        known = [(item, self._pods[item.pod]) for item in usage if item.pod in self._pods]
        if not known:
            return
        found = round_of(at_s, known)
        if self._usage and set(found.starts) <= set(self._usage[-1].starts):
            # A pod that went takes none of the others' measurements along.
            return
        self._usage.append(found)
        self._usage_problem = ""

    def nodes(self, at_s: float, seen: NodesSeen) -> None:
        """The nodes' usage as it was last measured."""
        self._nodes.add(at_s, seen, self._pods.values())

    def throttled(self, found: Throttling) -> None:
        """In how many of their CPU periods the application's containers were throttled."""
        self._throttling = found

    def clocks(self, readings: Iterable[ClockReading]) -> None:
        """What the nodes' clocks said."""
        self._clocks.add(readings)

    def usage_missing(self, why: str) -> None:
        """Nothing measures the pods."""
        self._usage_problem = why

    def blind(self, from_s: float, until_s: float | None, why: str) -> None:
        """The cluster told nothing for a time."""
        self._blind.append(Blindness(from_s, until_s, why))

    def watch_dropped(self) -> None:
        """A watch ended and was taken up again: its first round tells the current state, so that nothing final is missed."""
        self._dropped += 1

    def unplaced(self, words: str) -> None:
        """Pods found no node: which, and what the nodes have left."""
        self._unplaced = words

    @property
    def ready(self) -> int:
        """The application's pods that are ready now."""
        return len(self._ready())

    def disturbed(self, who: str) -> bool:
        """Another command worked on the stack. Whether that is new."""
        new = who not in self._others
        if new:
            self._others.append(who)
        return new

    def points(self, began_s: float) -> tuple[ReplicaPoint, ...]:
        """The replicas relative to `began_s` (epoch seconds), with the last state before it as the first point."""
        return _since(self._points, began_s)

    def timeline(self, began_s: float, ended_s: float, first_answers: Mapping[PodName, float]) -> Timeline:
        """Everything relative to the load's begin (epoch seconds), with the last state before it as the first point."""
        points = self.points(began_s)
        settings = [value for at_s, value in self._settings if at_s <= began_s][-1:] or [value for _, value in self._settings[:1]]
        usage = tuple(item.placed(self._clocks, self._steady_since, began_s) for item in self._usage)
        idle_at_first = bool(points) and points[0].cpu_percent is not None and not points[0].calls_for_more
        decisions = tuple(
            replace(_attributed(seen, item, item.at_s - began_s, usage, taken, idle_at_first), settings_changed=[seen.settings] != settings)
            for seen, item, taken in self._decisions
            if item.at_s >= began_s
        )
        shown = _metric_shown(points)
        problems = [problem for item in self._usage for node, _ in item.starts if (problem := self._clocks.problem(node))]
        if shown is not None:
            sampled = [point.sampled_at_s for point in usage if point.sampled_at_s <= shown.at_s]
            shown = MetricShown(shown.at_s, shown.cpu_percent, sampled[-1] if sampled else None)
        periods = [gap for before, after in pairwise(self._usage) if (gap := after.sampled_at_s - before.sampled_at_s) > 0]
        return Timeline(
            observed_s=max(0.0, ended_s - began_s),
            autoscaled=self._autoscaler is not None,
            points=points,
            decisions=decisions,
            new_pods=self._new_pods(began_s, decisions, first_answers),
            usage=usage,
            usage_problem=self._usage_problem,
            metric_shown=shown,
            metric_period_s=median(periods) if periods else None,
            at_maximum=_at_maximum(points),
            blind=tuple(
                Blindness(max(0.0, b.from_s - began_s), None if b.until_s is None else b.until_s - began_s, b.why) for b in self._blind
            ),
            dropped_watches=self._dropped,
            waiting_pods=self._waiting(),
            metric_problem=_metric_problem(self._autoscaler),
            scale_up_window_s=self._autoscaler.scale_up_window_s if self._autoscaler else 0.0,
            scale_up_period_s=scale_up_period_s(self._autoscaler) if self._autoscaler else 0.0,
            scale_up_disabled=self._autoscaler is not None and scale_up_disabled(self._autoscaler),
            clock_problem=problems[0] if problems else "",
            others=tuple(self._others),
            autoscaler_gone_s=self._gone_at_s - began_s if self._autoscaler is None and self._gone_at_s is not None else None,
            unplaced=self._unplaced,
            nodes=self._nodes.points(self._clocks, began_s),
            nodes_problem=self._nodes.problem,
            throttling=self._throttling,
            incidents=self.incidents.found(began_s, ended_s),
        )

    def _ready(self) -> list[Pod]:
        return [pod for pod in self._pods.values() if pod.ready and not pod.deleting]

    def _note(self, at_s: float) -> None:
        seen = self._autoscaler
        last = self._points[-1] if self._points else None
        percent = seen.cpu_percent if seen and seen.has_metric else None
        ready = len(self._ready())
        same_reading = last is not None and last.cpu_percent == percent
        point = ReplicaPoint(
            at_s=at_s,
            ready=ready,
            desired=seen.desired if seen else None,
            cpu_percent=percent,
            target_percent=seen.cpu_target_percent if seen else None,
            minimum=seen.minimum if seen else None,
            maximum=seen.maximum if seen else None,
            measured=last.measured if last is not None and same_reading else ready,
            read_since_s=last.read_since_s if last is not None and same_reading else at_s,
            tolerance=tolerances(seen).scale_up if seen else DEFAULT_TOLERANCE,
        )
        if not self._points or _values(self._points[-1]) != _values(point):
            self._points.append(point)

    def _new_pods(self, began_s: float, decisions: tuple[Decision, ...], answers: Mapping[PodName, float]) -> tuple[NewPod, ...]:
        found = []
        for pod, ready_at_s in self._ready_at.items():
            if ready_at_s <= began_s:
                continue
            at_s = ready_at_s - began_s
            asked = [item.at_s for item in decisions if item.after > item.before and item.at_s <= at_s]
            answer = answers.get(pod)
            found.append(NewPod(pod, at_s, at_s - asked[-1] if asked else None, None if answer is None else max(0.0, answer - began_s)))
        return tuple(sorted(found, key=lambda item: item.ready_at_s))

    def _taken_away(self, scaler: Autoscaler, at_s: float) -> int:
        """The most pods that the autoscaler can have taken away within its policies' period before `at_s`: those that were seen to go, and
        any number where it changed them shortly before it was looked at."""
        since_s = at_s - scale_up_period_s(scaler) - READ_AFTER_S
        last_s = self._first.last_scale_at_s if self._first is not None else None
        if last_s is not None and last_s >= since_s:
            return scaler.maximum - scaler.minimum
        return sum(max(0, item.before - item.after) for _, item, _ in self._decisions if item.at_s >= since_s)

    def _waiting(self) -> tuple[str, ...]:
        """The pods that are not ready at the end, each with the reason that the cluster gives."""
        found = []
        for pod in self._pods.values():
            if not pod.ready and not pod.deleting:
                reasons = [container.reason for container in pod.every_container if not container.ready and container.reason]
                found.append(f"{pod.name}: {pod.scheduling_message or ', '.join(reasons) or pod.phase}")
        return tuple(found)


def _attributed(
    scaler: Autoscaler, decision: Decision, at_s: float, usage: tuple[UsagePoint, ...], taken_away: int, idle_at_first: bool
) -> Decision:
    """A decision at `at_s` after the load's begin, with what this load alone must have caused of it. See `most_replicas`."""
    read = round_read(scaler, usage, at_s)
    own = own_percent(decision.cpu_percent, None if read is None else usage[read])
    if not usage and at_s >= BLIND_METRIC_S - READ_AFTER_S:
        own = decision.cpu_percent
    confirmed = confirmed_replicas(scaler, usage, read=read, replicas=decision.before, idle_at_first=idle_at_first)
    reading = own if confirmed is None else decision.cpu_percent
    most = most_replicas(scaler, reading, replicas=decision.before, ready=decision.ready, at_s=at_s, taken_away=taken_away)
    return replace(decision, at_s=at_s, own_percent=own, most=most, confirmed=confirmed)


def _values(point: ReplicaPoint) -> tuple[int | None, ...]:
    return (point.ready, point.desired, point.cpu_percent, point.target_percent, point.minimum, point.maximum)


def _since(points: list[ReplicaPoint], began_s: float) -> tuple[ReplicaPoint, ...]:
    before = [point for point in points if point.at_s <= began_s][-1:]
    return tuple(
        replace(p, at_s=max(0.0, p.at_s - began_s), read_since_s=None if p.read_since_s is None else p.read_since_s - began_s)
        for p in before + [point for point in points if point.at_s > began_s]
    )


def _metric_shown(points: tuple[ReplicaPoint, ...]) -> MetricShown | None:
    readings = [(point.at_s, point.cpu_percent) for point in points if point.cpu_percent is not None]
    if not readings:
        return None
    first, peak = readings[0][1], max(percent for _, percent in readings)
    if peak - first < NOTICEABLE_POINTS:
        return None
    return next(MetricShown(at_s, percent, None) for at_s, percent in readings if percent >= (first + peak) / 2)


def _at_maximum(points: tuple[ReplicaPoint, ...]) -> AtMaximum | None:
    limited = [(point.at_s, point.maximum, point.wanted) for point in points if point.maximum is not None and point.at_maximum]
    wanted = max((want for _, maximum, want in limited if want is not None and want > maximum), default=None)
    if wanted is None:
        return None
    since_s = next(at_s for at_s, maximum, want in limited if want is not None and want > maximum)
    return AtMaximum(since_s, limited[-1][1], wanted)


def _metric_problem(seen: Autoscaler | None) -> str:
    if seen is None or seen.has_metric:
        return ""
    broken = next((c for c in seen.conditions if c.type == "ScalingActive" and not c.status), None)
    return f"{broken.reason}: {broken.message}" if broken else "it has no metric yet"
