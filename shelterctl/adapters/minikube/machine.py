"""A minikube profile: whether it is there and runs, what it is made of, and how to start it.

`minikube status` takes 0.4 s and `minikube profile list` 0.1 s; the profile's own file says the same in under a millisecond, and with the
docker driver the state of the node's container says in 30 ms whether it runs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from shelterctl.adapters import kubeconfig, process
from shelterctl.adapters.builder import engine_query
from shelterctl.adapters.nodes.shell import NodeShell, docker_shell, host_docker_env, local_shell, ssh_shell
from shelterctl.core.serial import JsonValue
from shelterctl.errors import CommandFailed, MinikubeUnavailable, ProgramMissing, WaitTimeout
from shelterctl.ports.capabilities import MachineState

QUERY_TIMEOUT_S = 30.0
#: A first start downloads images and takes minutes.
START_TIMEOUT_S = 1200.0
ADDON_TIMEOUT_S = 180.0

INSTALL = "see https://minikube.sigs.k8s.io/docs/start/"


@dataclass(frozen=True, slots=True)
class Profile:
    """What a profile's configuration says. `nodes` are machine names, `ip` is the control plane's (empty before the first start)."""

    name: str
    driver: str
    runtime: str
    kubernetes_version: str
    ip: str
    nodes: tuple[str, ...]
    metrics_enabled: bool


class Minikube:
    """Fulfils `ports.capabilities.Machine` for one profile."""

    def __init__(self, profile: str) -> None:
        self._name = profile

    def profile(self) -> Profile | None:
        """The profile's configuration, None where there is no such profile. Raises MinikubeUnavailable where it is damaged."""
        file = minikube_home() / "profiles" / self._name / "config.json"
        try:
            return parse_profile(self._name, json.loads(file.read_bytes()))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._error(f"the profile {self._name} cannot be read", f"{file}: {error.strerror}", f"ls -l {file}") from error
        except (ValueError, TypeError, KeyError, LookupError) as error:
            raise self._error(
                f"the profile {self._name} is damaged", f"{file} is not a profile's configuration: {error}", "minikube profile list"
            ) from error

    def state(self) -> MachineState:
        """The profile's state; `version` is Kubernetes' own. Raises MinikubeUnavailable, DockerUnavailable."""
        self._require_program()
        profile = self.profile()
        if profile is None:
            return MachineState(self._name, exists=False, running=False, detail=f"no minikube profile is named {self._name}")
        status = self._container_status() if profile.driver == "docker" else self._host_status()
        return MachineState(
            self._name,
            exists=bool(status),
            running=status == "running",
            driver=profile.driver,
            version=profile.kubernetes_version,
            metrics_enabled=profile.metrics_enabled,
            detail=status or "the profile's machine is gone",
        )

    def start(self) -> Iterator[str]:
        """Starts the profile, or creates it, and yields minikube's lines; takes minutes. Raises MinikubeUnavailable."""
        self._require_program()
        argv = ["minikube", "start", "-p", self._name, "--interactive=false"]
        seen: list[str] = []
        try:
            with kubeconfig.current_context_kept():
                for line in process.stream_lines(argv, timeout_s=START_TIMEOUT_S):
                    text = line.strip().removeprefix("* ").strip()
                    if text:
                        seen.append(text)
                        yield text
        except (CommandFailed, WaitTimeout) as error:
            raise self._error(
                f"minikube could not start the profile {self._name}",
                exit_reason(seen) or error.why or error.what,
                f"minikube logs -p {self._name} --problems",
                error.details,
            ) from error

    def enable_metrics(self) -> None:
        """Turns the metrics-server add-on on. Raises MinikubeUnavailable."""
        self._require_program()
        argv = ["minikube", "addons", "enable", "metrics-server", "-p", self._name]
        try:
            process.run(argv, timeout_s=ADDON_TIMEOUT_S)
        except (CommandFailed, WaitTimeout) as error:
            why = exit_reason(error.details) or error.why or error.what
            raise self._error("metrics-server could not be enabled", why, " ".join(argv), error.details) from error

    def node_shells(self) -> tuple[NodeShell, ...]:
        """A root shell for each node, the control plane's first. Raises MinikubeUnavailable where there is no such profile."""
        profile = self.profile()
        if profile is None:
            raise self._error(f"no minikube profile is named {self._name}", "", f"minikube start -p {self._name}")
        return shells(profile)

    def _require_program(self) -> None:
        try:
            process.find("minikube", remedy=INSTALL)
        except ProgramMissing as error:
            raise self._error(error.what, "", INSTALL) from error

    def _container_status(self) -> str:
        """Docker's word for the node's container (running, exited, paused), empty where there is none."""
        env = host_docker_env()
        if not env:
            # What keeps the socket from answering is docker's to say, in its own words.
            with suppress(engine_query.Elsewhere, OSError):
                return engine_query.container_status(self._name, QUERY_TIMEOUT_S) or ""
        argv = ["docker", "container", "inspect", "-f", "{{.State.Status}}", self._name]
        found = process.run(argv, timeout_s=QUERY_TIMEOUT_S, env=env, check=False)
        if found.returncode == 0:
            return found.text.strip()
        if "no such container" in found.error_text.lower():
            return ""
        raise self._error(f"the state of the profile {self._name} is unknown", f"Docker says: {found.error_text.strip()}", "docker info")

    def _host_status(self) -> str:
        """minikube's word for the machine, in lower case, empty where there is none."""
        argv = ["minikube", "status", "-p", self._name, "-o", "json"]
        found = process.run(argv, timeout_s=QUERY_TIMEOUT_S, check=False)
        try:
            answer = json.loads(found.text)
            # A profile of several nodes gives a list, the control plane first.
            host = str((answer[0] if isinstance(answer, list) else answer)["Host"])
        except (ValueError, LookupError, TypeError) as error:
            raise self._error(
                f"the state of the profile {self._name} is unknown",
                (found.error_text or found.text).strip(),
                f"minikube status -p {self._name}",
            ) from error
        return "" if host == "Nonexistent" else host.lower()

    def _error(self, what: str, why: str, next_command: str, details: Sequence[str] = ()) -> MinikubeUnavailable:
        return MinikubeUnavailable(what, why=why, next_command=next_command, details=details)


