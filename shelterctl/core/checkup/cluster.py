"""Judges the cluster below the stack: API server, nodes, DNS, storage, the network plug-in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shelterctl.core.checkup.check import Area, Check, Finding, minor_version, size
from shelterctl.core.checkup.host import DiskSpace, judge_disk
from shelterctl.core.duration import format_duration

API = Check("api-server", Area.CLUSTER, "API server", essential=True)
KUBERNETES_VERSION = Check("kubernetes-version", Area.CLUSTER, "Kubernetes version")
NODE_READY = Check("node-ready", Area.CLUSTER, "nodes", essential=True)
NODE_PRESSURE = Check("node-pressure", Area.CLUSTER, "node pressure")
KUBELET_SKEW = Check("kubelet-skew", Area.CLUSTER, "kubelet's version")
NODE_DISK = Check("node-disk", Area.CLUSTER, "node's disk")
VOLUMES_DISK = Check("volumes-disk", Area.CLUSTER, "claims' folder")
CLOCKS = Check("clocks", Area.CLUSTER, "clocks")
COREDNS = Check("coredns", Area.CLUSTER, "CoreDNS", essential=True)
STORAGE_CLASS = Check("storage-class", Area.CLUSTER, "StorageClass")
PROVISIONER = Check("provisioner", Area.CLUSTER, "volume provisioner")
POLICIES = Check("network-policies", Area.CLUSTER, "NetworkPolicies")

#: The application's pods end with the kubelet's `sleep` action, which is on by default since this release.
OLDEST_KUBERNETES = (1, 30)
#: Ages and recovery times compare this machine's clock with the cluster's.
CLOCK_WARNING_S = 2.0
HOSTPATH_PROVISIONER = "k8s.io/minikube-hostpath"
#: DaemonSets that enforce NetworkPolicies, by the beginning of their names.
ENFORCING = ("calico-node", "canal", "cilium", "antrea-agent", "kube-router", "weave-net")
#: kindnet enforces them since 2024-08-13 (kubernetes-sigs/kind#3612, released with kind v0.24.0).
KINDNET_ENFORCES_SINCE = 20240813
#: Network plug-ins that never do.
NOT_ENFORCING = ("kube-flannel", "flannel")


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """A node. `pressures` names the conditions under which it evicts pods; the allocatable amounts are what pods may request."""

    name: str
    ready: bool
    ready_message: str
    schedulable: bool
    pressures: tuple[str, ...]
    kubelet_version: str
    cpu_allocatable_millicores: int
    memory_allocatable_bytes: int


@dataclass(frozen=True, slots=True)
class InsideNode:
    """What a shell in the node saw: its disk, and the file system of the folder in which minikube keeps claims' volumes (None without one).

    `clock_ahead_s` is the node's clock minus this machine's, known within `clock_error_s`. `kubelet_flags` is the kubelet's command line,
    None where it was not seen.
    """

    node: str
    disk: DiskSpace
    clock_ahead_s: float
    clock_error_s: float
    kubelet_flags: tuple[str, ...] | None
    volumes: DiskSpace | None = None


@dataclass(frozen=True, slots=True)
class StorageClassFacts:
    """A StorageClass."""

    name: str
    default: bool
    provisioner: str


@dataclass(frozen=True, slots=True)
class SystemPod:
    """A pod outside the stack as far as the checks look: `owner` is its DaemonSet or ReplicaSet, `image` its first container's."""

    namespace: str
    name: str
    app: str
    owner: str
    image: str
    phase: str
    ready: bool
    trouble: str = ""


def judge_version(version: str) -> Finding:
    """The manifests need a Kubernetes that knows what they say."""
    found = minor_version(version)
    if found is None:
        return KUBERNETES_VERSION.unknown(f"the API server says “{version}”", "kubectl version")
    if found < OLDEST_KUBERNETES:
        return KUBERNETES_VERSION.problem(
            version,
            "older than v1.30: it refuses the pods' `sleep` before they stop, without which a rollout loses requests",
            "minikube start --kubernetes-version=v1.34.4",
        )
    return KUBERNETES_VERSION.ok(version)


