"""`doctor`: every prerequisite and every known trap, each with what was found and what mends it.

`--fix` runs the mends that lose nothing, and looks again until they show.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from shelterctl.core.checkup import capacity as capacity_checks
from shelterctl.core.checkup import cluster as cluster_checks
from shelterctl.core.checkup import host as host_checks
from shelterctl.core.checkup import metrics as metrics_checks
from shelterctl.core.checkup import scaling as scaling_checks
from shelterctl.core.checkup import service as service_checks
from shelterctl.core.checkup import stack as stack_checks
from shelterctl.core.checkup.check import Check, CheckState, Checkup, Finding, Mended, Repair, count_states, in_order, wanted_repairs
from shelterctl.core.checkup.host import MachineFacts
from shelterctl.core.checkup.stack import NOT_DEPLOYED
from shelterctl.core.events import Event, Outcome
from shelterctl.errors import NotDeployed, ShelterError
from shelterctl.ops.doctor.looks import Look, Looks
from shelterctl.ops.steps import Done, run_step
from shelterctl.ports import Clock
from shelterctl.ports_checkup import CheckupFacts, CheckupRepairs

T = TypeVar("T")
#: Between two examinations while a repair takes effect.
RECHECK_S = 5.0
_INSIDE = (cluster_checks.NODE_DISK, cluster_checks.VOLUMES_DISK, cluster_checks.CLOCKS)
_NODES = (cluster_checks.NODE_READY, cluster_checks.NODE_PRESSURE, cluster_checks.KUBELET_SKEW)
_METRICS = (metrics_checks.ADDON, metrics_checks.METRICS_API, metrics_checks.SAMPLES)
_ROOM = (capacity_checks.CPU_ROOM, capacity_checks.MEMORY_ROOM)
_IMAGE = (service_checks.IMAGE, service_checks.PULL_POLICY)
_ANSWER = (service_checks.ANSWER, service_checks.DATABASE_ANSWER)
_STORAGE = (cluster_checks.STORAGE_CLASS, cluster_checks.PROVISIONER)
_PODS = (cluster_checks.COREDNS, cluster_checks.POLICIES)
#: What must be well before a repair counts as one, beside the checks that asked for it.
_PROOF = {
    Repair.START_MACHINE: {host_checks.PROFILE.id, cluster_checks.API.id, cluster_checks.NODE_READY.id},
    Repair.UPDATE_CONTEXT: {host_checks.KUBECONFIG.id, cluster_checks.API.id},
    Repair.ENABLE_METRICS: {check.id for check in _METRICS},
    Repair.REPLACE_STUCK_POD: set(),
}


@dataclass(frozen=True, slots=True)
class DoctorPorts:
    """`look` makes a new look at everything: an earlier one may hold a connection that a repair made stale."""

    look: Callable[[], CheckupFacts]
    repairs: CheckupRepairs
    clock: Clock


@dataclass(frozen=True, slots=True)
class DoctorRequest:
    """`profile` is None where the context is no minikube profile's; `platform` is as `sys.platform` has it."""

    context: str
    profile: str | None
    namespace: str
    platform: str
    fix: bool
    timeout_s: float


def doctor(ports: DoctorPorts, request: DoctorRequest) -> Generator[Event, None, Checkup]:
    """Looks, and with `fix` mends and looks again. Raises Interrupted; whatever else goes wrong is a finding."""
    began_s = ports.clock.monotonic_s()
    what = "Looking at this machine, minikube, the cluster and the stack"
    findings = yield from run_step(ports.clock, "look", what, _looked(ports, request))
    mended: list[Mended] = []
    while request.fix:
        tried = {item.repair for item in mended}
        todo = [finding for finding in wanted_repairs(findings) if finding.repair not in tried]
        if not todo:
            break
        repair = todo[0].repair
        assert repair is not None
        title = repair.value[0].upper() + repair.value[1:]
        work = _mend(ports, request, todo[0], repair, findings)
        done, findings = yield from run_step(ports.clock, repair.name.lower(), title, work, left="run `shelterctl doctor` again")
        mended.append(done)
    return Checkup(request.context, request.namespace, findings, tuple(mended), ports.clock.monotonic_s() - began_s, count_states(findings))


def _looked(ports: DoctorPorts, request: DoctorRequest) -> Generator[str, None, Done[tuple[Finding, ...]]]:
    findings = yield from examine(ports, request)
    return Done(f"{len(findings)} checks", findings, Outcome.UNCHANGED)


