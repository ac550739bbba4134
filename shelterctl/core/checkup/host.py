"""Judges this machine and its minikube profile: Docker, programs, the kubeconfig, the disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shelterctl.core.checkup.check import Area, Check, Finding, Repair, minor_version, size

DOCKER_PROGRAM = Check("docker-program", Area.HOST, "docker program")
DOCKER_ENGINE = Check("docker-engine", Area.HOST, "Docker engine", essential=True)
DOCKER_ENV = Check("docker-env", Area.HOST, "Docker target")
HOST_DISK = Check("host-disk", Area.HOST, "Docker's disk")
KUSTOMIZE = Check("kustomize", Area.HOST, "kustomize")
KUBECTL_SKEW = Check("kubectl-skew", Area.HOST, "kubectl's version")
MINIKUBE_PROGRAM = Check("minikube-program", Area.MINIKUBE, "minikube program")
PROFILE = Check("profile", Area.MINIKUBE, "profile", essential=True)
KUBECONFIG = Check("kubeconfig", Area.MINIKUBE, "kubeconfig", essential=True)
REACH = Check("node-reach", Area.MINIKUBE, "way to the node")

INSTALL_DOCKER = "see https://docs.docker.com/engine/install/"
INSTALL_MINIKUBE = "see https://minikube.sigs.k8s.io/docs/start/"
#: The application's image, its build cache and a second copy of both while they are loaded take about 1.5 GB.
DISK_PROBLEM_BYTES = 1_000_000_000
DISK_WARNING_BYTES = 5_000_000_000


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """A file system: `free_bytes` is what a user may still write, `kind` is its type (ext4, tmpfs) where it was asked for."""

    path: str
    free_bytes: int
    total_bytes: int
    kind: str = ""


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """Docker as it is found here.

    `program` is the docker command's path (empty where there is none); `problem` and `mend` say why the engine does not answer (empty
    where it does); `inside_profile` is the minikube profile that `minikube docker-env` points at, `host` the engine's address where one is
    set; `disk` is None where Docker's folder is not on this machine's file systems.
    """

    program: str
    version: str
    problem: str = ""
    mend: str = ""
    host: str = ""
    inside_profile: str = ""
    disk: DiskSpace | None = None


@dataclass(frozen=True, slots=True)
class ToolFacts:
    """The programs that render the manifests: paths, empty where absent."""

    kubectl: str
    kubectl_version: str
    kustomize: str
    minikube: str


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """A minikube profile. `status` is the machine's own word for its state, such as running or exited."""

    profile: str
    exists: bool
    running: bool
    status: str = ""
    driver: str = ""
    runtime: str = ""
    kubernetes_version: str = ""
    nodes: int = 1


@dataclass(frozen=True, slots=True)
class KubeconfigFacts:
    """The kubeconfig's context. `expected_servers` are the profile's own addresses, empty where nothing says what they are."""

    context: str
    server: str
    problem: str = ""
    known_contexts: tuple[str, ...] = ()
    expected_servers: tuple[str, ...] = ()


def judge_engine(facts: EngineFacts, *, minikube: bool) -> Iterator[Finding]:
    """The engine, the program, where both point to, and the disk below them."""
    if facts.program:
        yield DOCKER_PROGRAM.ok(facts.program)
    else:
        why = "minikube's docker driver starts the node with it, and `kill-db` reaches the node through it"
        yield DOCKER_PROGRAM.problem("not on the PATH", why if minikube else "images are built with Docker", INSTALL_DOCKER)
    if facts.problem:
        yield DOCKER_ENGINE.problem(facts.problem, "without it no image can be built, and the node cannot run", facts.mend or "docker info")
        yield DOCKER_ENV.unknown("the engine does not answer", blocked_by=DOCKER_ENGINE.id)
        yield HOST_DISK.unknown("the engine does not answer", blocked_by=DOCKER_ENGINE.id)
        return
    yield DOCKER_ENGINE.ok(f"{facts.version} answers")
    if facts.inside_profile:
        yield DOCKER_ENV.warning(
            f"`minikube docker-env` is in force: docker means the engine inside {facts.inside_profile}",
            "images are built in the node and not on this machine, and after each restart of the node the variables are stale",
            "eval $(minikube docker-env --unset)",
        )
    elif facts.host.startswith(("tcp:", "ssh:", "http")):
        why = "the node runs on that machine: its ports may be out of reach from here"
        yield DOCKER_ENV.warning(f"the engine at {facts.host} is on another machine", why, "unset DOCKER_HOST")
    else:
        yield DOCKER_ENV.ok("this machine's own engine")
    if facts.disk is None:
        yield HOST_DISK.unknown("Docker's folder is not on a file system of this machine", "docker system df")
    else:
        yield judge_disk(HOST_DISK, facts.disk, "docker system df   (then: docker image prune)")


def judge_disk(check: Check, disk: DiskSpace, mend: str) -> Finding:
    """A file system below the limits is a warning, then a problem."""
    found = f"{size(disk.free_bytes)} free of {size(disk.total_bytes)} at {disk.path}"
    if disk.free_bytes < DISK_PROBLEM_BYTES:
        return check.problem(found, "builds, loads and the database's writes fail on a full disk", mend)
    if disk.free_bytes < DISK_WARNING_BYTES:
        return check.warning(found, "a few builds fill that; on a full disk the database's writes fail", mend)
    return check.ok(found)


