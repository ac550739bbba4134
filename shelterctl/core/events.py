"""The events that operations yield while they work. Every event is data: the command line draws it, the run folder keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

from shelterctl.core.outcome import Outcome as Outcome
from shelterctl.core.serial import JsonValue, to_json
from shelterctl.core.state import Autoscaler, Pod, PodName, Usage


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step of an operation begins; `title` says what is being waited for."""

    kind: ClassVar[str] = "step_started"
    step: str
    title: str


@dataclass(frozen=True, slots=True)
class PartStarted:
    """A part of a larger operation begins, which could be an operation of its own; `number` of `count`."""

    kind: ClassVar[str] = "part_started"
    part: str
    title: str
    number: int
    count: int


@dataclass(frozen=True, slots=True)
class StepProgress:
    """What the running step sees now (a line of a build, the pods that are still missing)."""

    kind: ClassVar[str] = "step_progress"
    step: str
    detail: str


@dataclass(frozen=True, slots=True)
class StepFinished:
    """A step ended; `title` says what is true now."""

    kind: ClassVar[str] = "step_finished"
    step: str
    title: str
    outcome: Outcome
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the user should know and that stops nothing. `level` is info or warning."""

    kind: ClassVar[str] = "notice"
    text: str
    level: str = "info"


@dataclass(frozen=True, slots=True)
class TargetChosen:
    """Where everything below happens."""

    kind: ClassVar[str] = "target_chosen"
    context: str
    namespace: str
    profile: str | None
    kubernetes_version: str = ""
    runtime: str = ""
    label: str = "Context"


@dataclass(frozen=True, slots=True)
class PodsSeen:
    """The application's and the database's pods at one moment."""

    kind: ClassVar[str] = "pods"
    pods: tuple[Pod, ...]


@dataclass(frozen=True, slots=True)
class AutoscalerSeen:
    """The autoscaler's status at one moment."""

    kind: ClassVar[str] = "autoscaler"
    autoscaler: Autoscaler


@dataclass(frozen=True, slots=True)
class AutoscalerGone:
    """There is no autoscaler: it was deleted, or there was none to begin with (then `name` is empty)."""

    kind: ClassVar[str] = "autoscaler_gone"
    name: str


@dataclass(frozen=True, slots=True)
class UsageSeen:
    """A new measurement of the pods' usage."""

    kind: ClassVar[str] = "usage"
    usage: tuple[Usage, ...]


@dataclass(frozen=True, slots=True)
class NodeUsage:
    """What a node used when its metrics were last taken, and what it can give to pods (allocatable). `sampled_at_s` is the sample's time by
    the node's clock (epoch seconds)."""

    node: str
    cpu_millicores: int
    allocatable_millicores: int
    sampled_at_s: float
    window_s: float


@dataclass(frozen=True, slots=True)
class NodesSeen:
    """A new measurement of the nodes' usage; `problem` says why there is none."""

    kind: ClassVar[str] = "node_usage"
    nodes: tuple[NodeUsage, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ContainerPeriods:
    """The CPU periods (100 ms each) in which a container had something to run since its start, and those of them in which its limit stopped
    it. `cgroup` tells it from an earlier one of its name; `container` is empty where the pod is counted as a whole."""

    pod: PodName
    container: str
    cgroup: str
    periods: int
    throttled: int


@dataclass(frozen=True, slots=True)
class PeriodsSeen:
    """What was counted of the application's containers; `problem` says what could not be read."""

    kind: ClassVar[str] = "cpu_periods"
    containers: tuple[ContainerPeriods, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class IncidentSeen:
    """Something broke, or was changed by somebody else, at `at_s` (epoch seconds). `part` is the database, the application, or empty for
    another command."""

    kind: ClassVar[str] = "incident"
    at_s: float
    part: str
    text: str


@dataclass(frozen=True, slots=True)
class ClusterEventSeen:
    """An event of the cluster itself."""

    kind: ClassVar[str] = "cluster_event"
    subject: str
    reason: str
    message: str
    warning: bool


@dataclass(frozen=True, slots=True)
class WatchDropped:
    """A watch of the cluster ended and is being taken up again."""

    kind: ClassVar[str] = "watch_dropped"
    resource: str
    why: str


@dataclass(frozen=True, slots=True)
class WatchRestored:
    """A watch that had dropped is back, after `after_s`; what was missed meanwhile is told too."""

    kind: ClassVar[str] = "watch_restored"
    resource: str
    after_s: float


@dataclass(frozen=True, slots=True)
class LoadTick:
    """One second of load as the generator counted it. Latencies in ms; None where nothing was answered."""

    kind: ClassVar[str] = "load_tick"
    elapsed_s: float
    users: int
    requests: int
    failures: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    generator_cpu_percent: float
    generator_lag_ms: float
    by_pod: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Milestone:
    """A moment of an experiment (the fault, the first error, the first acknowledged write), in seconds since its start."""

    kind: ClassVar[str] = "milestone"
    name: str
    at_s: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class WritesSoFar:
    """The ledger's running count."""

    kind: ClassVar[str] = "writes"
    attempts: int
    acknowledged: int
    rejected: int
    indeterminate: int


Event: TypeAlias = (
    PartStarted
    | StepStarted
    | StepProgress
    | StepFinished
    | Notice
    | TargetChosen
    | PodsSeen
    | AutoscalerSeen
    | AutoscalerGone
    | UsageSeen
    | NodesSeen
    | PeriodsSeen
    | IncidentSeen
    | ClusterEventSeen
    | WatchDropped
    | WatchRestored
    | LoadTick
    | Milestone
    | WritesSoFar
)


def event_to_json(event: Event) -> dict[str, JsonValue]:
    """The event's fields, led by its kind."""
    body = to_json(event)
    assert isinstance(body, dict)
    return {"kind": event.kind, **body}