def judge_nodes(nodes: Sequence[NodeFacts], server_version: str) -> Iterator[Finding]:
    """Ready, without pressure, and with a kubelet that fits the API server."""
    broken = [f"{node.name}: {node.ready_message or 'not Ready'}" for node in nodes if not node.ready]
    cordoned = [node.name for node in nodes if not node.schedulable]
    if not nodes:
        yield NODE_READY.problem("there is no node", "pods have nowhere to run", "kubectl get nodes")
    elif broken:
        yield NODE_READY.problem(
            "; ".join(broken), "its pods are not served and no new one starts there", f"kubectl describe node {nodes[0].name}"
        )
    elif cordoned:
        why = "new pods are not scheduled there: a scale-up stays Pending"
        yield NODE_READY.warning(f"{', '.join(cordoned)} takes no new pods", why, f"kubectl uncordon {cordoned[0]}")
    else:
        yield NODE_READY.ok(f"{', '.join(node.name for node in nodes)} Ready")
    pressed = [f"{node.name}: {', '.join(node.pressures)}" for node in nodes if node.pressures]
    if pressed:
        yield NODE_PRESSURE.problem("; ".join(pressed), "the kubelet evicts pods and takes no new ones", "kubectl describe nodes")
    elif nodes:
        yield NODE_PRESSURE.ok("memory, disk and process ids suffice")
    yield _kubelet_skew(nodes, server_version)


def _kubelet_skew(nodes: Sequence[NodeFacts], server_version: str) -> Finding:
    """At most three minor versions older than the API server, never newer. https://kubernetes.io/releases/version-skew-policy/#kubelet"""
    server = minor_version(server_version)
    off = []
    for node in nodes:
        kubelet = minor_version(node.kubelet_version)
        if kubelet is None or server is None:
            return KUBELET_SKEW.unknown(f"{node.name} says “{node.kubelet_version}”", "kubectl get nodes -o wide")
        if kubelet > server or server[0] != kubelet[0] or server[1] - kubelet[1] > 3:
            off.append(f"{node.name} {node.kubelet_version}")
    if off:
        why = f"the API server is {server_version}: a kubelet may be up to three minor versions older, and never newer"
        return KUBELET_SKEW.warning(", ".join(off), why, "minikube start")
    return KUBELET_SKEW.ok(", ".join(sorted({node.kubelet_version for node in nodes})) or "no node")


def judge_inside(nodes: Sequence[InsideNode]) -> Iterator[Finding]:
    """The node's own disk (minikube turns the kubelet's watch over it off), and its clock against this machine's."""
    fullest = min(nodes, key=lambda node: node.disk.free_bytes)
    yield judge_disk(NODE_DISK, fullest.disk, f"minikube ssh -n {fullest.node} -- sudo crictl rmi --prune")
    yield _judge_volumes(nodes)
    farthest = max(nodes, key=lambda node: abs(node.clock_ahead_s))
    ahead_s = abs(farthest.clock_ahead_s)
    if ahead_s - farthest.clock_error_s > CLOCK_WARNING_S:
        word = "ahead of" if farthest.clock_ahead_s > 0 else "behind"
        yield CLOCKS.warning(
            f"{farthest.node} is {format_duration(ahead_s)} {word} this machine",
            "ages of samples and recovery times are off by that much; far off, certificates and tokens fail",
            "minikube ssh -- sudo date -u -s @$(date +%s)",
        )
    elif farthest.clock_error_s > CLOCK_WARNING_S:
        yield CLOCKS.unknown(f"the node took {format_duration(farthest.clock_error_s * 2)} to tell its time")
    else:
        yield CLOCKS.ok(f"within {max(ahead_s, farthest.clock_error_s):.1f} s of the node's")


def _judge_volumes(nodes: Sequence[InsideNode]) -> Finding:
    """minikube keeps claims under /tmp, and mounts a folder of its disk there; where that failed they are in memory (minikube#8151)."""
    kept = [node.volumes for node in nodes if node.volumes is not None]
    if not kept:
        return VOLUMES_DISK.skipped("no claim has a folder in the node yet")
    in_memory = next((disk for disk in kept if disk.kind == "tmpfs"), None)
    if in_memory is not None:
        return VOLUMES_DISK.warning(
            f"{in_memory.path} is in memory (tmpfs), {size(in_memory.free_bytes)} free",
            "claims outlive their pods there, and not a stop of the node: `minikube stop` loses the database (kubernetes/minikube#8151)",
            "minikube ssh -- systemctl status minikube-automount",
        )
    smallest = min(kept, key=lambda disk: disk.free_bytes)
    return judge_disk(VOLUMES_DISK, smallest, "kubectl get pv   (what fills it?)")


