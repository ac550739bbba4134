"""What a target looks like at one moment: workloads, pods, autoscaler, claims, endpoints. Adapters fill these records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NewType

from shelterctl.core.endpoint import Endpoint

PodName = NewType("PodName", str)
Namespace = NewType("Namespace", str)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stack is: the target by the name that people know it under (a kubeconfig context), and the namespace in it.

    `profile` is the minikube profile, where the target is one; `label` is what kind of name `context` is. `key` tells two targets of one
    name apart.
    """

    context: str
    namespace: str
    profile: str | None = None
    label: str = "Context"
    key: str = ""

    @property
    def lock(self) -> str:
        """What the stack's lock is called, with its namespace."""
        return self.key or self.context


class Role(Enum):
    """What a part of the stack is for."""

    APP = "app"
    DATABASE = "db"
    #: A front end, a worker, a tool: it is deployed, waited for and shown, and nothing is proved of it.
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Mount:
    """A volume in a container: where it is mounted, what it is (`claim`, `emptyDir` or another kind) and the claim's or volume's name."""

    path: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class ContainerState:
    """A container's status. `state` is waiting, running or terminated; `reason` is the runtime's word for it.

    `ports` and `mounts` are what its pod's template says; `probed` that a readiness probe asks it: without one the kubelet calls it
    ready as soon as its process runs. `data_path` is where a database in it keeps its data, as far as its arguments or
    its image tell; empty where they do not.
    """

    name: str
    ready: bool
    restarts: int
    state: str
    reason: str
    message: str
    image: str
    image_id: str
    container_id: str
    started_at_s: float | None = None
    last_exit_code: int | None = None
    last_reason: str = ""
    last_container_id: str = ""
    last_finished_at_s: float | None = None
    ports: tuple[int, ...] = ()
    mounts: tuple[Mount, ...] = ()
    data_path: str = ""
    probed: bool = False


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod. Times are seconds since the epoch by the cluster's clock; `revision` is its template's hash.

    `workload` is the name of the Deployment or StatefulSet that made it; empty where a target does not tell.
    """

    name: PodName
    namespace: str
    uid: str
    role: Role | None
    phase: str
    ready: bool
    deleting: bool
    node: str
    ip: str
    revision: str
    owner_uid: str
    created_at_s: float
    ready_since_s: float | None
    containers: tuple[ContainerState, ...]
    scheduled: bool = True
    scheduling_message: str = ""
    claims: tuple[str, ...] = ()
    ephemeral_volumes: tuple[str, ...] = ()
    cpu_requests_millicores: tuple[int | None, ...] = ()
    cpu_limits_millicores: tuple[int | None, ...] = ()
    start_time_s: float | None = None
    memory_requests_bytes: tuple[int, ...] = ()
    init_containers: tuple[ContainerState, ...] = ()
    workload: str = ""

    @property
    def every_container(self) -> tuple[ContainerState, ...]:
        """With those that must end, or be ready, before the others start."""
        return self.init_containers + self.containers

    def belongs_to(self, workload: Workload) -> bool:
        """Whether the workload made it: several may have one role."""
        if self.namespace != workload.namespace or self.role is not workload.role:
            return False
        return not self.workload or self.workload == workload.name

    @property
    def part(self) -> str:
        """Which part of the stack it is of, as people name it: app, db, or the workload's own name."""
        return self.workload if self.role is Role.OTHER else self.role.value if self.role is not None else ""

    def title(self, *, own_names: bool) -> str:
        """Its part as it is told: in a user's own stack, where nobody calls anything `app`, by the name of its workload."""
        return (self.workload if own_names and self.role is not None else "") or self.part

    def container(self, name: str) -> ContainerState | None:
        return next((container for container in self.containers if container.name == name), None)

    def running(self, image: str) -> ContainerState | None:
        """The container that was asked to run an image: others may stand before it in the pod."""
        return next((container for container in self.containers if container.image == image), None)

    @property
    def restarts(self) -> int:
        return sum(container.restarts for container in self.containers)


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment or a StatefulSet (or whatever runs the replicas elsewhere).

    `revision` is the newest template's hash: pods that carry it belong to the current rollout.
    `failure` is the controller's own word for why it cannot go on (a quota, an exceeded deadline); `failed_at_s` is when it gave up for
    good, where it did (epoch seconds).
    """

    kind: str
    name: str
    namespace: str
    role: Role
    generation: int
    observed_generation: int
    revision: str
    desired: int
    updated: int
    ready: int
    available: int
    total: int
    image: str
    failure: str = ""
    failed_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition as the autoscaler reports it."""

    type: str
    status: bool
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Autoscaler:
    """The autoscaler's status. `cpu_percent` is None until it has a metric.

    `scale_up_window_s` is its stabilization window for scaling up (seconds): it waits that long before it follows a higher reading.
    `behavior` is `spec.behavior` as written (`core.hpa.behavior` reads it); None where there is none, which the controller treats apart
    from an empty one. `created_at_s` tells one from another of its name that stood there before (epoch seconds of the cluster's clock).
    `other_metrics` are what it goes by beside the CPU utilization of the whole pods, as it names them: the one that asks for most decides.
    """

    name: str
    minimum: int
    maximum: int
    current: int
    desired: int
    cpu_target_percent: int | None
    cpu_percent: int | None
    conditions: tuple[Condition, ...] = ()
    last_scale_at_s: float | None = None
    scale_up_window_s: float = 0.0
    behavior: Mapping[str, object] | None = None
    created_at_s: float | None = None
    other_metrics: tuple[str, ...] = ()

    @property
    def settings(self) -> tuple[object, ...]:
        """What somebody wrote, and the controller does not change: bounds, metrics and behavior."""
        return self.minimum, self.maximum, self.cpu_target_percent, self.behavior, self.other_metrics

    def condition(self, kind: str) -> Condition | None:
        return next((item for item in self.conditions if item.type == kind), None)

    @property
    def has_metric(self) -> bool:
        active = self.condition("ScalingActive")
        return self.cpu_percent is not None and (active is None or active.status)


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim on durable storage and the volume that it is bound to."""

    name: str
    namespace: str
    uid: str
    phase: str
    volume: str
    storage_class: str
    capacity: str
    deleting: bool
    volume_uid: str = ""
    volume_kind: str = ""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of the cluster. `at_s` is when it was last seen, seconds since the epoch."""

    subject: str
    reason: str
    message: str
    warning: bool
    count: int
    at_s: float


