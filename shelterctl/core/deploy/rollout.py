"""Is a rollout done, on its way, or past mending? Judged from the workload's own counts and its newest pods only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from shelterctl.core.state import Claim, ContainerState, Pod, Workload

#: Reasons that no waiting mends.
FATAL_NOW = frozenset({"InvalidImageName", "ErrImageNeverPull"})
#: Reasons that may pass by themselves (a Secret that comes, a registry that answers again), for this many seconds.
FATAL_AFTER_S = {
    "CreateContainerConfigError": 10.0,
    "CreateContainerError": 15.0,
    "RunContainerError": 15.0,
    "ImagePullBackOff": 15.0,
    "ErrImagePull": 15.0,
    "CrashLoopBackOff": 20.0,
}
#: Restarts of one container in its pod after which it is called crashing even between two back-offs,
CRASHING_RESTARTS = 3
#: as long as it runs for no longer than this. Restarts of last week say nothing about a pod that is not ready today.
CRASHING_WITHIN_S = 60.0


class Progress(Enum):
    """How far a rollout is."""

    COMPLETE = "complete"
    WAITING = "waiting"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with one pod. `container` is empty where the pod itself is the matter. `since_s` counts seconds."""

    pod: Pod
    container: str
    reason: str
    message: str
    since_s: float
    fatal: bool


@dataclass(frozen=True, slots=True)
class RolloutJudgement:
    """Where a rollout stands, as a sentence for the user, with the troubles of its newest pods."""

    progress: Progress
    sentence: str
    troubles: tuple[Trouble, ...] = ()
    stuck_on_old_revision: Pod | None = None


def judge_rollout(workload: Workload, pods: Iterable[Pod], claims: Iterable[Claim], *, now_s: float) -> RolloutJudgement:
    """Judges one workload at `now_s` (epoch seconds by the cluster's clock).

    Complete as `kubectl rollout status` says it: the controller has seen the newest generation, every replica is of the newest
    revision, and as many as wanted are available. An old pod's trouble is not the new rollout's; but a StatefulSet does not replace
    a broken pod of an old revision by itself (kubernetes/kubernetes#67250), which is named.
    """
    own = [pod for pod in pods if pod.role is workload.role and pod.namespace == workload.namespace and not pod.deleting]
    if workload.observed_generation < workload.generation:
        return RolloutJudgement(Progress.WAITING, f"{workload.name}: the controller has not seen the change yet")
    newest = [pod for pod in own if pod.revision == workload.revision]
    troubles = tuple(trouble for pod in newest for trouble in _troubles(pod, now_s))
    if workload.updated >= workload.desired and workload.available >= workload.desired and workload.total <= workload.updated:
        return RolloutJudgement(
            Progress.COMPLETE, f"{workload.name} {workload.ready}/{workload.desired} ready on the new revision", troubles
        )
    if workload.failure:
        return RolloutJudgement(Progress.FAILED, f"{workload.name}: {workload.failure}", troubles)
    fatal = next((trouble for trouble in troubles if trouble.fatal), None)
    if fatal is not None:
        return RolloutJudgement(Progress.FAILED, f"{workload.name}: {_named(fatal)}", troubles)
    stuck = _stuck(workload, own, now_s)
    if stuck is not None:
        sentence = f"{workload.name}: pod {stuck.name} is broken on an old revision, and a StatefulSet does not replace it by itself"
        return RolloutJudgement(Progress.FAILED, sentence, tuple(_troubles(stuck, now_s)), stuck)
    return RolloutJudgement(Progress.WAITING, f"{workload.name}: {_waiting_for(workload, newest, claims, troubles)}", troubles)


def _troubles(pod: Pod, now_s: float) -> Iterable[Trouble]:
    age_s = now_s - pod.created_at_s
    # A container's trouble begins when a node has taken the pod up, however long it waited for one.
    here_s = now_s - (pod.start_time_s or pod.created_at_s)
    if not pod.scheduled and pod.scheduling_message:
        yield Trouble(pod, "", "Unschedulable", pod.scheduling_message, age_s, False)
    for container in pod.containers:
        reason = container.reason
        ran_s = 0.0 if container.started_at_s is None else now_s - container.started_at_s
        crashing = not container.ready and container.restarts >= CRASHING_RESTARTS and ran_s < CRASHING_WITHIN_S
        if container.state == "waiting" and reason in FATAL_NOW:
            yield Trouble(pod, container.name, reason, container.message, age_s, True)
        elif container.state == "waiting" and reason in FATAL_AFTER_S:
            fatal = here_s >= FATAL_AFTER_S[reason] and (reason != "CrashLoopBackOff" or container.restarts >= 2)
            yield Trouble(pod, container.name, reason, container.message, age_s, fatal)
        elif crashing:
            yield Trouble(pod, container.name, "CrashLoopBackOff", _last_exit(container), age_s, True)


def _named(trouble: Trouble) -> str:
    where = f"container {trouble.container} of pod {trouble.pod.name}" if trouble.container else f"pod {trouble.pod.name}"
    said = f": {trouble.message}" if trouble.message else ""
    restarts = next((c.restarts for c in trouble.pod.containers if c.name == trouble.container), 0)
    if trouble.reason == "CrashLoopBackOff":
        return f"{where} crashes ({restarts} restarts in {trouble.since_s:.0f} s)"
    return f"{where}: {trouble.reason}{said}"


def _last_exit(container: ContainerState) -> str:
    if container.last_exit_code is None:
        return ""
    return f"exit code {container.last_exit_code}" + (f", {container.last_reason}" if container.last_reason else "")


def _stuck(workload: Workload, pods: Iterable[Pod], now_s: float) -> Pod | None:
    if workload.kind != "StatefulSet":
        return None
    for pod in pods:
        if pod.revision != workload.revision and any(trouble.fatal for trouble in _troubles(pod, now_s)):
            return pod
    return None


def _waiting_for(workload: Workload, newest: list[Pod], claims: Iterable[Claim], troubles: tuple[Trouble, ...]) -> str:
    counts = f"{workload.updated} of {workload.desired} updated, {workload.available} available"
    pending = {claim.name for claim in claims if claim.phase != "Bound" and claim.namespace == workload.namespace}
    for pod in newest:
        blocked = sorted(pending.intersection(pod.claims))
        if blocked:
            return f"{counts}; pod {pod.name} waits for claim {blocked[0]}, which is not bound"
    if troubles:
        return f"{counts}; {_named(troubles[0])}"
    starting = [pod.name for pod in newest if not pod.ready]
    if starting:
        return f"{counts}; {starting[0]} is starting"
    if workload.total > workload.updated:
        return f"{counts}; {workload.total - workload.updated} old pods are still there"
    return counts