def _mend(
    ports: DoctorPorts, request: DoctorRequest, finding: Finding, repair: Repair, before: Iterable[Finding]
) -> Generator[str, None, Done[tuple[Mended, tuple[Finding, ...]]]]:
    """Runs one repair and looks again until every check that it is for is well, or the time is over."""
    clock = ports.clock
    began_s = clock.monotonic_s()
    awaited = {item.check for item in before if item.repair is repair} | _PROOF[repair]
    failed = ""
    try:
        yield from ports.repairs.repair(finding)
    except ShelterError as error:
        failed = f"{error.what}: {error.why}" if error.why else error.what
    while True:
        findings = yield from examine(ports, request)
        remaining = [item for item in findings if item.check in awaited and item.state not in (CheckState.OK, CheckState.SKIPPED)]
        elapsed_s = clock.monotonic_s() - began_s
        if not remaining:
            return Done(f"Done: {repair.value}", (Mended(repair, True, elapsed_s), findings))
        if failed or elapsed_s > request.timeout_s:
            remains = failed or f"{remaining[0].title}: {remaining[0].found}"
            title = f"Failed: {repair.value}" if failed else f"After {elapsed_s:.0f} s not well yet: {repair.value}"
            return Done(title, (Mended(repair, False, elapsed_s, remains), findings), Outcome.FAILED)
        yield f"{remaining[0].title}: {remaining[0].found}"
        clock.sleep(RECHECK_S)


def examine(ports: DoctorPorts, request: DoctorRequest) -> Generator[str, None, tuple[Finding, ...]]:
    """One examination. What needs the API server is looked at once that answered; every look has its own thread and bound."""
    facts, looks = ports.look(), Looks(ports.clock)
    engine, tools = looks.take("Docker", facts.engine), looks.take("programs", facts.tools)
    kubeconfig = looks.take("kubeconfig", facts.kubeconfig)
    version = looks.take("API server", facts.server_version)
    program = looks.take("minikube", facts.minikube_program) if request.profile else None
    machine = looks.take("minikube profile", facts.machine) if request.profile else None
    yield from looks.wait()
    found: list[Finding] = []
    found += engine.findings((host_checks.DOCKER_ENGINE,), lambda value: host_checks.judge_engine(value, minikube=machine is not None))
    found += tools.findings((host_checks.KUSTOMIZE,), host_checks.judge_tools)
    found += _judge_minikube(request, program, machine)
    found += kubeconfig.findings((host_checks.KUBECONFIG,), lambda value: [host_checks.judge_kubeconfig(value, request.profile)])
    server = _judge_api(version, machine, found, request)
    found.append(server)
    running = machine is not None and machine.value is not None and machine.value.running
    inside = yield from _inside(facts, looks, running=running, minikube=machine is not None)
    if version.value is None:
        found += [check.unknown("the API server does not answer", blocked_by=cluster_checks.API.id) for check in _needs_api()]
        return in_order((*found, *inside))
    server_version = version.value
    found.append(cluster_checks.judge_version(server_version))
    found += tools.findings((host_checks.KUBECTL_SKEW,), lambda value: [host_checks.judge_kubectl_skew(value, server_version)])
    found += yield from _cluster(facts, looks, server_version)
    found += yield from _stack(facts, looks)
    return in_order((*found, *inside))


def _judge_minikube(request: DoctorRequest, program: Look[tuple[str, str]] | None, machine: Look[MachineFacts] | None) -> Iterator[Finding]:
    checks = (host_checks.MINIKUBE_PROGRAM, host_checks.PROFILE, host_checks.REACH)
    if program is None or machine is None:
        yield from (check.skipped(f"context {request.context} is not a minikube profile's") for check in checks)
        return
    there = [*program.findings(checks[:1], lambda value: [host_checks.judge_minikube_program(*value)])]
    yield from there
    broken = "" if there[0].state is CheckState.OK else host_checks.MINIKUBE_PROGRAM.id
    yield from machine.findings(
        checks[1:], lambda value: (host_checks.judge_machine(value), host_checks.judge_reach(value, request.platform)), blocked_by=broken
    )


