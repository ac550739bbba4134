"""What a profile's files, its node and minikube itself say."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from shelterctl.adapters.minikube.machine import Minikube, Profile, exit_reason, minikube_home, parse_profile, shells
from shelterctl.adapters.nodes.shell import host_docker_env, ssh_shell
from shelterctl.core.serial import JsonValue
from shelterctl.errors import CommandFailed, MinikubeUnavailable, WaitTimeout
from shelterctl.ports.capabilities import MachineState

CONFIG: dict[str, JsonValue] = {
    "Driver": "kvm2",
    "KubernetesConfig": {"KubernetesVersion": "v1.34.4", "ContainerRuntime": "containerd"},
    "Nodes": [
        {"Name": "m02", "IP": "192.168.39.3", "ControlPlane": False},
        {"Name": "", "IP": "192.168.39.2", "ControlPlane": True},
    ],
    "Addons": {"metrics-server": True},
}


def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> Path:
    """A minikube home with one profile named `shop`."""
    file = tmp_path / ".minikube" / "profiles" / "shop" / "config.json"
    file.parent.mkdir(parents=True)
    file.write_text(content)
    monkeypatch.setenv("MINIKUBE_HOME", str(tmp_path))
    return file


@pytest.mark.unit
def test_a_profile_of_two_nodes() -> None:
    profile = parse_profile("shop", CONFIG)
    assert profile == Profile("shop", "kvm2", "containerd", "v1.34.4", "192.168.39.2", ("shop", "shop-m02"), True)
    ssh = ["minikube", "ssh", "--native-ssh=false", "-p", "shop", "-n"]
    assert [shell.argv(["echo", "a b"]) for shell in shells(profile)] == [
        [*ssh, "shop", "--", "sudo", "echo 'a b'"],
        [*ssh, "shop-m02", "--", "sudo", "echo 'a b'"],
    ]


@pytest.mark.unit
def test_a_profile_without_a_runtime_runs_docker() -> None:
    config: JsonValue = {"Driver": "docker", "KubernetesConfig": {"KubernetesVersion": "v1.34.4", "ContainerRuntime": ""}, "Nodes": None}
    profile = parse_profile("shop", config)
    assert profile == Profile("shop", "docker", "docker", "v1.34.4", "", ("shop",), False)
    assert shells(profile)[0].argv(["echo", "a b"]) == ["docker", "exec", "-i", "shop", "echo", "a b"]


@pytest.mark.unit
def test_minikube_home_is_found_as_minikube_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIKUBE_HOME", "/data")
    assert minikube_home() == Path("/data/.minikube")
    monkeypatch.setenv("MINIKUBE_HOME", "/data/.minikube")
    assert minikube_home() == Path("/data/.minikube")
    monkeypatch.delenv("MINIKUBE_HOME")
    assert minikube_home() == Path.home() / ".minikube"


@pytest.mark.unit
def test_docker_env_is_undone_for_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINIKUBE_ACTIVE_DOCKERD", raising=False)
    assert host_docker_env() == {}
    monkeypatch.setenv("MINIKUBE_ACTIVE_DOCKERD", "minikube")
    monkeypatch.setenv("MINIKUBE_EXISTING_DOCKER_HOST", "unix:///run/user/1000/docker.sock")
    monkeypatch.delenv("MINIKUBE_EXISTING_DOCKER_TLS_VERIFY", raising=False)
    monkeypatch.delenv("MINIKUBE_EXISTING_DOCKER_CERT_PATH", raising=False)
    assert host_docker_env() == {"DOCKER_HOST": "unix:///run/user/1000/docker.sock", "DOCKER_TLS_VERIFY": "", "DOCKER_CERT_PATH": ""}


@pytest.mark.unit
def test_the_reason_is_minikubes_own_sentence() -> None:
    lines = ["Automatically selected the docker driver", "X Exiting due to RSRC_INSUFFICIENT_CORES: 1 CPU is too few", "Suggestion: more"]
    assert exit_reason(lines) == "RSRC_INSUFFICIENT_CORES: 1 CPU is too few"
    assert exit_reason(["all is well"]) == ""


@pytest.mark.local
@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"Driver": "docker", "KubernetesConfig": [], "Nodes": []}'])
def test_a_damaged_profile_is_named(content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = _home(tmp_path, monkeypatch, content)
    with pytest.raises(MinikubeUnavailable, match="the profile shop is damaged") as caught:
        Minikube("shop").profile()
    assert caught.value.why.startswith(f"{file} is not a profile's configuration")


@pytest.mark.local
def test_without_minikube_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MinikubeUnavailable, match="minikube is not on the PATH") as caught:
        Minikube("shop").state()
    assert caught.value.next_command == "see https://minikube.sigs.k8s.io/docs/start/"


@pytest.mark.cluster
def test_a_profile_that_is_not_there() -> None:
    assert Minikube("shelterctl-nobody").state() == MachineState(
        "shelterctl-nobody", exists=False, running=False, detail="no minikube profile is named shelterctl-nobody"
    )
    with pytest.raises(MinikubeUnavailable, match="no minikube profile is named shelterctl-nobody"):
        Minikube("shelterctl-nobody").node_shells()


@pytest.mark.cluster
def test_a_profile_whose_machine_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _home(tmp_path, monkeypatch, json.dumps({**CONFIG, "Driver": "docker"}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    state = Minikube("shop").state()
    assert (state.exists, state.running, state.detail) == (False, False, "the profile's machine is gone")


@pytest.mark.cluster
def test_metrics_cannot_be_enabled_on_a_profile_that_is_not_there() -> None:
    with pytest.raises(MinikubeUnavailable, match="metrics-server could not be enabled"):
        Minikube("shelterctl-nobody").enable_metrics()


@pytest.mark.cluster
def test_the_running_profile() -> None:
    machine = Minikube("minikube")
    profile, state = machine.profile(), machine.state()
    assert profile is not None
    assert state == MachineState("minikube", True, True, profile.driver, profile.kubernetes_version, profile.metrics_enabled, "running")


@pytest.mark.cluster
@pytest.mark.parametrize("way", ["own", "ssh"])
def test_a_shell_in_the_node(way: str) -> None:
    shell = Minikube("minikube").node_shells()[0] if way == "own" else ssh_shell("minikube", "minikube")
    ran = shell.script("id -u; echo 'a  b' >&2", timeout_s=30)
    assert (ran.text, ran.error_text) == ("0\n", "a  b\n")
    binary = os.urandom(200_000)
    assert shell.feed(["sha256sum"], [binary, binary], timeout_s=30).text == hashlib.sha256(binary * 2).hexdigest() + "  -\n"
    with pytest.raises(CommandFailed):
        shell.run(["false"], timeout_s=30)


@pytest.mark.cluster
def test_an_open_shell_answers_line_by_line() -> None:
    with Minikube("minikube").node_shells()[0].open() as session:
        assert session.ask("name=shelter; echo one", timeout_s=30) == "one"
        assert session.ask('echo "$name two"; echo three', timeout_s=30) == "shelter two"
        assert session.ask("true", timeout_s=30) == "three"
        with pytest.raises(WaitTimeout, match=r"did not answer within 0\.2 s"):
            session.ask("true", timeout_s=0.2)
        with pytest.raises(CommandFailed, match="the shell in node minikube has ended"):
            session.ask("exit 3", timeout_s=30)


@pytest.mark.cluster
def test_a_shell_in_a_node_that_is_not_there_says_so() -> None:
    from shelterctl.adapters.nodes.shell import docker_shell

    with docker_shell("shelterctl-nobody").open() as session, pytest.raises(CommandFailed) as caught:
        session.ask("echo hi", timeout_s=30)
    assert "No such container: shelterctl-nobody" in caught.value.why
