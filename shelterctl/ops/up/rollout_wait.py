"""Waits for rollouts and for the autoscaler's first metric; ends early where waiting mends nothing, with the evidence."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NoReturn

from shelterctl.core.deploy.crash import crash_cause
from shelterctl.core.deploy.rollout import FirstLook, Progress, RolloutJudgement, Trouble, judge_rollout, named
from shelterctl.core.events import Outcome
from shelterctl.core.state import Autoscaler, Happening, Pod, Role, StackState, Workload
from shelterctl.core.words import counted
from shelterctl.errors import ClusterError, NotDeployed, RolloutFailed, WaitTimeout
from shelterctl.ops.steps import Done, wait
from shelterctl.ops.up.unplaced import ASK_THE_DOCTOR, unbound_claim, why_unplaced
from shelterctl.ports.clock import Clock
from shelterctl.ports.target import Target

POLL_S = 0.5
METRIC_POLL_S = 1.0
#: A container that no readiness probe asks counts as ready from its first moment: it must live for that long before it is believed.
STEADY_S = 5.0
#: How long a controller may take to withdraw a failure that is over; it looks again within a second or two.
STALE_FAILURE_S = 4.0
LOG_LINES = 12
_NO_IMAGE = ("ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull")
#: How long a machine that was started may need until it has told how each of its pods is; 5 s were measured on minikube.
TOLD_AFTER_S = 60.0
#: The autoscaler gives up on pods without a CPU request, and no waiting changes a pod's requests.
_HOPELESS_METRIC = "missing request for cpu"
#: Why the API server admits no pod of a workload; a controller that is told so tries again, and nothing changes by itself.
_NOT_ADMITTED = ("exceeded quota", "failed quota", "violates PodSecurity")


def waiting_for(state: StackState, images: Collection[str]) -> tuple[Pod, ...]:
    """The pods that wait until they look for one of these images again."""
    return tuple(
        pod
        for pod in state.pods
        if not pod.deleting and any(c.state == "waiting" and c.reason in _NO_IMAGE and c.image in images for c in pod.every_container)
    )


def wait_for_rollouts(
    target: Target, clock: Clock, *, timeout_s: float, changed: bool, machine_started_s: float | None = None
) -> Generator[str, None, Done[StackState]]:
    """Waits until every workload is complete. Raises RolloutFailed with the evidence, WaitTimeout with what was still missing.

    `machine_started_s` is when the machine under the target was started (epoch seconds), where this command did that.
    """
    rollouts = _Rollouts(target, clock, changed=changed, since_s=float(int(clock.wall_s())), machine_started_s=machine_started_s)

    def late(missing: str) -> NoReturn:
        assert rollouts.state is not None
        unbound = any(unbound_claim(rollouts.state, trouble) for trouble in rollouts.troubles)
        raise WaitTimeout(
            f"the rollout was not complete after {timeout_s:g} s",
            why=why_unplaced(target, rollouts.state, rollouts.troubles) or missing,
            next_command=f"{ASK_THE_DOCTOR if unbound else 'shelterctl status'}   (a longer wait: --timeout 10m)",
            details=_evidence(target, rollouts.state, rollouts.troubles),
        )

    return (yield from wait(clock, rollouts.look, timeout_s=timeout_s, pause_s=POLL_S, late=late))


@dataclass
class _Rollouts:
    """The stack's rollouts as they were last seen. `changed` is whether this command changed them.

    `since_s`: events carry whole seconds. Older ones are an earlier attempt's: what they tell of may be mended by now.
    """

    target: Target
    clock: Clock
    changed: bool
    since_s: float
    machine_started_s: float | None = None
    state: StackState | None = None
    first: FirstLook | None = None
    troubles: list[Trouble] = field(default_factory=list)
    living: dict[str, float] = field(default_factory=dict)

    def look(self, waited_s: float) -> Done[StackState] | str:
        """Done where all are complete, else what is missing. Raises RolloutFailed where waiting mends nothing."""
        state = self.state = self.target.state(with_usage=False)
        if not state.workloads:
            why = "what was applied is gone again: somebody removes the namespace, or what is in it"
            raise NotDeployed(f"namespace {state.namespace} has no workload of the stack", why=why, next_command="shelterctl up")
        unknown = self._of_before(state, waited_s)
        if unknown:
            self.changed = True
            return unknown
        now_s = self.clock.wall_s()
        first = self.first = self.first or FirstLook.of(state, now_s)
        judged = [
            (w, judge_rollout(w, state.pods, state.claims, now_s=now_s, since=first, happenings=state.happenings)) for w in state.workloads
        ]
        judged = [(w, _admitted(w, judgement, state, self.since_s)) for w, judgement in judged]
        self.troubles = [trouble for _, judgement in judged for trouble in judgement.troubles]
        # The controller's own word may be of an earlier attempt, whose cause is mended: it gets a moment to take it back.
        failed = [(w, j) for w, j in judged if j.progress is Progress.FAILED and not (w.failure and waited_s < STALE_FAILURE_S)]
        if failed:
            # One workload may have waited in vain for another: what is wrong with a pod comes before a deadline that passed.
            workload, judgement = min(failed, key=lambda pair: not any(trouble.fatal for trouble in pair[1].troubles))
            raise _failure(self.target, state, workload, judgement, self.troubles, first)
        missing = [judgement.sentence for _, judgement in judged if judgement.progress is not Progress.COMPLETE]
        missing = missing or list(self._young(state, now_s, waited_s))[:1]
        if missing:
            self.changed = True
            return "; ".join(missing)
        title = ", ".join(f"{w.name} {w.ready}/{w.desired}" for w, _ in judged) + " ready"
        return Done(
            title + (" on the newest revision" if self.changed else ""), state, Outcome.CHANGED if self.changed else Outcome.UNCHANGED
        )

    def _young(self, state: StackState, now_s: float, waited_s: float) -> Iterator[str]:
        """Words for a container that nothing but its own life says to be well, and that has not lived for long."""
        for pod in state.pods:
            for item in pod.containers:
                if item.probed or pod.deleting or not pod.ready or item.started_at_s is None:
                    continue
                lived_s = waited_s - self.living.setdefault(item.container_id, waited_s)
                if max(lived_s, now_s - item.started_at_s - 1.0) < STEADY_S:
                    yield f"{pod.name} has just started, and no readiness probe asks whether it works: {STEADY_S:g} s are waited"

    def _of_before(self, state: StackState, waited_s: float) -> str:
        """Words for pods that are told as they were before their machine started; empty where there are none."""
        if waited_s >= TOLD_AFTER_S:
            # A machine whose clock is far off says nothing else for ever: the controllers have judged the pods by now.
            return ""
        if state.stale:
            return f"{', '.join(state.stale)}: {state.stale_why}"
        if self.machine_started_s is None:
            return ""
        old = [
            pod.name for pod in state.pods for c in pod.containers if c.started_at_s is not None and c.started_at_s < self.machine_started_s
        ]
        return f"{', '.join(dict.fromkeys(old))}: told as before the machine was started" if old else ""


def wait_for_metric(
    target: Target, clock: Clock, *, timeout_s: float, machine_started_s: float | None = None
) -> Generator[str, None, Done[Autoscaler]]:
    """Waits until the autoscaler has a metric. Raises ClusterError where it can never have one, WaitTimeout.

    Where the machine under the target was started at `machine_started_s`, the autoscaler's status may still be of before.
    """
    why = ""

    def look(waited_s: float) -> Done[Autoscaler] | str:
        nonlocal why
        state = target.state(with_usage=machine_started_s is not None)
        autoscaler = state.autoscaler
        if machine_started_s is not None and not any(item.sampled_at_s > machine_started_s for item in state.usage):
            why = state.usage_problem or "no measurement since the machine started"
            return f"{why} (the first can take two minutes on a cluster)"
        active = autoscaler.condition("ScalingActive") if autoscaler else None
        if autoscaler is not None and autoscaler.has_metric:
            title = f"HPA has a metric: cpu {autoscaler.cpu_percent}% of {autoscaler.cpu_target_percent}%"
            return Done(title, autoscaler, Outcome.CHANGED if waited_s >= METRIC_POLL_S else Outcome.UNCHANGED)
        why = active.message if active and not active.status else "the autoscaler has not looked yet"
        if _HOPELESS_METRIC in why:
            raise ClusterError("the HPA can never have a metric", why=why, next_command="shelterctl doctor")
        return f"{why} (the first can take two minutes on a cluster)"

    def late(_words: str) -> NoReturn:
        raise WaitTimeout(
            f"the HPA had no metric after {timeout_s:g} s", why=why, next_command="shelterctl doctor   (or leave it out: --no-wait-hpa)"
        )

    return (yield from wait(clock, look, timeout_s=timeout_s, pause_s=METRIC_POLL_S, late=late))


def crashed(target: Target, state: StackState, since_s: float) -> Iterator[str]:
    """Sentences for containers that ended by themselves since then (epoch seconds), and were started again."""
    for pod in state.pods:
        for item in pod.every_container:
            if item.restarts and item.last_exit_code not in (None, 0) and (item.last_finished_at_s or 0.0) >= since_s - 1.0:
                look = target.hints.logs(pod, item.name, previous=True)
                yield f"pod {pod.name} crashed on its way (exit code {item.last_exit_code}, {counted(item.restarts, 'restart')}): {look}"


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


def _failure(
    target: Target,
    state: StackState,
    workload: Workload,
    judgement: RolloutJudgement,
    troubles: list[Trouble],
    first: FirstLook,
) -> RolloutFailed:
    """The error: the cause that no waiting mends, else what the pods of any workload lack, else the controller's own word."""
    trouble = next((t for t in judgement.troubles if t.fatal), None)
    hints, sentence = target.hints, judgement.sentence
    look = hints.describe("resourcequota" if "quota" in sentence else workload.kind.lower(), workload.namespace)
    why = ""
    if trouble is None and judgement.stuck_on_old_revision is None and "quota" not in sentence:
        trouble = next((t for t in troubles if t.reason == "Unschedulable"), judgement.troubles[0] if judgement.troubles else None)
        if trouble is not None and trouble not in judgement.troubles:
            sentence, why = named(trouble, first), sentence
        cause = why_unplaced(target, state, [trouble] if trouble is not None else [])
        if cause:
            sentence, why = named(trouble, first) if trouble is not None else sentence, cause
    if trouble is not None:
        describe = hints.describe("pod", trouble.pod.namespace, trouble.pod.name)
        look = hints.logs(trouble.pod, trouble.container, previous=_restarted(trouble)) if trouble.container else describe
        if trouble.reason in (*_NO_IMAGE, "InvalidImageName"):
            look, why = (
                describe,
                "the node does not have the image and cannot pull it; `shelterctl up` loads those that the local Docker has",
            )
        elif trouble.reason == "CreateContainerConfigError":
            look, why = describe, trouble.message
        elif trouble.reason == "Unschedulable" and why:
            look = ASK_THE_DOCTOR if unbound_claim(state, trouble) else hints.describe("node", "")
    if judgement.stuck_on_old_revision is not None:
        look = f"{hints.replace(judgement.stuck_on_old_revision)}   (the controller then makes the new one)"
    serving = [pod.name for pod in state.pods_of(Role.APP) if pod.ready and not pod.deleting]
    if serving:
        why = (why + "; " if why else "") + f"{counted(len(serving), 'ready pod')} {'goes' if len(serving) == 1 else 'go'} on serving"
    chosen = [trouble] if trouble is not None else list(judgement.troubles)
    details = _evidence(target, state, chosen)
    if cause := _known_cause(chosen[0], details) if chosen else "":
        why = f"{cause}; {why}" if why else cause
    return RolloutFailed(sentence, why=why, next_command=look, details=details)


