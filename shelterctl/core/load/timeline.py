"""What the cluster did during a load: replicas, the autoscaler's readings and decisions, new pods, and where nothing could be seen.

Times in the records are seconds since the load's begin; what is observed is stamped with this machine's clock when it arrives.
"""

from __future__ import annotations

from dataclasses import dataclass

from shelterctl.core.hpa.algorithm import desired_from_utilization
from shelterctl.core.state import PodName


@dataclass(frozen=True, slots=True)
class ReplicaPoint:
    """The replicas at one moment, recorded whenever one of the values changed.

    `cpu_percent` is what the autoscaler reads, `measured` how many pods were ready when it first read that (None: as many as now).
    """

    at_s: float
    ready: int
    desired: int | None
    cpu_percent: int | None
    target_percent: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    measured: int | None = None

    @property
    def wanted(self) -> int | None:
        """The replicas that the reading asks for, before the autoscaler's limits and stabilization.

        It multiplies the pods that were ready when the reading came: those that came later have no part in it.
        """
        pods = self.ready if self.measured is None else self.measured
        if self.cpu_percent is None or not self.target_percent or not pods:
            return None
        return desired_from_utilization(pods, self.cpu_percent, self.target_percent)

    @property
    def calls_for_more(self) -> bool:
        """Whether the reading is above the target and its tolerance (0.1)."""
        return self.wanted is not None and self.wanted > self.ready


@dataclass(frozen=True, slots=True)
class Decision:
    """The autoscaler changed the number of replicas; `ready` is how many were ready then."""

    at_s: float
    before: int
    after: int
    ready: int
    cpu_percent: int | None


@dataclass(frozen=True, slots=True)
class NewPod:
    """A pod that became ready during the load, how long after the decision that asked for it, and when it first answered."""

    pod: PodName
    ready_at_s: float
    after_decision_s: float | None
    first_answer_at_s: float | None


@dataclass(frozen=True, slots=True)
class UsagePoint:
    """A round of metrics: when it was seen, when it was measured (over how long), and what the application's pods used together."""

    seen_at_s: float
    sampled_at_s: float
    window_s: float
    cpu_millicores: int
    pods: int
    limit_percent: float | None


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
class Timeline:
    """The whole run as the cluster told it. `observed_s` is how long it was watched after the load's begin.

    `scale_up_window_s` is the autoscaler's stabilization window for scaling up (seconds).
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