def minikube_home() -> Path:
    """Where minikube keeps its profiles: MINIKUBE_HOME, itself or its `.minikube`, else `~/.minikube`, as minikube finds it."""
    home = os.environ.get("MINIKUBE_HOME", "")
    if not home:
        return Path.home() / ".minikube"
    return Path(home) if Path(home).name == ".minikube" else Path(home) / ".minikube"


def parse_profile(name: str, config: JsonValue) -> Profile:
    """Reads a profile's `config.json`. Raises TypeError, KeyError, IndexError or ValueError where it is not one."""
    fields = _object(config)
    kubernetes = _object(fields["KubernetesConfig"])
    listed = fields.get("Nodes") or []
    if not isinstance(listed, list):
        raise TypeError("Nodes is not a list")
    nodes = sorted((_object(node) for node in listed), key=lambda node: not node.get("ControlPlane"))
    addons = _object(fields.get("Addons") or {})
    return Profile(
        name=name,
        driver=str(fields["Driver"]),
        runtime=str(kubernetes.get("ContainerRuntime") or "docker"),
        kubernetes_version=str(kubernetes["KubernetesVersion"]),
        ip=str(nodes[0].get("IP") or "") if nodes else "",
        nodes=tuple(f"{name}-{node['Name']}" if index and node.get("Name") else name for index, node in enumerate(nodes)) or (name,),
        metrics_enabled=addons.get("metrics-server") is True,
    )


def shells(profile: Profile) -> tuple[NodeShell, ...]:
    """A root shell for each node of a profile."""
    if profile.driver == "docker":
        return tuple(docker_shell(node) for node in profile.nodes)
    if profile.driver == "none":
        return (local_shell(profile.name),)
    return tuple(ssh_shell(profile.name, node) for node in profile.nodes)


def exit_reason(lines: Sequence[str]) -> str:
    """minikube's own sentence for why it gave up (`X Exiting due to REASON: sentence`), or an empty string."""
    for line in reversed(lines):
        if "Exiting due to " in line:
            return line.partition("Exiting due to ")[2].strip()
    return ""


def _object(value: JsonValue) -> Mapping[str, JsonValue]:
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, found {type(value).__name__}")
    return value
