"""Waits for rollouts and for the autoscaler's first metric; ends early where waiting mends nothing, with the evidence."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import replace

from shelterctl.core.deploy.rollout import Progress, RolloutJudgement, Trouble, judge_rollout
from shelterctl.core.events import Outcome
from shelterctl.core.state import Autoscaler, Pod, Role, StackState, Workload
from shelterctl.core.words import counted
from shelterctl.errors import ClusterError, NotDeployed, RolloutFailed, WaitTimeout
from shelterctl.ops.steps import Done
from shelterctl.ports import Clock, Cluster

POLL_S = 0.5
#: How long a controller may take to withdraw a failure that is over; it looks again within a second or two.
STALE_FAILURE_S = 4.0
LOG_LINES = 12
#: The autoscaler gives up on pods without a CPU request, and no waiting changes a pod's requests.
_HOPELESS_METRIC = "missing request for cpu"
#: Why the API server admits no pod of a workload; a controller that is told so tries again, and nothing changes by itself.
_NOT_ADMITTED = ("exceeded quota", "failed quota", "violates PodSecurity")


def wait_for_rollouts(cluster: Cluster, clock: Clock, *, timeout_s: float, changed: bool) -> Generator[str, None, Done[StackState]]:
    """Waits until every workload is complete. Raises RolloutFailed with the evidence, WaitTimeout with what was still missing."""
    began_s = clock.monotonic_s()
    deadline_s = began_s + timeout_s
    # Events carry whole seconds. Older ones are an earlier attempt's: what they tell of may be mended by now.
    began_wall_s = float(int(clock.wall_s()))
    waited = False
    while True:
        state = cluster.state(with_usage=False)
        if not state.workloads:
            raise NotDeployed(f"namespace {state.namespace} has no workload of the stack", next_command="shelterctl up")
        judged = [(w, judge_rollout(w, state.pods, state.claims, now_s=clock.wall_s())) for w in state.workloads]
        judged = [(w, _admitted(w, judgement, state, began_wall_s)) for w, judgement in judged]
        for workload, judgement in judged:
            # The controller's own word may be of an earlier attempt, whose cause is mended: it gets a moment to take it back.
            stale = bool(workload.failure) and clock.monotonic_s() - began_s < STALE_FAILURE_S
            if judgement.progress is Progress.FAILED and not stale:
                raise _failure(cluster, state, workload.namespace, workload.kind, judgement)
        missing = [judgement.sentence for _, judgement in judged if judgement.progress is not Progress.COMPLETE]
        if not missing:
            title = ", ".join(f"{w.name} {w.ready}/{w.desired}" for w, _ in judged) + " ready"
            outcome = Outcome.CHANGED if changed or waited else Outcome.UNCHANGED
            return Done(title + (" on the newest revision" if outcome is Outcome.CHANGED else ""), state, outcome)
        waited = True
        if clock.monotonic_s() > deadline_s:
            raise WaitTimeout(
                f"the rollout was not complete after {timeout_s:g} s",
                why="; ".join(missing),
                next_command="shelterctl status   (a longer wait: --timeout 10m)",
                details=_evidence(cluster, state, [t for _, j in judged for t in j.troubles]),
            )
        yield "; ".join(missing)
        clock.sleep(POLL_S)


def wait_for_metric(cluster: Cluster, clock: Clock, *, timeout_s: float) -> Generator[str, None, Done[Autoscaler]]:
    """Waits until the autoscaler has a metric. Raises ClusterError where it can never have one, WaitTimeout."""
    began_s = clock.monotonic_s()
    waited = False
    while True:
        autoscaler = cluster.state(with_usage=False).autoscaler
        active = next((c for c in autoscaler.conditions if c.type == "ScalingActive"), None) if autoscaler else None
        if autoscaler is not None and autoscaler.has_metric:
            title = f"HPA has a metric: cpu {autoscaler.cpu_percent}% of {autoscaler.cpu_target_percent}%"
            return Done(title, autoscaler, Outcome.CHANGED if waited else Outcome.UNCHANGED)
        why = active.message if active and not active.status else "the autoscaler has not looked yet"
        if _HOPELESS_METRIC in why:
            raise ClusterError("the HPA can never have a metric", why=why, next_command="shelterctl doctor")
        waited_s = clock.monotonic_s() - began_s
        if waited_s > timeout_s:
            raise WaitTimeout(
                f"the HPA had no metric after {timeout_s:g} s", why=why, next_command="shelterctl doctor   (or leave it out: --no-wait-hpa)"
            )
        waited = True
        yield f"{why} (metrics-server's first samples take 60 to 120 s)"
        clock.sleep(1.0)


def _admitted(workload: Workload, judgement: RolloutJudgement, state: StackState, since_s: float) -> RolloutJudgement:
    """The judgement, or a failure where the workload's pods are not admitted.

    A StatefulSet has no condition that says so (a Deployment has ReplicaFailure): only its events do. A pod that is ending still
    counts against a quota, so while there is one, waiting may help.
    """
    if judgement.progress is not Progress.WAITING or workload.total >= workload.desired or any(pod.deleting for pod in state.pods):
        return judgement
    subject = f"{workload.kind.lower()}/{workload.name}"
    for event in reversed(state.happenings):
        own = event.subject == subject and event.reason == "FailedCreate" and event.at_s >= since_s
        if own and any(words in event.message for words in _NOT_ADMITTED):
            return replace(judgement, progress=Progress.FAILED, sentence=f"{workload.name}: {event.reason}: {event.message}")
    return judgement


def _failure(cluster: Cluster, state: StackState, namespace: str, kind: str, judgement: RolloutJudgement) -> RolloutFailed:
    trouble = next((t for t in judgement.troubles if t.fatal), judgement.troubles[0] if judgement.troubles else None)
    look = f"kubectl -n {namespace} describe {'resourcequota' if 'quota' in judgement.sentence else kind.lower()}"
    why = ""
    if trouble is not None:
        previous = " --previous" if _restarted(trouble) else ""
        look = f"kubectl -n {namespace} logs {trouble.pod.name} -c {trouble.container}{previous}"
        if not trouble.container:
            look = f"kubectl -n {namespace} describe pod {trouble.pod.name}"
        if trouble.reason in ("ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName"):
            look = f"kubectl -n {namespace} describe pod {trouble.pod.name}"
            why = "the node does not have the image and cannot pull it; `shelterctl up` loads those that the local Docker has"
        elif trouble.reason == "CreateContainerConfigError":
            look = f"kubectl -n {namespace} describe pod {trouble.pod.name}"
            why = trouble.message
    if judgement.stuck_on_old_revision is not None:
        look = f"kubectl -n {namespace} delete pod {judgement.stuck_on_old_revision.name}   (the controller then makes the new one)"
    serving = [pod.name for pod in state.pods_of(Role.APP) if pod.ready and not pod.deleting]
    if serving:
        why = (why + "; " if why else "") + f"{counted(len(serving), 'ready pod')} {'goes' if len(serving) == 1 else 'go'} on serving"
    return RolloutFailed(judgement.sentence, why=why, next_command=look, details=_evidence(cluster, state, judgement.troubles))


def _restarted(trouble: Trouble) -> bool:
    return any(c.name == trouble.container and c.restarts for c in trouble.pod.containers)


def _evidence(cluster: Cluster, state: StackState, troubles: Iterable[Trouble]) -> list[str]:
    """What a person would look at first: the container's last lines and its pod's last warnings."""
    lines: list[str] = []
    for trouble in list(troubles)[:1]:
        lines += _log_lines(cluster, trouble)
        lines += _warnings(state, trouble.pod)
    if not lines:
        warnings = [h for h in state.happenings if h.warning][-5:]
        lines = [f"{h.subject}: {h.reason}: {h.message}" for h in warnings]
    return lines


def _log_lines(cluster: Cluster, trouble: Trouble) -> list[str]:
    if not trouble.container:
        return []
    container = next(c for c in trouble.pod.containers if c.name == trouble.container)
    running = container.state == "running"
    lines = cluster.log_tail(trouble.pod, trouble.container, lines=LOG_LINES, previous=bool(container.restarts) and not running)
    if not lines:
        lines = cluster.log_tail(trouble.pod, trouble.container, lines=LOG_LINES)
    if not lines:
        return []
    code = f", exit code {container.last_exit_code}" if container.last_exit_code is not None else ""
    return [f"{trouble.pod.name}, container {trouble.container}{code}, last lines:", *(f"  {line}" for line in lines)]


def _warnings(state: StackState, pod: Pod) -> list[str]:
    lines: list[str] = []
    # What a pod waits for is told by the claim's events, not by its own.
    for subject in (f"pod/{pod.name}", *(f"persistentvolumeclaim/{claim}" for claim in pod.claims)):
        found = [h for h in state.happenings if h.warning and h.subject == subject][-3:]
        if found:
            lines += [f"{subject.partition('/')[2]}, events:", *(f"  {h.reason}: {h.message}" for h in found)]
    return lines