def judge_coredns(pods: Sequence[SystemPod]) -> Finding:
    """The pods behind the cluster's DNS Service, by their label k8s-app=kube-dns."""
    own = [pod for pod in pods if pod.app == "kube-dns"]
    ready = [pod for pod in own if pod.ready]
    if not own:
        return COREDNS.problem(
            "no pod has the label k8s-app=kube-dns",
            "the application finds its database by name",
            "kubectl -n kube-system get deployment coredns",
        )
    if not ready:
        why = "the application finds its database by name"
        return COREDNS.problem(
            f"0 of {len(own)} ready: {own[0].name} {own[0].trouble or own[0].phase}", why, f"kubectl -n kube-system logs {own[0].name}"
        )
    return COREDNS.ok(f"{len(ready)} of {len(own)} ready")


def judge_storage(classes: Sequence[StorageClassFacts], pods: Sequence[SystemPod]) -> Iterator[Finding]:
    """A claim without a class waits for ever where none is the default."""
    defaults = [item for item in classes if item.default]
    if not defaults:
        found = f"none of {len(classes)} is the default" if classes else "there is none"
        yield STORAGE_CLASS.problem(found, "the database's claim stays Pending for ever", "minikube addons enable default-storageclass")
        yield PROVISIONER.unknown("no default StorageClass names one", blocked_by=STORAGE_CLASS.id)
        return
    if len(defaults) > 1:
        names = ", ".join(item.name for item in defaults)
        why = "the newest of them is taken for a claim that names none"
        yield STORAGE_CLASS.warning(
            f"{len(defaults)} are the default: {names}",
            why,
            f"kubectl annotate --overwrite storageclass {defaults[0].name} storageclass.kubernetes.io/is-default-class=false",
        )
    else:
        yield STORAGE_CLASS.ok(f"{defaults[0].name} is the default ({defaults[0].provisioner})")
    yield _judge_provisioner(defaults[0].provisioner, pods)


def _judge_provisioner(provisioner: str, pods: Sequence[SystemPod]) -> Finding:
    if provisioner != HOSTPATH_PROVISIONER:
        return PROVISIONER.unknown(
            f"nothing is known about the pods of {provisioner}", "kubectl get events -A --field-selector reason=ProvisioningFailed"
        )
    own = [pod for pod in pods if pod.name.startswith("storage-provisioner")]
    why = "nobody makes a volume for the database's claim"
    if not own:
        return PROVISIONER.problem("there is no pod storage-provisioner", why, "minikube addons enable storage-provisioner")
    if not any(pod.ready for pod in own):
        return PROVISIONER.problem(
            f"{own[0].name}: {own[0].trouble or own[0].phase}", why, f"kubectl -n {own[0].namespace} logs {own[0].name}"
        )
    return PROVISIONER.ok(f"{own[0].name} runs")


def judge_policies(pods: Sequence[SystemPod]) -> Finding:
    """Whether anything enforces NetworkPolicies: told from the network plug-in's DaemonSet, UNKNOWN where that says nothing."""
    owners = {pod.owner: pod for pod in pods if pod.owner}
    for name in ENFORCING:
        known = next((owner for owner in owners if owner.startswith(name)), None)
        if known is not None:
            return POLICIES.ok(f"{known} enforces them")
    kindnet = next((pod for pod in pods if pod.app == "kindnet" or pod.owner.startswith("kindnet")), None)
    why = "the policies of the stack are then accepted by the API server and keep nobody out"
    mend = "minikube start --cni=calico   (a new profile)"
    if kindnet is not None:
        dated = re.search(r":v(\d{8})", kindnet.image)
        if dated is None:
            return POLICIES.unknown(
                f"kindnet {kindnet.image} does not say how old it is", mend, why="kindnet enforces them since August 2024"
            )
        if int(dated[1]) < KINDNET_ENFORCES_SINCE:
            return POLICIES.warning(f"kindnet of {dated[1]} does not enforce them", why, mend)
        return POLICIES.ok(f"kindnet v{dated[1]} enforces them (since v{KINDNET_ENFORCES_SINCE})")
    flannel = next((owner for owner in owners if owner.startswith(NOT_ENFORCING)), None)
    if flannel is not None:
        return POLICIES.warning(f"{flannel} does not enforce them", why, mend)
    return POLICIES.unknown("no network plug-in is seen that is known to enforce them", mend, why=why)
