"""Judges what was deployed: namespace, passwords, claims, rollouts, images, disruption budgets, and whether the service answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shelterctl.core.checkup.check import Area, Check, Finding, Repair, StuckPod
from shelterctl.core.deploy.rollout import Progress, RolloutJudgement, Trouble, judge_rollout
from shelterctl.core.faults.database import pod_problem
from shelterctl.core.state import Claim, Role, StackState, Workload

NAMESPACE = Check("namespace", Area.STACK, "namespace")
DEPLOYED = Check("deployed", Area.STACK, "deployed")
SECRETS = Check("passwords", Area.STACK, "passwords", essential=True)
CLAIMS = Check("claims", Area.STACK, "claims", essential=True)
ROLLOUT_APP = Check("rollout-app", Area.STACK, "application's pods", essential=True)
ROLLOUT_DB = Check("rollout-db", Area.STACK, "database's pod", essential=True)
BUDGETS = Check("disruption-budgets", Area.STACK, "disruption budgets")

NOT_DEPLOYED = "not deployed"
_NO_IMAGE = ("ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName")


@dataclass(frozen=True, slots=True)
class BudgetFacts:
    """A PodDisruptionBudget's counts. `message` is its own word where it could not be worked out."""

    namespace: str
    name: str
    healthy: int
    desired: int
    expected: int
    message: str = ""


@dataclass(frozen=True, slots=True)
class StackFacts:
    """What was deployed, as the cluster has it.

    `phases` has each namespace of the stack that exists and its phase; `secrets` the password Secrets that exist as (namespace, name),
    `wanted_secrets` those that the workloads mount. `data_claims` are the names of the claims that hold the database, `data_secret` the
    name of the Secret with which its data were made.
    """

    namespace: str
    phases: tuple[tuple[str, str], ...]
    terminating_message: str
    state: StackState
    secrets: tuple[tuple[str, str], ...]
    wanted_secrets: tuple[tuple[str, str], ...]
    budgets: tuple[BudgetFacts, ...]
    now_s: float
    data_claims: tuple[str, ...] = ()
    data_secret: str = ""

    @property
    def deployed(self) -> bool:
        return bool(self.state.workloads)


def judge_stack(facts: StackFacts) -> Iterator[Finding]:
    """Everything about the stack that one look at its namespaces tells."""
    yield _judge_namespace(facts)
    yield _judge_deployed(facts)
    yield _judge_secrets(facts)
    yield _judge_claims(facts)
    for check, role in ((ROLLOUT_APP, Role.APP), (ROLLOUT_DB, Role.DATABASE)):
        workload = facts.state.workload(role)
        yield judge_workload(check, workload, facts) if workload else check.skipped(NOT_DEPLOYED)
    yield _judge_budgets(facts)


def _judge_namespace(facts: StackFacts) -> Finding:
    ending = [name for name, phase in facts.phases if phase == "Terminating"]
    if ending:
        said = f": {facts.terminating_message}" if facts.terminating_message else ""
        return NAMESPACE.problem(
            f"{ending[0]} is being deleted{said}",
            "nothing can be made in it until it is gone, and its claims go with it",
            f"kubectl wait --for=delete namespace/{ending[0]} --timeout=5m",
        )
    if not facts.phases:
        return NAMESPACE.skipped(f"{facts.namespace} is not there: `shelterctl up` makes it")
    return NAMESPACE.ok(f"{', '.join(name for name, _ in facts.phases)} Active")


def _judge_deployed(facts: StackFacts) -> Finding:
    state = facts.state
    if not facts.deployed:
        held = f"; its data are kept: {', '.join(claim.name for claim in state.claims)}" if state.claims else ""
        return DEPLOYED.skipped(f"nothing is deployed in {facts.namespace}{held}")
    missing = [role.value for role in (Role.APP, Role.DATABASE) if state.workload(role) is None]
    if missing:
        why = "an earlier `up` or `down` ended half-way, or somebody removed it"
        return DEPLOYED.problem(f"without its {' and its '.join(missing)}", why, "shelterctl up")
    return DEPLOYED.ok(", ".join(f"{w.kind} {w.name}" for w in state.workloads))


def _judge_secrets(facts: StackFacts) -> Finding:
    """A database sets its password once, on an empty volume: a claim whose Secret is gone cannot be opened any more."""
    there = set(facts.secrets)
    held = [claim for claim in facts.state.claims if claim.name in facts.data_claims]
    lost = [claim for claim in held if facts.data_secret and (claim.namespace, facts.data_secret) not in there]
    if lost:
        return SECRETS.problem(
            f"claim {lost[0].name} holds a database, and Secret {facts.data_secret} with its password is gone",
            "a new password would not open the old data: a database sets it on an empty volume only",
            f"restore the Secret; or give the data up: shelterctl down --delete-data --namespace {facts.namespace}",
        )
    missing = [f"{namespace}/{name}" for namespace, name in facts.wanted_secrets if (namespace, name) not in there]
    if missing:
        return SECRETS.problem(f"Secret {', '.join(missing)} is not there", "the pods that mount it cannot start", "shelterctl up")
    if not there and not facts.deployed:
        return SECRETS.skipped(NOT_DEPLOYED)
    return SECRETS.ok(", ".join(sorted({name for _, name in there})))


