"""The checks of a user's own stack: the faults that its files show, and whether what is deployed of it runs."""

from __future__ import annotations

from collections.abc import Iterator

from shelterctl.core.checkup.check import Area, Check, CheckState, Finding
from shelterctl.core.deploy.rollout import Progress, judge_rollout
from shelterctl.core.stack.model import StackFinding, Weight
from shelterctl.core.stack.stack import Stack
from shelterctl.core.state import StackState

FILES = Check("stack-files", Area.STACK, "manifests and sources", essential=True)
PARTS = Check("stack-parts", Area.STACK, "parts", essential=True)
ROLLOUT = Check("stack-rollout", Area.STACK, "rollouts", essential=True)
ENDPOINT = Check("stack-endpoint", Area.STACK, "way in")
CLAIM = Check("stack-claim", Area.STACK, "claims")
METRIC = Check("stack-hpa-metric", Area.SCALING, "HPA's metric")
ALL = (FILES, PARTS, ROLLOUT, ENDPOINT, CLAIM, METRIC)
_STATES = {Weight.BLOCKS: CheckState.PROBLEM, Weight.RISK: CheckState.WARNING}


def judge_files(stack: Stack) -> Iterator[Finding]:
    """A finding for each fault and each risk; notes are `inspect`'s."""
    heavy = [finding for finding in stack.findings if finding.weight is not Weight.NOTE]
    if not heavy:
        yield FILES.ok(f"{len(stack.documents)} objects, no fault among them")
    for finding in heavy:
        yield _told(finding)


def _told(finding: StackFinding) -> Finding:
    area = Area.SCALING if finding.code.startswith(("hpa-", "no-hpa", "replicas-beside")) else Area.STACK
    title = finding.code.replace("-", " ")
    found = f"{finding.what} ({finding.origin})"
    return Finding(finding.code, area, title, _STATES[finding.weight], found, finding.why, finding.mend)


def judge_running(stack: Stack, state: StackState, *, now_s: float) -> Iterator[Finding]:
    """What is deployed, held to what the stack has."""
    roles = stack.roles
    wanted = [workload for workload in (roles.app, roles.database) if workload is not None]
    there = {(workload.namespace, workload.name) for workload in state.workloads}
    if not there:
        yield from (check.skipped("nothing is deployed") for check in ALL[1:])
        return
    absent = [workload.key for workload in wanted if (workload.namespace, workload.name) not in there]
    if absent:
        yield PARTS.problem(f"not there: {', '.join(absent)}", "the stack cannot work without", "shelterctl up")
    else:
        yield PARTS.ok(", ".join(workload.key for workload in wanted))
    for workload in state.workloads:
        judged = judge_rollout(workload, state.pods, state.claims, now_s=now_s)
        if judged.progress is Progress.COMPLETE:
            yield ROLLOUT.ok(f"{workload.name}: {workload.ready} of {workload.desired} ready on the newest revision")
        else:
            yield ROLLOUT.problem(judged.sentence, "its pods are not as they were asked to be", "shelterctl status")
    if state.endpoint is None:
        yield ENDPOINT.problem("no Service leads to the application", "nothing can be asked", "shelterctl inspect")
    elif not state.endpoint.ready_pods:
        yield ENDPOINT.problem(f"Service {state.endpoint.service} has no ready endpoint", "nothing answers", "shelterctl status")
    else:
        yield ENDPOINT.ok(f"{state.endpoint.url or state.endpoint.service}, {len(state.endpoint.ready_pods)} ready pods behind it")
    unbound = [claim for claim in state.claims if claim.phase != "Bound"]
    if unbound:
        yield CLAIM.problem(f"claim {unbound[0].name} is {unbound[0].phase}", "its pod cannot start", "kubectl get pvc,pv")
    elif state.claims:
        yield CLAIM.ok(", ".join(f"{claim.name} on {claim.volume}" for claim in state.claims))
    else:
        yield CLAIM.skipped("no pod has one")
    yield _metric(state)


def _metric(state: StackState) -> Finding:
    scaler = state.autoscaler
    if scaler is None:
        return METRIC.skipped("no HPA scales the application")
    if scaler.has_metric:
        return METRIC.ok(f"cpu {scaler.cpu_percent}% of {scaler.cpu_target_percent}%")
    why = next((f"{c.reason}: {c.message}" for c in scaler.conditions if c.type == "ScalingActive" and not c.status), "")
    return METRIC.problem(f"HPA {scaler.name} has none", why or "the first takes 60 to 120 s", "shelterctl status watch")
