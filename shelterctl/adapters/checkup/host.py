"""Facts about this machine and the minikube profile, for `doctor`."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

from shelterctl.adapters import process
from shelterctl.adapters.builder.engine import DockerEngine
from shelterctl.adapters.kube.api import Json
from shelterctl.adapters.minikube.machine import Minikube, minikube_home
from shelterctl.adapters.nodes.shell import NodeShell, host_docker_env
from shelterctl.core.checkup.cluster import InsideNode
from shelterctl.core.checkup.host import DiskSpace, EngineFacts, KubeconfigFacts, MachineFacts, ToolFacts
from shelterctl.core.checkup.metrics import StartOptions
from shelterctl.errors import CommandFailed, DockerUnavailable, ShelterError

QUERY_TIMEOUT_S = 15.0

#: Where minikube's provisioner keeps the claims' volumes; it cannot be configured.
_CLAIMS_FOLDER = "/tmp/hostpath-provisioner"  # noqa: S108 - a folder in the node
#: The node's time first, so that the time to start the shell lies before it and the rest after it.
_LOOK_INSIDE = f"""date +%s.%N
for folder in /var {_CLAIMS_FOLDER}; do
  [ -d "$folder" ] && echo "$folder $(df -PkT "$folder" | tail -n 1)"
done
echo --
pid=$(pidof kubelet || pgrep -xo kubelet) && tr '\\0' '\\n' < /proc/${{pid%% *}}/cmdline
true
"""


def engine(docker: DockerEngine, profile_address: str, profile: str) -> EngineFacts:
    """The engine that builds would use, whether it answers or not."""
    program = shutil.which("docker") or ""
    host = os.environ.get("DOCKER_HOST", "")
    inside = os.environ.get("MINIKUBE_ACTIVE_DOCKERD", "")
    if not inside and profile_address and profile_address in host:
        inside = profile
    try:
        info = docker.check()
    except DockerUnavailable as error:
        return EngineFacts(program, "", f"{error.what}: {error.why}".rstrip(": "), error.next_command, host, inside)
    return EngineFacts(program, info.version, host=host, inside_profile=inside, disk=_disk(info.root_dir, host))


def _disk(folder: str, host: str) -> DiskSpace | None:
    """The file system of Docker's folder, None where that is another machine's (a remote engine, Docker Desktop)."""
    if not folder or sys.platform != "linux" or (host and not host.startswith("unix:")):
        return None
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return DiskSpace(folder, usage.free, usage.total)


def tools() -> ToolFacts:
    """The programs on the PATH; kubectl's version is empty where it does not tell it."""
    kubectl = shutil.which("kubectl") or ""
    version = ""
    if kubectl:
        answer = process.run([kubectl, "version", "--client", "-o", "json"], timeout_s=QUERY_TIMEOUT_S, check=False)
        with suppress(ValueError, KeyError, TypeError):
            version = str(json.loads(answer.text)["clientVersion"]["gitVersion"])
    return ToolFacts(kubectl, version, shutil.which("kustomize") or "", shutil.which("minikube") or "")


def minikube_program() -> tuple[str, str]:
    """minikube's path and version. Raises CommandFailed where it is there and does not run."""
    path = shutil.which("minikube") or ""
    if not path:
        return "", ""
    lines = process.run([path, "version", "--short"], timeout_s=QUERY_TIMEOUT_S).text.strip().splitlines()
    return path, lines[0] if lines else ""


def machine(minikube: Minikube) -> MachineFacts:
    """The profile's state. Raises MinikubeUnavailable, ProgramMissing."""
    state = minikube.state()
    profile = minikube.profile()
    return MachineFacts(
        profile=state.profile,
        exists=state.exists,
        running=state.running,
        status=state.detail,
        driver=state.driver,
        runtime=profile.runtime if profile else "",
        kubernetes_version=state.version,
        nodes=len(profile.nodes) if profile else 0,
    )


def start_options(profile: str) -> StartOptions:
    """What the profile hands to the kubelet at its next start. Raises CommandFailed where its file cannot be read."""
    config = profile_config(profile)
    options = (config.get("KubernetesConfig") or {}).get("ExtraOptions") or ()
    extra = tuple(f"{item.get('Component', '')}.{item.get('Key', '')}={item.get('Value', '')}" for item in options)
    return StartOptions(extra, bool(config.get("DisableMetrics")))