def _known_cause(trouble: Trouble, lines: Sequence[str]) -> str:
    """What a container's last lines say of why it ended, or is not ready."""
    container = next((c for c in trouble.pod.every_container if c.name == trouble.container), None)
    return crash_cause(container.last_exit_code, container.image, lines) if container is not None else ""


def _restarted(trouble: Trouble) -> bool:
    return any(c.name == trouble.container and c.restarts for c in trouble.pod.every_container)


def _evidence(target: Target, state: StackState, troubles: Iterable[Trouble]) -> list[str]:
    """What a person would look at first: the container's last lines and its pod's last warnings."""
    lines: list[str] = []
    for trouble in list(troubles)[:1]:
        lines += _log_lines(target, trouble)
        lines += _warnings(state, trouble.pod)
    if not lines:
        lines = [f"{h.subject}: {h.reason}: {h.message}" for h in _causes_first(state)[:5]]
    return lines


def _causes_first(state: StackState) -> list[Happening]:
    """The warnings, newest first: what is told of pods that are there and of claims before what follows from it, or is over."""
    here = {f"pod/{pod.name}" for pod in state.pods if not pod.deleting} | {f"persistentvolumeclaim/{c.name}" for c in state.claims}
    warnings = [happening for happening in reversed(state.happenings) if happening.warning]

    def rank(happening: Happening) -> int:
        kind = happening.subject.partition("/")[0]
        if happening.subject in here:
            return 0
        return {"pod": 3, "horizontalpodautoscaler": 2}.get(kind, 1)

    return sorted(warnings, key=rank)


def _log_lines(target: Target, trouble: Trouble) -> list[str]:
    if not trouble.container:
        return []
    container = next(c for c in trouble.pod.every_container if c.name == trouble.container)
    running = container.state == "running"
    lines = target.log_tail(trouble.pod, trouble.container, lines=LOG_LINES, previous=bool(container.restarts) and not running)
    if not lines:
        lines = target.log_tail(trouble.pod, trouble.container, lines=LOG_LINES)
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