def _judge_api(version: Look[str], machine: Look[MachineFacts] | None, found: Iterable[Finding], request: DoctorRequest) -> Finding:
    """Why the API server does not answer is told by the check below it that failed, where one did."""
    check = cluster_checks.API
    if version.value is not None:
        return check.ok(f"answers, {version.value}")
    error = version.error
    said = (f"{error.what}: {error.why}" if error.why else error.what) if error is not None else "no answer in time"
    for below in (host_checks.PROFILE, host_checks.KUBECONFIG):
        if any(finding.check == below.id and finding.state is CheckState.PROBLEM for finding in found):
            return check.unknown(said, blocked_by=below.id)
    mend = f"minikube start -p {request.profile}" if machine is not None else "kubectl cluster-info"
    return check.problem(said, "nothing can be deployed or looked at", mend)


def _needs_api() -> tuple[Check, ...]:
    return (
        cluster_checks.KUBERNETES_VERSION, host_checks.KUBECTL_SKEW, *_NODES, *_PODS, *_STORAGE, *_METRICS,
        *stack_checks.all_checks(), *_IMAGE, service_checks.NODE_PORT, *_ANSWER, *_ROOM, *scaling_checks.ALL,
    )  # fmt: skip


def _inside(facts: CheckupFacts, looks: Looks, *, running: bool, minikube: bool) -> Generator[str, None, list[Finding]]:
    """What only a shell in the node tells."""
    checks = (*_INSIDE, metrics_checks.HOUSEKEEPING)
    if not minikube:
        return [check.unknown("no shell reaches the nodes of a cluster that is not minikube's") for check in checks]
    if not running:
        return [check.unknown("nothing shows that the profile runs", blocked_by=host_checks.PROFILE.id) for check in checks]
    inside, start = looks.take("node", facts.inside_nodes), looks.take("profile's options", facts.start_options)
    yield from looks.wait()
    found = [*inside.findings(_INSIDE, cluster_checks.judge_inside)]
    flags = [node.kubelet_flags for node in inside.value or ()]
    # One node that was not seen may be the one with the trap.
    known = None if not flags or None in flags else tuple(flag for one in flags for flag in one or ())
    found += start.findings((metrics_checks.HOUSEKEEPING,), lambda value: [metrics_checks.judge_housekeeping(known, value)])
    return found


def _cluster(facts: CheckupFacts, looks: Looks, server_version: str) -> Generator[str, None, list[Finding]]:
    nodes, pods = looks.take("nodes", facts.nodes), looks.take("system pods", facts.system_pods)
    classes, metrics = looks.take("storage", facts.storage_classes), looks.take("metrics", facts.metrics)
    requested, demand = looks.take("requests", facts.requested), looks.take("demand", facts.demand)
    yield from looks.wait()
    found = [*nodes.findings(_NODES, lambda value: cluster_checks.judge_nodes(value, server_version))]
    found += pods.findings(_PODS, lambda value: (cluster_checks.judge_coredns(value), cluster_checks.judge_policies(value)))
    found += classes.findings(_STORAGE, lambda value: pods.findings(_STORAGE, lambda system: cluster_checks.judge_storage(value, system)))
    found += metrics.findings(_METRICS, metrics_checks.judge_metrics)
    found += nodes.findings(
        _ROOM,
        lambda value: requested.findings(
            _ROOM, lambda others: demand.findings(_ROOM, lambda wanted: capacity_checks.judge_room(value, others, wanted))
        ),
    )
    return found


def _stack(facts: CheckupFacts, looks: Looks) -> Generator[str, None, list[Finding]]:
    stack, scaling = looks.take("stack", facts.stack), looks.take("autoscaler", facts.scaling)
    image, port, answer = looks.take("image", facts.image), looks.take("node port", facts.port), looks.take("service", facts.answer)
    yield from looks.wait()
    found = [*stack.findings(stack_checks.all_checks(), stack_checks.judge_stack)]
    deployed = stack.value is None or stack.value.deployed
    found += _if_deployed(image, _IMAGE, deployed) or image.findings(_IMAGE, service_checks.judge_image)
    found += port.findings((service_checks.NODE_PORT,), lambda value: [service_checks.judge_port(value)])
    found += _if_deployed(answer, _ANSWER, deployed) or answer.findings(_ANSWER, service_checks.judge_answer)
    found += _if_deployed(scaling, scaling_checks.ALL, deployed) or scaling.findings(scaling_checks.ALL, scaling_checks.judge_scaling)
    return found


def _if_deployed(look: Look[T], checks: Iterable[Check], deployed: bool) -> list[Finding]:
    """Skips the checks of a part that is not there; whether it should be there is the check `deployed`'s matter."""
    if not deployed or isinstance(look.error, NotDeployed):
        return [check.skipped(NOT_DEPLOYED) for check in checks]
    return []
