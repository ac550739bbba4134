"""The checks of a cluster, in the order in which they are looked at: what needs the API server once that answered."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from shelterctl.core.checkup import capacity as capacity_checks
from shelterctl.core.checkup import cluster as cluster_checks
from shelterctl.core.checkup import host as host_checks
from shelterctl.core.checkup import metrics as metrics_checks
from shelterctl.core.checkup import own as own_checks
from shelterctl.core.checkup import scaling as scaling_checks
from shelterctl.core.checkup import service as service_checks
from shelterctl.core.checkup import stack as stack_checks
from shelterctl.core.checkup.check import Check, CheckState, Finding, Repair, in_order
from shelterctl.core.checkup.host import MachineFacts
from shelterctl.core.checkup.stack import NOT_DEPLOYED
from shelterctl.core.state import Place
from shelterctl.errors import NotDeployed
from shelterctl.ops.doctor.looks import Look, Looks
from shelterctl.ports.checkup import ClusterFacts
from shelterctl.ports.clock import Clock

T = TypeVar("T")
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


class ClusterExaminer:
    """Fulfils `ports.checkup.Examiner`.

    `look` makes a new look at everything: an earlier one may hold a connection that a repair made stale. `platform` is as
    `sys.platform` has it. `own` gives the findings of a stack that is its user's own, in the place of those of the tool's.
    """

    title = "Looking at this machine, minikube, the cluster and the stack"

    def __init__(
        self,
        look: Callable[[], ClusterFacts],
        clock: Clock,
        place: Place,
        platform: str,
        own: Callable[[], Iterable[Finding]] | None = None,
    ) -> None:
        self._look = look
        self._own = own
        self._clock = clock
        self._place = place
        self._platform = platform

    def proof_of(self, repair: Repair) -> Collection[str]:
        return _PROOF[repair]

    def examine(self) -> Generator[str, None, tuple[Finding, ...]]:
        """One examination; every look has its own thread and bound."""
        return (yield from _Examination(self._look(), Looks(self._clock), self._place, self._platform, self._own).work())


@dataclass(frozen=True, slots=True)
class _Examination:
    """What the parts of one examination share. `place.profile` is None where the context is no minikube profile's."""

    facts: ClusterFacts
    looks: Looks
    place: Place
    platform: str
    own: Callable[[], Iterable[Finding]] | None = None

    def work(self) -> Generator[str, None, tuple[Finding, ...]]:
        """This machine first; what needs the API server once that answered; a node's inside where a shell reaches it."""
        outside = yield from self.outside()
        inside = yield from self.inside(running=outside.machine_runs)
        if outside.server_version is None:
            blocked = [check.unknown("the API server does not answer", blocked_by=cluster_checks.API.id) for check in _needs_api()]
            return in_order((*outside.findings, *blocked, *inside))
        cluster = yield from self.cluster(outside.server_version)
        stack = yield from self.stack()
        return in_order((*outside.findings, *cluster, *stack, *inside))

    def outside(self) -> Generator[str, None, _Outside]:
        """This machine's programs, the machine under the cluster, and whether the API server answers."""
        facts, looks, profile = self.facts, self.looks, self.place.profile
        engine, tools = looks.take("Docker", facts.engine), looks.take("programs", facts.tools)
        kubeconfig = looks.take("kubeconfig", facts.kubeconfig)
        version = looks.take("API server", facts.server_version)
        program = looks.take("minikube", facts.minikube_program) if profile else None
        machine = looks.take("minikube profile", facts.machine) if profile else None
        yield from looks.wait()
        found: list[Finding] = []
        found += engine.findings((host_checks.DOCKER_ENGINE,), lambda value: host_checks.judge_engine(value, minikube=machine is not None))
        found += tools.findings((host_checks.KUSTOMIZE,), host_checks.judge_tools)
        found += self.minikube(program, machine)
        found += kubeconfig.findings((host_checks.KUBECONFIG,), lambda value: [host_checks.judge_kubeconfig(value, profile)])
        found.append(self.api(version, found))
        server_version = version.value
        if server_version is not None:
            found.append(cluster_checks.judge_version(server_version))
            found += tools.findings((host_checks.KUBECTL_SKEW,), lambda value: [host_checks.judge_kubectl_skew(value, server_version)])
        runs = machine is not None and machine.value is not None and machine.value.running
        return _Outside(tuple(found), server_version, runs)

    def minikube(self, program: Look[tuple[str, str]] | None, machine: Look[MachineFacts] | None) -> Iterator[Finding]:
        checks = (host_checks.MINIKUBE_PROGRAM, host_checks.PROFILE, host_checks.REACH)
        if program is None or machine is None:
            yield from (check.skipped(f"context {self.place.context} is not a minikube profile's") for check in checks)
            return
        there = [*program.findings(checks[:1], lambda value: [host_checks.judge_minikube_program(*value)])]
        yield from there
        broken = "" if there[0].state is CheckState.OK else host_checks.MINIKUBE_PROGRAM.id

        def judge(facts: MachineFacts) -> tuple[Finding, Finding]:
            return host_checks.judge_machine(facts), host_checks.judge_reach(facts, self.platform)

        yield from machine.findings(checks[1:], judge, blocked_by=broken)

    def api(self, version: Look[str], found: Iterable[Finding]) -> Finding:
        """Why the API server does not answer is told by the check below it that failed, where one did."""
        check = cluster_checks.API
        if version.value is not None:
            return check.ok(f"answers, {version.value}")
        error = version.error
        said = (f"{error.what}: {error.why}" if error.why else error.what) if error is not None else "no answer in time"
        for below in (host_checks.PROFILE, host_checks.KUBECONFIG):
            if any(finding.check == below.id and finding.state is CheckState.PROBLEM for finding in found):
                return check.unknown(said, blocked_by=below.id)
        mend = f"minikube start -p {self.place.profile}" if self.place.profile else "kubectl cluster-info"
        return check.problem(said, "nothing can be deployed or looked at", mend)

    def inside(self, *, running: bool) -> Generator[str, None, list[Finding]]:
        """What only a shell in the node tells."""
        checks = (*_INSIDE, metrics_checks.HOUSEKEEPING)
        if not self.place.profile:
            return [check.unknown("no shell reaches the nodes of a cluster that is not minikube's") for check in checks]
        if not running:
            return [check.unknown("nothing shows that the profile runs", blocked_by=host_checks.PROFILE.id) for check in checks]
        inside = self.looks.take("node", self.facts.inside_nodes)
        start = self.looks.take("profile's options", self.facts.start_options)
        yield from self.looks.wait()
        found = [*inside.findings(_INSIDE, cluster_checks.judge_inside)]
        flags = [node.kubelet_flags for node in inside.value or ()]
        # One node that was not seen may be the one with the trap.
        known = None if not flags or None in flags else tuple(flag for one in flags for flag in one or ())
        found += start.findings((metrics_checks.HOUSEKEEPING,), lambda value: [metrics_checks.judge_housekeeping(known, value)])
        return found

    def cluster(self, server_version: str) -> Generator[str, None, list[Finding]]:
        facts, looks = self.facts, self.looks
        nodes, pods = looks.take("nodes", facts.nodes), looks.take("system pods", facts.system_pods)
        classes, metrics = looks.take("storage", facts.storage_classes), looks.take("metrics", facts.metrics)
        requested, demand = looks.take("requests", facts.requested), looks.take("demand", facts.demand) if self.own is None else None
        yield from looks.wait()
        found = [*nodes.findings(_NODES, lambda value: cluster_checks.judge_nodes(value, server_version))]
        found += pods.findings(_PODS, lambda value: (cluster_checks.judge_coredns(value), cluster_checks.judge_policies(value)))
        found += classes.findings(
            _STORAGE, lambda value: pods.findings(_STORAGE, lambda system: cluster_checks.judge_storage(value, system))
        )
        found += metrics.findings(_METRICS, metrics_checks.judge_metrics)
        if demand is None:
            return [*found, *(check.skipped("the stack's pods show it, and their events") for check in _ROOM)]
        found += nodes.findings(
            _ROOM,
            lambda value: requested.findings(
                _ROOM, lambda others: demand.findings(_ROOM, lambda wanted: capacity_checks.judge_room(value, others, wanted))
            ),
        )
        return found

    def stack(self) -> Generator[str, None, list[Finding]]:
        facts, looks = self.facts, self.looks
        if self.own is not None:
            own = looks.take("the stack", self.own)
            yield from looks.wait()
            return [*own.findings(own_checks.ALL, list)]
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


@dataclass(frozen=True, slots=True)
class _Outside:
    """What was found from outside. `server_version` is None where the API server does not answer."""

    findings: tuple[Finding, ...]
    server_version: str | None
    machine_runs: bool


def _needs_api() -> tuple[Check, ...]:
    return (
        cluster_checks.KUBERNETES_VERSION, host_checks.KUBECTL_SKEW, *_NODES, *_PODS, *_STORAGE, *_METRICS,
        *stack_checks.all_checks(), *_IMAGE, service_checks.NODE_PORT, *_ANSWER, *_ROOM, *scaling_checks.ALL,
    )  # fmt: skip


def _if_deployed(look: Look[T], checks: Iterable[Check], deployed: bool) -> list[Finding]:
    """Skips the checks of a part that is not there; whether it should be there is the check `deployed`'s matter."""
    if not deployed or isinstance(look.error, NotDeployed):
        return [check.skipped(NOT_DEPLOYED) for check in checks]
    return []
