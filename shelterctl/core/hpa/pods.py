"""How the HorizontalPodAutoscaler sorts the pods of its target before it reads their CPU metrics.

Source: ``groupPods`` and ``calculatePodRequests`` in Kubernetes' ``pkg/controller/podautoscaler/replica_calculator.go``,
release 1.34.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

DEFAULT_CPU_INITIALIZATION_PERIOD_S = 300.0
DEFAULT_INITIAL_READINESS_DELAY_S = 30.0


@dataclass(frozen=True, slots=True)
class PodSample:
    """One pod that the scale's selector matches, with its latest CPU sample. Ages are seconds before now.

    :param phase: ``status.phase``.
    :param ready: the Ready condition; None when the pod has none. Pass True for a status of Unknown: the controller
        only asks whether the status is False.
    :param start_age_s: age of ``status.startTime``; None when it has none.
    :param transition_age_s: age of the Ready condition's ``lastTransitionTime``; None when it has none, which counts
        as long ago.
    :param deleting: whether ``metadata.deletionTimestamp`` is set.
    :param requests_millicores: the CPU request of each container, restartable init containers after the others; None
        where there is none. One entry alone when the pod itself has a CPU request (``spec.resources``).
    :param usage_millicores: the pod's CPU usage; None when metrics-server has no sample of it.
    :param sample_age_s: age of that sample's timestamp.
    :param window_s: the time that sample covers.
    :param container_names: the containers' names in the order of the requests; without them an error calls them
        c0, c1 and so on.
    """

    name: str
    phase: str
    ready: bool | None
    start_age_s: float | None
    transition_age_s: float | None
    deleting: bool
    requests_millicores: tuple[int | None, ...]
    usage_millicores: int | None
    sample_age_s: float = 0.0
    window_s: float = 30.0
    container_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.container_names and len(self.container_names) != len(self.requests_millicores):
            raise ValueError(f"pod {self.name}: {len(self.container_names)} container names for {len(self.requests_millicores)} requests")


class PodGroup(StrEnum):
    """What the controller does with a pod."""

    READY = "ready"  # its usage counts
    UNREADY = "unready"  # its usage is dropped; on a scale-up it counts as using nothing
    MISSING = "missing"  # no usage: counted against the direction of the change
    IGNORED = "ignored"  # as if it were not there


class GroupReason(StrEnum):
    """Why a pod is in its group; the values are texts for people."""

    DELETING = "is being deleted"
    FAILED = "has failed"
    PENDING = "is pending"
    NO_METRIC = "has no metric"
    NO_READY_CONDITION = "has no Ready condition"
    NO_START_TIME = "has no start time"
    STARTING_NOT_READY = "is starting and not ready"
    STARTING_SAMPLE_TOO_EARLY = "is starting, and its sample reaches back before its last change of readiness"
    NEVER_READY = "has never been ready"
    COUNTED = "counts"


@dataclass(frozen=True, slots=True)
class SortedPod:
    """A pod's name, its group and the reason for it."""

    name: str
    group: PodGroup
    reason: GroupReason


def sort_pods(
    pods: Sequence[PodSample],
    *,
    cpu_initialization_period_s: float = DEFAULT_CPU_INITIALIZATION_PERIOD_S,
    initial_readiness_delay_s: float = DEFAULT_INITIAL_READINESS_DELAY_S,
) -> tuple[SortedPod, ...]:
    """Sort the pods into groups, in their order."""
    return tuple(_sort(pod, cpu_initialization_period_s, initial_readiness_delay_s) for pod in pods)


def _sort(pod: PodSample, cpu_initialization_period_s: float, initial_readiness_delay_s: float) -> SortedPod:
    if pod.deleting:
        return SortedPod(pod.name, PodGroup.IGNORED, GroupReason.DELETING)
    if pod.phase == "Failed":
        return SortedPod(pod.name, PodGroup.IGNORED, GroupReason.FAILED)
    if pod.phase == "Pending":
        return SortedPod(pod.name, PodGroup.UNREADY, GroupReason.PENDING)
    if pod.usage_millicores is None:
        return SortedPod(pod.name, PodGroup.MISSING, GroupReason.NO_METRIC)
    reason = _why_unready(pod, cpu_initialization_period_s, initial_readiness_delay_s)
    if reason is not None:
        return SortedPod(pod.name, PodGroup.UNREADY, reason)
    return SortedPod(pod.name, PodGroup.READY, GroupReason.COUNTED)


def _why_unready(pod: PodSample, cpu_initialization_period_s: float, initial_readiness_delay_s: float) -> GroupReason | None:
    if pod.ready is None:
        return GroupReason.NO_READY_CONDITION
    if pod.start_age_s is None:
        return GroupReason.NO_START_TIME
    transition_age_s = float("inf") if pod.transition_age_s is None else pod.transition_age_s
    if pod.start_age_s < cpu_initialization_period_s:
        if not pod.ready:
            return GroupReason.STARTING_NOT_READY
        if pod.sample_age_s > transition_age_s - pod.window_s:
            return GroupReason.STARTING_SAMPLE_TOO_EARLY
        return None
    if not pod.ready and transition_age_s > pod.start_age_s - initial_readiness_delay_s:
        return GroupReason.NEVER_READY
    return None


@dataclass(frozen=True, slots=True)
class MissingRequest:
    """The first container found without a CPU request, which makes the whole metric fail."""

    pod: str
    container: str

    def __str__(self) -> str:
        return f"missing request for cpu in container {self.container} of Pod {self.pod}"


def find_missing_request(pods: Sequence[PodSample]) -> MissingRequest | None:
    """Find the first container without a request, over all listed pods, the ignored ones too.

    The controller lists its pods in no particular order: where several lack a request, it may name another.
    """
    for pod in pods:
        for position, request in enumerate(pod.requests_millicores):
            if request is None:
                name = pod.container_names[position] if pod.container_names else f"c{position}"
                return MissingRequest(pod.name, name)
    return None
