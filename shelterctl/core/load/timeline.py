"""What the cluster did during a load: replicas, the autoscaler's readings and decisions, new pods, and where nothing could be seen.

Times in the records are seconds since the load's begin; what is observed is stamped with this machine's clock when it arrives.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shelterctl.core.controller import SYNC_S
from shelterctl.core.hpa.algorithm import desired_from_utilization
from shelterctl.core.hpa.tolerance import DEFAULT_TOLERANCE
from shelterctl.core.load.course.faults import Incident
from shelterctl.core.load.course.nodes import NodePoint
from shelterctl.core.load.course.throttling import Throttling
from shelterctl.core.state import PodName

#: A sync of the autoscaler and a poll: how long after a metric is there the autoscaler must have read it.
READ_AFTER_S = 20.0
#: Where the metric's own times cannot be seen: two periods of the slowest metrics pipeline in use (60 s on minikube), and a sync.
BLIND_METRIC_S = 140.0


@dataclass(frozen=True, slots=True)
class ReplicaPoint:
    """The replicas at one moment, recorded whenever one of the values changed.

    `cpu_percent` is what the autoscaler reads, `measured` how many pods were ready when it first read that (None: as many as now), and
    `read_since_s` when that was (None: at `at_s`). `tolerance` is the autoscaler's own for scaling up, a share.
    """

    at_s: float
    ready: int
    desired: int | None
    cpu_percent: int | None
    target_percent: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    measured: int | None = None
    read_since_s: float | None = None
    tolerance: float = DEFAULT_TOLERANCE

    @property
    def wanted(self) -> int | None:
        """The replicas that the reading asks for, before the autoscaler's limits and stabilization.

        It multiplies the pods that were ready when the reading came: those that came later have no part in it.
        """
        pods = self.ready if self.measured is None else self.measured
        if self.cpu_percent is None or not self.target_percent or not pods:
            return None
        return desired_from_utilization(pods, self.cpu_percent, self.target_percent, self.tolerance)

    @property
    def at_maximum(self) -> bool:
        """Whether the autoscaler had no more replicas to give."""
        return self.maximum is not None and self.desired is not None and self.desired >= self.maximum

    @property
    def calls_for_more(self) -> bool:
        """Whether the reading is above the target and its tolerance."""
        return self.wanted is not None and self.wanted > self.ready


@dataclass(frozen=True, slots=True)
class Decision:
    """The autoscaler changed the number of replicas; `ready` is how many were ready then.

    `own_percent` is how much of the reading this load alone must have caused: all of it where the measurement lay wholly under the load,
    none where it lay before, and where it began before, what is left when every pod is taken to have run at its limit until the load
    began. It is None where that cannot be told. `most` are the most replicas that the autoscaler's own rules make of that.
    `confirmed` is set where the measurement began before the load, and the next ones, of this load alone, call for more replicas than
    there were before as well: for how many. `most` is then of the whole reading.
    `settings_changed`: somebody wrote its bounds, target or behavior between the load's begin and this.
    """

    at_s: float
    before: int
    after: int
    ready: int
    cpu_percent: int | None
    own_percent: int | None = None
    most: int | None = None
    settings_changed: bool = False
    confirmed: int | None = None


@dataclass(frozen=True, slots=True)
class NewPod:
    """A pod that became ready during the load, how long after the decision that asked for it, and when it first answered."""

    pod: PodName
    ready_at_s: float
    after_decision_s: float | None
    first_answer_at_s: float | None


@dataclass(frozen=True, slots=True)
class UsagePoint:
    """A round of metrics: when it was seen, when it was measured (over how long), and what the application's pods used together.

    `measured_from_s` is the earliest that a measurement of the round can have begun by this machine's clock; None where the node's clock
    cannot be placed on it. `steady_millicores` is what those of the pods used that were ready from before their window on, `steady_pods`
    how many they are: the others may have been starting. `old_millicores` and `old_pods` are those of them that were there before the
    load. `request_millicores` is what a pod requests, None where one requests nothing.
    """

    seen_at_s: float
    sampled_at_s: float
    window_s: float
    cpu_millicores: int
    pods: int
    limit_percent: float | None
    measured_from_s: float | None = None
    steady_millicores: int = 0
    steady_pods: int = 0
    old_millicores: int = 0
    old_pods: int = 0
    request_millicores: float | None = None


@dataclass(frozen=True, slots=True)
class MetricShown:
    """The first reading that showed the load: past the middle between the reading before the load and the highest one."""

    at_s: float
    cpu_percent: int
    sampled_at_s: float | None


@dataclass(frozen=True, slots=True)
class AtMaximum:
    """The autoscaler had no more replicas to give from `since_s` on; `wanted` is the most that a reading asked for meanwhile."""

    since_s: float
    maximum: int
    wanted: int


@dataclass(frozen=True, slots=True)
class Blindness:
    """A time without an answer of the cluster. `until_s` is None where it lasted to the end."""

    from_s: float
    until_s: float | None
    why: str


@dataclass(frozen=True, slots=True)
class Call:
    """A time on end that readings called for more pods than were ready, with the points at its begin and its end."""

    from_s: float
    until_s: float
    first: ReplicaPoint
    last: ReplicaPoint


@dataclass(frozen=True, slots=True)
class Timeline:
    """The whole run as the cluster told it. `observed_s` is how long it was watched after the load's begin.

    `scale_up_window_s` is the autoscaler's stabilization window for scaling up, `scale_up_period_s` the longest period of its policies for
    that (seconds): what was added shortly before the load may have used it up. `scale_up_disabled` is whether its behavior
    forbids it to add pods. `clock_problem` says why the measurements' own times cannot be placed. `others` are the commands that worked on
    the stack meanwhile. `autoscaler_gone_s` is when an autoscaler that was there went for good; `unplaced` says which pods found no node at
    the end, with the nodes' numbers. `nodes` are the measurements of the nodes, `nodes_problem` why there are none; both are empty where
    the target has no nodes. `throttling` is None where nobody asked for it. `incidents` are what broke meanwhile.
    """

    observed_s: float
    autoscaled: bool
    points: tuple[ReplicaPoint, ...]
    decisions: tuple[Decision, ...] = ()
    new_pods: tuple[NewPod, ...] = ()
    usage: tuple[UsagePoint, ...] = ()
    usage_problem: str = ""
    metric_shown: MetricShown | None = None
    metric_period_s: float | None = None
    at_maximum: AtMaximum | None = None
    blind: tuple[Blindness, ...] = ()
    dropped_watches: int = 0
    waiting_pods: tuple[str, ...] = ()
    metric_problem: str = ""
    scale_up_window_s: float = 0.0
    scale_up_period_s: float = 0.0
    scale_up_disabled: bool = False
    clock_problem: str = ""
    others: tuple[str, ...] = ()
    autoscaler_gone_s: float | None = None
    unplaced: str = ""
    nodes: tuple[NodePoint, ...] = ()
    nodes_problem: str = ""
    throttling: Throttling | None = None
    incidents: tuple[Incident, ...] = ()

    @property
    def held_back_s(self) -> float:
        """How long its own rules may keep the autoscaler from following a reading that calls for more pods."""
        return self.scale_up_window_s + max(0.0, self.scale_up_period_s - SYNC_S)

    @property
    def under_load_s(self) -> float | None:
        """From when on a reading of the autoscaler rests on a measurement that lies wholly under this load; None where none does.

        It reads the newest measurement there is: once one was seen that began after the load did, nothing older is read.
        """
        if not self.usage:
            # Nothing is known of the metric's own times: the slowest pipeline in use has passed its last old measurement by then.
            return BLIND_METRIC_S - READ_AFTER_S if self.observed_s > BLIND_METRIC_S else None
        return next((p.seen_at_s for p in self.usage if p.measured_from_s is not None and p.measured_from_s >= 0), None)

    def calls(self) -> tuple[Call, ...]:
        """Each time on end that a reading of this load called for more pods than were ready."""
        found: list[Call] = []
        for point, from_s, until_s in self._of_this_load():
            if not point.calls_for_more or from_s >= until_s:
                continue
            if found and found[-1].until_s == from_s:
                found[-1] = Call(found[-1].from_s, until_s, found[-1].first, point)
            else:
                found.append(Call(from_s, until_s, point, point))
        return tuple(found)

    def readings(self) -> tuple[ReplicaPoint, ...]:
        """The points with a reading that rests on this load."""
        return tuple(p for p, from_s, until_s in self._of_this_load() if p.cpu_percent is not None and from_s <= until_s)

    def _spans(self) -> Iterator[tuple[ReplicaPoint, float]]:
        """Each point, and until when it was so."""
        for number, point in enumerate(self.points):
            yield point, self.points[number + 1].at_s if number + 1 < len(self.points) else self.observed_s

    def _of_this_load(self) -> Iterator[tuple[ReplicaPoint, float, float]]:
        """Each point, and from when until when its reading rests on this load; a time that ends before it begins is none."""
        under_s = self.under_load_s
        if under_s is None:
            return
        for point, until_s in self._spans():
            fresh = (point.at_s if point.read_since_s is None else point.read_since_s) >= under_s
            # A reading that was there before may be an old one until the autoscaler has looked again.
            yield point, max(point.at_s, under_s if fresh else under_s + READ_AFTER_S), until_s

    @property
    def unread(self) -> tuple[tuple[float, float], ...]:
        """From when until when an autoscaler that had had a metric had none."""
        had = False
        found: list[tuple[float, float]] = []
        for point, until_s in self._spans():
            if point.cpu_percent is not None:
                had = True
            elif had and until_s > point.at_s:
                from_s = found.pop()[0] if found and found[-1][1] == point.at_s else point.at_s
                found.append((from_s, until_s))
        return tuple(found)

    @property
    def first_ready(self) -> int:
        return self.points[0].ready if self.points else 0

    @property
    def peak_ready(self) -> int:
        return max((point.ready for point in self.points), default=0)

    @property
    def cpu_limit_percent(self) -> float | None:
        """The most that the application's pods used together, in percent of their limits."""
        return max((point.limit_percent for point in self.usage if point.limit_percent is not None), default=None)
