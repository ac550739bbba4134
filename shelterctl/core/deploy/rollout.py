"""Is a rollout done, on its way, or past mending? Judged from the workload's own counts and its newest pods only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from shelterctl.core.state import Claim, ContainerState, Happening, Pod, StackState, Workload

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
#: Crashes before the kubelet's back-off counts as crashing: the first restart comes at once.
LOOPING_RESTARTS = 2
#: The exit codes of SIGKILL and SIGTERM: somebody ended it, and it did not crash by itself.
_KILLED = (137, 143)
#: What a volume lacks and no waiting brings, as the kubelet's FailedMount events say it (pkg/volume/secret, /configmap, /projected).
_NOT_THERE = re.compile(r'(references non-existent \w+ key: \S+|(?:secret|configmap) "[^"]+" not found)')
MISSING_AFTER_S = 10.0
#: A kubelet tries a container that it could not make again after 10 to 15 s (`backOffPeriod` with its jitter, pkg/kubelet/pod_workers.go),
#: and that takes it a few seconds on a busy node: a Secret may have been made a moment ago.
RETRIED_S = 25.0


@dataclass(frozen=True, slots=True)
class FirstLook:
    """What was there when a command first looked, at `at_s` (epoch seconds): what it judges must have come since.

    `restarts` has each container's count, by its pod's uid and its name.
    """

    at_s: float
    restarts: Mapping[tuple[str, str], int] = field(default_factory=dict)

    @classmethod
    def of(cls, state: StackState, at_s: float) -> FirstLook:
        return cls(at_s, {(pod.uid, item.name): item.restarts for pod in state.pods for item in pod.every_container})


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


def judge_rollout(
    workload: Workload,
    pods: Iterable[Pod],
    claims: Iterable[Claim],
    *,
    now_s: float,
    since: FirstLook | None = None,
    happenings: Iterable[Happening] = (),
) -> RolloutJudgement:
    """Judges one workload at `now_s` (epoch seconds by the cluster's clock).

    With `since`, restarts and errors count from then on: a pod that was killed three times before may start well now. `happenings` tell
    what a pod's volumes lack, which its status does not.

    Complete as `kubectl rollout status` says it: the controller has seen the newest generation, every replica is of the newest
    revision, and as many as wanted are available; and the pods themselves say so: a controller that has just started tells what was
    before it stopped. An old pod's trouble is not the new rollout's; but a StatefulSet does not replace
    a broken pod of an old revision by itself (kubernetes/kubernetes#67250), which is named.
    """
    own = [pod for pod in pods if pod.belongs_to(workload) and not pod.deleting]
    if workload.observed_generation < workload.generation:
        return RolloutJudgement(Progress.WAITING, f"{workload.name}: the controller has not seen the change yet")
    newest = [pod for pod in own if pod.revision == workload.revision]
    troubles = tuple(trouble for pod in newest for trouble in (*_troubles(pod, now_s, since), *_mounts(pod, happenings, now_s, since)))
    counts = workload.updated >= workload.desired and workload.available >= workload.desired and workload.total <= workload.updated
    if counts and sum(pod.ready for pod in newest) >= workload.desired:
        return RolloutJudgement(
            Progress.COMPLETE, f"{workload.name} {workload.ready}/{workload.desired} ready on the new revision", troubles
        )
    fatal = next((trouble for trouble in troubles if trouble.fatal), None)
    if fatal is not None:
        return RolloutJudgement(Progress.FAILED, f"{workload.name}: {named(fatal, since)}", troubles)
    if workload.failure and not _of_before(workload, since):
        return RolloutJudgement(Progress.FAILED, f"{workload.name}: {workload.failure}", troubles)
    stuck = _stuck(workload, own, now_s, since)
    if stuck is not None:
        sentence = f"{workload.name}: pod {stuck.name} is broken on an old revision, and a StatefulSet does not replace it by itself"
        return RolloutJudgement(Progress.FAILED, sentence, tuple(_troubles(stuck, now_s, since)), stuck)
    return RolloutJudgement(Progress.WAITING, f"{workload.name}: {_waiting_for(workload, newest, claims, troubles, since)}", troubles)


def _of_before(workload: Workload, since: FirstLook | None) -> bool:
    """Whether the controller gave up before the command looked: it takes that back only with progress, which may be on its way."""
    return since is not None and workload.failed_at_s is not None and workload.failed_at_s < int(since.at_s)


def _troubles(pod: Pod, now_s: float, since: FirstLook | None) -> Iterator[Trouble]:
    age_s = now_s - pod.created_at_s
    # A container's trouble begins when a node has taken the pod up, however long it waited for one.
    began_s = pod.start_time_s or pod.created_at_s
    here_s = now_s - max(began_s, since.at_s if since is not None else 0.0)
    # What the kubelet said before the first look it must have had the time to say again.
    least_s = RETRIED_S if since is not None and began_s < since.at_s else 0.0
    if not pod.scheduled and pod.scheduling_message:
        yield Trouble(pod, "", "Unschedulable", pod.scheduling_message, age_s, False)
    for container in pod.every_container:
        reason = container.reason
        ran_s = 0.0 if container.started_at_s is None else now_s - container.started_at_s
        crashes = _crashes(pod, container, since)
        crashing = not container.ready and crashes >= CRASHING_RESTARTS and ran_s < CRASHING_WITHIN_S
        if container.state == "waiting" and reason in FATAL_NOW:
            yield Trouble(pod, container.name, reason, container.message, age_s, True)
        elif container.state == "waiting" and reason in FATAL_AFTER_S:
            fatal = here_s >= max(FATAL_AFTER_S[reason], least_s) and (reason != "CrashLoopBackOff" or crashes >= LOOPING_RESTARTS)
            yield Trouble(pod, container.name, reason, container.message, age_s, fatal)
        elif crashing:
            yield Trouble(pod, container.name, "CrashLoopBackOff", _last_exit(container), age_s, True)


def _crashes(pod: Pod, container: ContainerState, since: FirstLook | None) -> int:
    """How often it crashed, as far as that counts now.

    Without a first look, what was killed from outside did not crash (unless it was for want of memory). With one, what was before counts
    as one crash short of the back-off, and only where it crashed by itself: it takes another one, seen, to call it crashing.
    """
    killed = _from_outside(container)
    if since is None:
        return 0 if killed else container.restarts
    before = since.restarts.get((pod.uid, container.name), 0)
    seen = container.restarts - before
    return seen + (min(before, LOOPING_RESTARTS - 1) if seen and not killed else 0)


def _from_outside(container: ContainerState) -> bool:
    """Whether its last end was somebody's doing, or its machine's: a runtime that finds it gone after a restart calls that Unknown."""
    killed = container.last_exit_code in _KILLED and container.last_reason != "OOMKilled"
    return killed or container.last_reason in ("Unknown", "ContainerStatusUnknown")


def _mounts(pod: Pod, happenings: Iterable[Happening], now_s: float, since: FirstLook | None) -> Iterator[Trouble]:
    """A volume that asks for what is not there: the pod stays in ContainerCreating, and only an event says why."""
    if pod.ready or any(container.state != "waiting" for container in pod.every_container):
        return
    began_s = max(pod.start_time_s or pod.created_at_s, int(since.at_s) if since is not None else 0.0)
    for happening in happenings:
        found = _NOT_THERE.search(happening.message)
        if happening.subject == f"pod/{pod.name}" and happening.reason == "FailedMount" and found and happening.at_s >= began_s:
            fatal = now_s - began_s >= MISSING_AFTER_S
            yield Trouble(pod, "", "FailedMount", happening.message, now_s - pod.created_at_s, fatal)
            return


def named(trouble: Trouble, since: FirstLook | None = None) -> str:
    """A trouble as a clause, with its pod and container."""
    where = f"container {trouble.container} of pod {trouble.pod.name}" if trouble.container else f"pod {trouble.pod.name}"
    said = f": {trouble.message}" if trouble.message else ""
    container = next((c for c in trouble.pod.every_container if c.name == trouble.container), None)
    restarts = container.restarts if container is not None else 0
    before = since.restarts.get((trouble.pod.uid, trouble.container), 0) if since is not None else 0
    if trouble.reason == "CrashLoopBackOff" and before and not trouble.fatal:
        return f"{where} waits for its next start after {restarts} restarts"
    if trouble.reason == "CrashLoopBackOff":
        count = f"{restarts} restarts in {trouble.since_s:.0f} s"
        if before:
            count = f"{restarts - before} restarts since this command looked first, {before} before"
        if container is not None and container.last_exit_code == 0:
            return f"{where} ends by itself, without an error ({count}): its command does not go on running"
        return f"{where} crashes ({count})"
    return f"{where}: {trouble.reason}{said}"


def _last_exit(container: ContainerState) -> str:
    if container.last_exit_code is None:
        return ""
    return f"exit code {container.last_exit_code}" + (f", {container.last_reason}" if container.last_reason else "")


def _stuck(workload: Workload, pods: Iterable[Pod], now_s: float, since: FirstLook | None) -> Pod | None:
    if workload.kind != "StatefulSet":
        return None
    for pod in pods:
        if pod.revision != workload.revision and any(trouble.fatal for trouble in _troubles(pod, now_s, since)):
            return pod
    return None


def _waiting_for(
    workload: Workload, newest: list[Pod], claims: Iterable[Claim], troubles: tuple[Trouble, ...], since: FirstLook | None
) -> str:
    counts = f"{workload.updated} of {workload.desired} updated, {workload.available} available"
    pending = {claim.name for claim in claims if claim.phase != "Bound" and claim.namespace == workload.namespace}
    for pod in newest:
        blocked = sorted(pending.intersection(pod.claims))
        if blocked:
            return f"{counts}; pod {pod.name} waits for claim {blocked[0]}, which is not bound"
    if troubles:
        return f"{counts}; {named(troubles[0], since)}"
    starting = next((pod for pod in newest if not pod.ready), None)
    if starting is not None:
        first = next((item.name for item in starting.init_containers if item.state == "running" and not item.ready), "")
        return f"{counts}; {starting.name} is starting{f': its init container {first} runs' if first else ''}"
    if workload.total > workload.updated:
        return f"{counts}; {workload.total - workload.updated} old pods are still there"
    return counts