def _judge_claims(facts: StackFacts) -> Finding:
    claims = facts.state.claims
    for claim in claims:
        broken = _broken_claim(claim)
        if broken is not None:
            return broken
    if not claims:
        if not facts.deployed:
            return CLAIMS.skipped(NOT_DEPLOYED)
        return CLAIMS.warning("there is none", "the database's data end with its pod", "shelterctl up")
    beside = [problem for pod in facts.state.pods_of(Role.DATABASE) if (problem := pod_problem(pod))]
    if beside:
        return CLAIMS.problem(beside[0], "the data go with the pod, whatever the claim keeps", "mount the claim above the data's folder")
    loose = next((claim for claim in claims if claim.volume_kind == "hostPath"), None)
    note = f"; {loose.capacity} is not enforced (hostPath), the node's disk is the limit" if loose else ""
    return CLAIMS.ok(f"{', '.join(claim.name for claim in claims)} Bound{note}")


def _broken_claim(claim: Claim) -> Finding | None:
    look = f"kubectl -n {claim.namespace} describe pvc {claim.name}"
    if claim.deleting:
        why = "it goes, with its data, as soon as no pod uses it; a restart of the database then starts empty"
        return CLAIMS.problem(f"{claim.name} is being deleted", why, look)
    if claim.phase == "Lost":
        return CLAIMS.problem(f"{claim.name} is Lost: volume {claim.volume} is gone", "the database cannot start", look)
    if claim.phase != "Bound":
        kind = f"class {claim.storage_class}" if claim.storage_class else "no class"
        return CLAIMS.problem(f"{claim.name} is {claim.phase} ({kind})", "the database waits for its volume", look)
    return None


def judge_workload(check: Check, workload: Workload, facts: StackFacts) -> Finding:
    """A rollout as `core.rollout` judges it, with the command that shows or mends what is wrong."""
    judgement = judge_rollout(workload, facts.state.pods, facts.state.claims, now_s=facts.now_s)
    if judgement.stuck_on_old_revision is not None:
        return _judge_stuck(check, judgement)
    trouble = next((t for t in judgement.troubles if t.fatal), judgement.troubles[0] if judgement.troubles else None)
    mend = _look_at(trouble) if trouble else f"kubectl -n {workload.namespace} describe {workload.kind.lower()} {workload.name}"
    if judgement.progress is Progress.FAILED:
        return check.problem(judgement.sentence.removeprefix(f"{workload.name}: "), _why(trouble), mend)
    if judgement.progress is Progress.WAITING:
        return check.warning(judgement.sentence.removeprefix(f"{workload.name}: "), "the rollout is not over, or waits for something", mend)
    if trouble is not None:
        return check.warning(f"{workload.ready} of {workload.desired} ready; {trouble.pod.name}: {trouble.reason}", _why(trouble), mend)
    if workload.desired == 0:
        return check.problem(f"{workload.name} is scaled to 0", "nothing of it runs", "shelterctl up")
    restarts = sum(pod.restarts for pod in facts.state.pods if pod.belongs_to(workload) and not pod.deleting)
    note = f", {restarts} restarts" if restarts else ""
    return check.ok(f"{workload.ready} of {workload.desired} ready on the newest revision{note}")


def _judge_stuck(check: Check, judgement: RolloutJudgement) -> Finding:
    """Deleting the pod is safe where its data are on a claim, which stays."""
    pod = judgement.stuck_on_old_revision
    assert pod is not None
    why = "a StatefulSet does not replace a broken pod of an old revision by itself (kubernetes/kubernetes#67250)"
    mend = f"kubectl -n {pod.namespace} delete pod {pod.name}"
    if not pod.claims:
        return check.problem(f"{pod.name} is stuck on an old revision, and has no claim", f"{why}; its data would go with it", mend)
    stuck = StuckPod(pod.namespace, pod.name, pod.uid)
    return check.problem(f"{pod.name} is stuck on an old revision", why, mend, Repair.REPLACE_STUCK_POD, stuck)


def _look_at(trouble: Trouble) -> str:
    where = f"kubectl -n {trouble.pod.namespace}"
    if trouble.reason in _NO_IMAGE:
        return "shelterctl up"
    if trouble.reason == "CrashLoopBackOff":
        return f"{where} logs {trouble.pod.name} -c {trouble.container} --previous"
    return f"{where} describe pod {trouble.pod.name}"


def _why(trouble: Trouble | None) -> str:
    if trouble is None:
        return "the controller says so"
    if trouble.reason in _NO_IMAGE:
        return "the node has no such image and cannot pull it; `up` loads what the local Docker has"
    if trouble.reason == "Unschedulable":
        return trouble.message
    return "no waiting mends that" if trouble.fatal else "it may pass by itself"


def _judge_budgets(facts: StackFacts) -> Finding:
    if not facts.deployed:
        return BUDGETS.skipped(NOT_DEPLOYED)
    if not facts.budgets:
        return BUDGETS.warning("there is none", "a drain of the node may take every pod at once", "shelterctl up")
    for budget in facts.budgets:
        look = f"kubectl -n {budget.namespace} describe pdb {budget.name}"
        if budget.expected == 0:
            why = "its selector matches no pod, so it protects none"
            return BUDGETS.warning(f"{budget.name} covers no pod{': ' + budget.message if budget.message else ''}", why, look)
        if budget.healthy < budget.desired:
            why = "too few pods are healthy: an eviction is refused, and a drain waits"
            return BUDGETS.warning(f"{budget.name}: {budget.healthy} healthy of {budget.desired} wanted", why, look)
    return BUDGETS.ok(", ".join(f"{b.name} {b.healthy} healthy of {b.desired} wanted" for b in facts.budgets))


def all_checks() -> Sequence[Check]:
    """The checks of `judge_stack`, for where they could not be made."""
    return (NAMESPACE, DEPLOYED, SECRETS, CLAIMS, ROLLOUT_APP, ROLLOUT_DB, BUDGETS)