def profile_config(profile: str) -> Json:
    """The profile's `config.json`. Raises CommandFailed where it cannot be read."""
    file = minikube_home() / "profiles" / profile / "config.json"
    try:
        config = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise CommandFailed(f"{file} cannot be read", returncode=1, why=str(error)) from error
    return config if isinstance(config, dict) else {}


def kubeconfig(context: str, profile: str | None) -> KubeconfigFacts:
    """The context's server, and the addresses that the profile's API server has now."""
    expected = _addresses(profile) if profile is not None else ()
    from kubernetes.client import Configuration
    from kubernetes.config import ConfigException, list_kube_config_contexts, load_kube_config
    from yaml import YAMLError

    configuration = Configuration()
    try:
        load_kube_config(context=context, client_configuration=configuration)
    except (ConfigException, YAMLError, OSError) as error:
        known: Sequence[str] = ()
        with suppress(ConfigException, YAMLError, OSError):
            known = tuple(str(item["name"]) for item in list_kube_config_contexts()[0])
        return KubeconfigFacts(context, "", str(error) or type(error).__name__, tuple(known), expected)
    return KubeconfigFacts(context, str(configuration.host), expected_servers=expected)


def _addresses(profile: str) -> tuple[str, ...]:
    """Where the profile's API server listens: the node's address, and with the docker driver the port published for it."""
    try:
        config = profile_config(profile)
    except CommandFailed:
        return ()
    node: Json = next((item for item in config.get("Nodes") or () if item.get("ControlPlane")), {})
    port = int(node.get("Port") or 8443)
    if config.get("Driver") != "docker":
        return (f"https://{node['IP']}:{port}",) if node.get("IP") else ()
    try:
        found = process.run(["docker", "container", "inspect", profile], timeout_s=QUERY_TIMEOUT_S, env=host_docker_env(), check=False)
        container = json.loads(found.text)[0]
        networks, ports = container["NetworkSettings"]["Networks"], container["NetworkSettings"]["Ports"]
    except (ShelterError, ValueError, LookupError, TypeError):
        return ()
    addresses = [f"https://{network['IPAddress']}:{port}" for network in networks.values() if network.get("IPAddress")]
    published = [f"https://127.0.0.1:{item['HostPort']}" for item in ports.get(f"{port}/tcp") or ()]
    return tuple(published + addresses if sys.platform != "linux" else addresses + published)


def profile_address(profile: str | None) -> str:
    """The node's address as the profile's file has it, empty where there is none."""
    if profile is None:
        return ""
    try:
        nodes = profile_config(profile).get("Nodes") or ()
    except CommandFailed:
        return ""
    return str(next((node.get("IP") or "" for node in nodes), ""))


def inside(shell: NodeShell) -> InsideNode:
    """The node's clock, its disk and its kubelet's command line. Raises CommandFailed, WaitTimeout, ProgramMissing."""
    before_s = time.time()
    text = shell.script(_LOOK_INSIDE, timeout_s=QUERY_TIMEOUT_S).text
    after_s = time.time()
    head, _, flags = text.partition("--\n")
    lines = head.strip().splitlines()
    try:
        seconds, _, fraction = lines[0].partition(".")
        whole = not fraction.isdigit()
        node_s = float(seconds) + (0.5 if whole else float(f"0.{fraction}"))
        disks = {columns[0]: _disk_of(shell.node, columns) for columns in map(str.split, lines[1:])}
        disk = disks["/var"]
    except (ValueError, LookupError) as error:
        raise CommandFailed(f"the node {shell.node} gave no time and no disk space", returncode=0, why=text.strip()[-200:]) from error
    middle_s, error_s = (before_s + after_s) / 2, (after_s - before_s) / 2
    arguments = tuple(flags.strip("\n").split("\n")) if flags.strip() else None
    return InsideNode(shell.node, disk, node_s - middle_s, error_s + (0.5 if whole else 0.0), arguments, disks.get(_CLAIMS_FOLDER))


def _disk_of(node: str, columns: Sequence[str]) -> DiskSpace:
    """From the folder and a line of `df -PkT`: file system, type, size, used, available in KiB."""
    return DiskSpace(f"{node}:{columns[0]}", int(columns[5]) * 1024, int(columns[3]) * 1024, columns[2])


def update_context(profile: str) -> None:
    """Points the kubeconfig at the profile's address. Raises CommandFailed, WaitTimeout, ProgramMissing."""
    process.run(["minikube", "update-context", "-p", profile], timeout_s=60.0)
