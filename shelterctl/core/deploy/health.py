"""Does the stack run as it was built? Everything that keeps that sentence from being true, and what keeps it from being known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shelterctl.core.deploy.image import ImageChain
from shelterctl.core.deploy.rollout import Progress, RolloutJudgement, judge_rollout
from shelterctl.core.state import Autoscaler, Role, StackState
from shelterctl.core.verdict import Judgement, Reason, Verdict, judge

_PARTS = {Role.APP: "the application", Role.DATABASE: "the database"}


@dataclass(frozen=True, slots=True)
class Health:
    """PASS where all of it was seen to be as it should be, FAIL where something is not, UNKNOWN where something could not be seen.

    `rollouts` are in the workloads' order. `less` says what the sentence leaves out, as a clause; empty where it leaves nothing out.
    """

    judgement: Judgement
    rollouts: tuple[RolloutJudgement, ...]
    less: str = ""

    @property
    def well(self) -> bool:
        return self.judgement.verdict is Verdict.PASS


def judge_health(state: StackState, chain: ImageChain, chain_problems: Sequence[str], *, now_s: float) -> Health:
    """Judges every role, claim, endpoint, metric and link of the image's way at `now_s` (epoch seconds by the target's clock).

    `chain_problems` says why a link could not be seen.
    """
    rollouts = tuple(judge_rollout(workload, state.pods, state.claims, now_s=now_s) for workload in state.workloads)
    failures = [*_parts(state), *(Reason(j.sentence) for j in rollouts if j.progress is not Progress.COMPLETE)]
    failures += [*_claims(state), *_endpoints(state), *(Reason(problem) for problem in state.problems)]
    if state.autoscaler is not None:
        failures += _scaling(state.autoscaler)
    if not chain_problems and chain.broken_at and state.workload(Role.APP) is not None:
        failures.append(Reason(f"image: {chain.broken_at}"))
    unknowns = [Reason(f"the image's way could not be seen: {problem}") for problem in chain_problems]
    if state.stale:
        unknowns.append(Reason(f"{', '.join(state.stale)}: {state.stale_why}", "shelterctl status"))
    app = state.workload(Role.APP)
    less = f"there is no HPA: {app.desired} replicas stay as they are" if state.autoscaler is None and app is not None else ""
    return Health(judge(failures, unknowns), rollouts, less)


def _parts(state: StackState) -> Iterator[Reason]:
    for role, name in _PARTS.items():
        workload = state.workload(role)
        if role is Role.DATABASE and state.database_elsewhere:
            continue
        if workload is None:
            left = [pod.name for pod in state.pods_of(role) if not pod.deleting]
            runs = f": nothing replaces {', '.join(left)}" if left else ""
            yield Reason(f"{name} is not there, neither a Deployment nor a StatefulSet of it{runs}", "shelterctl up")
        elif workload.desired == 0:
            yield Reason(f"{name} ({workload.name}) is scaled to 0", "shelterctl up")


def _claims(state: StackState) -> Iterator[Reason]:
    there = {(claim.namespace, claim.name) for claim in state.claims}
    for pod in state.pods:
        for claim in pod.claims:
            if not pod.deleting and (pod.namespace, claim) not in there:
                yield Reason(f"claim {claim} of pod {pod.name} is gone", "shelterctl doctor")
    for item in state.claims:
        if item.deleting:
            yield Reason(f"claim {item.name} is being deleted: its data go as soon as no pod uses it", "shelterctl doctor")
        elif item.phase != "Bound":
            yield Reason(f"claim {item.name} is {item.phase}, not Bound", "shelterctl doctor")


def _endpoints(state: StackState) -> Iterator[Reason]:
    if state.workload(Role.APP) is None:
        return
    if state.endpoint is None:
        yield Reason("no Service leads to the application", "shelterctl up")
    elif not state.endpoint.ready_pods:
        yield Reason(f"Service {state.endpoint.service} has no ready endpoint: nothing answers", "shelterctl doctor")


def _scaling(scaler: Autoscaler) -> Iterator[Reason]:
    broken = next((c for c in scaler.conditions if c.type in ("ScalingActive", "AbleToScale") and not c.status), None)
    if broken is not None:
        yield Reason(f"HPA {scaler.name} cannot scale: {broken.reason}: {broken.message}".rstrip(": "), "shelterctl doctor")
    elif not scaler.has_metric:
        yield Reason(f"HPA {scaler.name} has no metric (the first samples of new pods take 60 to 120 s)", "shelterctl doctor")