def judge_tools(facts: ToolFacts) -> Iterator[Finding]:
    """Something must render the manifests."""
    if facts.kubectl:
        yield KUSTOMIZE.ok("kubectl kustomize")
    elif facts.kustomize:
        yield KUSTOMIZE.ok(facts.kustomize)
    elif facts.minikube:
        why = "it fetches kubectl at its first use, and every `up` is slower by a second"
        yield KUSTOMIZE.warning("only `minikube kubectl` is there", why, "see https://kubernetes.io/docs/tasks/tools/")
    else:
        yield KUSTOMIZE.problem(
            "neither kubectl nor kustomize is on the PATH",
            "the manifests are rendered with it",
            "see https://kubernetes.io/docs/tasks/tools/",
        )


def judge_kubectl_skew(facts: ToolFacts, server_version: str) -> Finding:
    """kubectl is supported within one minor version of the API server. https://kubernetes.io/releases/version-skew-policy/#kubectl"""
    if not facts.kubectl:
        return KUBECTL_SKEW.skipped("there is no kubectl")
    client, server = minor_version(facts.kubectl_version), minor_version(server_version)
    if client is None or server is None:
        return KUBECTL_SKEW.unknown(f"kubectl says “{facts.kubectl_version}”, the API server “{server_version}”", "kubectl version")
    if client[0] != server[0] or abs(client[1] - server[1]) > 1:
        why = "kubectl is supported within one minor version of the API server; the commands that shelterctl names may fail"
        mend = "minikube kubectl -- version"
        return KUBECTL_SKEW.warning(f"kubectl {facts.kubectl_version}, API server {server_version}", why, mend)
    return KUBECTL_SKEW.ok(f"{facts.kubectl_version}, API server {server_version}")


def judge_minikube_program(path: str, version: str) -> Finding:
    """`path` is empty where the program is absent."""
    if not path:
        return MINIKUBE_PROGRAM.problem("not on the PATH", "it makes and starts the cluster", INSTALL_MINIKUBE)
    return MINIKUBE_PROGRAM.ok(f"{version or 'version not told'} ({path})")


def judge_machine(facts: MachineFacts) -> Finding:
    """The profile must be there and run."""
    mend = f"minikube start -p {facts.profile}"
    if not facts.exists:
        # No repair: a mistyped name must not make a new cluster.
        return PROFILE.problem(f"there is no profile {facts.profile}", "the profile is the cluster; `shelterctl up` makes it too", mend)
    if facts.status == "paused":
        mend = f"minikube unpause -p {facts.profile}"
        return PROFILE.problem(f"{facts.profile} is paused", "nothing in it runs until it is unpaused", mend)
    if not facts.running:
        found = f"{facts.profile} is {facts.status or 'stopped'}"
        return PROFILE.problem(found, "nothing can be deployed or asked; its data are kept", mend, Repair.START_MACHINE)
    nodes = f", {facts.nodes} nodes" if facts.nodes > 1 else ""
    return PROFILE.ok(f"{facts.profile} runs: {facts.driver}, {facts.runtime}, Kubernetes {facts.kubernetes_version}{nodes}")


def judge_reach(facts: MachineFacts, platform: str) -> Finding:
    """With the docker driver only Linux reaches the node's address. `platform` is as `sys.platform` has it."""
    if not facts.driver:
        return REACH.unknown("the profile's driver is not known", blocked_by=PROFILE.id)
    if facts.driver == "docker" and platform != "linux":
        return REACH.warning(
            "the docker driver's node has no address that this system reaches",
            "a NodePort answers only through an open `minikube service` process, which a load test then measures too",
            f"minikube service app --url -n shelter -p {facts.profile}",
        )
    return REACH.ok("the node's address is reached from here" if facts.driver == "docker" else f"driver {facts.driver}")


def judge_kubeconfig(facts: KubeconfigFacts, profile: str | None) -> Finding:
    """The context must exist, and where it is a profile's it must name the address that the profile has now."""
    if facts.problem:
        known = f"known: {', '.join(facts.known_contexts)}" if facts.known_contexts else facts.problem
        why = "every request to the cluster goes through it"
        found = f"no usable context {facts.context} ({known})"
        if profile is not None and not facts.expected_servers:
            return KUBECONFIG.unknown(f"{found}; profile {profile} does not run", blocked_by=PROFILE.id)
        if profile is not None:
            return KUBECONFIG.problem(found, why, f"minikube update-context -p {profile}", Repair.UPDATE_CONTEXT)
        return KUBECONFIG.problem(found, why, "kubectl config get-contexts")
    if profile is None:
        return KUBECONFIG.ok(f"context {facts.context}: {facts.server}")
    if not facts.expected_servers:
        return KUBECONFIG.unknown(
            f"{facts.server}; the address of profile {profile} is not known", f"minikube status -p {profile}", blocked_by=PROFILE.id
        )
    if facts.server not in facts.expected_servers:
        return KUBECONFIG.problem(
            f"context {facts.context} is {facts.server}, profile {profile} is {facts.expected_servers[0]}",
            "the node's address or port changed at a restart: requests go to nobody, or to another cluster",
            f"minikube update-context -p {profile}",
            Repair.UPDATE_CONTEXT,
        )
    return KUBECONFIG.ok(f"context {facts.context}: {facts.server}")