@dataclass(frozen=True, slots=True)
class Usage:
    """What a pod used when the metrics were last taken. `sampled_at_s` is the sample's time by the cluster's clock."""

    pod: PodName
    cpu_millicores: int
    memory_bytes: int
    sampled_at_s: float
    window_s: float


@dataclass(frozen=True, slots=True)
class StackState:
    """The whole stack at one moment.

    `problems` are sentences about what the target itself misses beside the records. `stale` has the pods of which nothing is known since
    their machine started: what is told of them is of before, and `stale_why` says so. `caveats` are sentences about what the stack runs on,
    and what that is not. `database_elsewhere` is where the application keeps its documents, where that is no part of this stack.
    """

    taken_at_s: float
    namespace: str
    workloads: tuple[Workload, ...]
    pods: tuple[Pod, ...]
    autoscaler: Autoscaler | None
    claims: tuple[Claim, ...]
    endpoint: Endpoint | None
    happenings: tuple[Happening, ...] = ()
    usage: tuple[Usage, ...] = ()
    usage_problem: str = ""
    problems: tuple[str, ...] = ()
    stale: tuple[PodName, ...] = ()
    stale_why: str = ""
    caveats: tuple[str, ...] = ()
    database_elsewhere: str = ""

    def workload(self, role: Role) -> Workload | None:
        return next((workload for workload in self.workloads if workload.role is role), None)

    def pods_of(self, role: Role) -> tuple[Pod, ...]:
        return tuple(pod for pod in self.pods if pod.role is role)


def count_ready(pods: Iterable[Pod]) -> int:
    """The application's pods that can serve: ready, and not on their way out."""
    return sum(pod.ready and not pod.deleting for pod in pods if pod.role is Role.APP)


def successor(pods: Iterable[Pod], before: Pod) -> Pod | None:
    """The pod that stands where `before` stood: itself, one of its name (a StatefulSet's), or the newest of its workload (a Deployment
    gives each pod another name)."""
    own = [
        pod
        for pod in pods
        if pod.namespace == before.namespace
        and (pod.name == before.name or (before.workload and pod.role is before.role and pod.workload == before.workload))
    ]
    return max(own, key=lambda pod: (not pod.deleting, pod.created_at_s), default=None)


def app_first(pod: Pod) -> tuple[int, float, str]:
    """The order in which pods are shown: the application's, then others', the database's last; each by age."""
    rank = {Role.APP: 0, Role.OTHER: 1, Role.DATABASE: 2, None: 3}[pod.role]
    return rank, pod.created_at_s, pod.name
