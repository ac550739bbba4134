"""A SIGKILL from outside: this machine is the node, a container on it the database's."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shelterctl.adapters.kube.api import KubeApi
from shelterctl.adapters.kube.faults import _AWAIT_GONE, KubernetesFaults
from shelterctl.adapters.nodes.shell import NodeShell
from shelterctl.core.faults.fault import KillMode
from shelterctl.core.state import ContainerState, Pod
from shelterctl.errors import FaultFailed
from tests.core.stack_examples import DATABASE

pytestmark = pytest.mark.local

IMAGE = "busybox:1.37"
HERE = NodeShell("minikube", ())


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=60, check=True).stdout.strip()


@pytest.fixture
def container(need_docker: Callable[..., None]) -> Iterator[str]:
    """A container with a first process and a child of it; its id."""
    if os.geteuid() != 0:
        pytest.skip("only root may end a container's process from outside")
    need_docker(IMAGE)
    found = docker("run", "--detach", "--network", "none", IMAGE, "sh", "-c", "sleep 60 & wait")
    try:
        if found not in _cgroup(docker("inspect", "-f", "{{.State.Pid}}", found)):
            pytest.skip("Docker's processes are not this machine's own")
        yield found
    finally:
        docker("rm", "--force", found)


def _cgroup(process_id: str) -> str:
    path = Path(f"/proc/{process_id}/cgroup")
    return path.read_text() if path.exists() else ""


def test_a_process_counts_as_gone_once_it_has_ended_reaped_or_not() -> None:
    """One look decides: a process that goes between two looks is gone."""

    def said(process_id: int) -> str:
        line = _AWAIT_GONE.format(pid=process_id, tries=1)
        return subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=20, check=True).stdout.strip()

    child = subprocess.Popen(["sleep", "60"])
    try:
        assert said(child.pid) == "there"
    finally:
        child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert said(child.pid) == "gone"
    child.wait()
    assert said(child.pid) == "gone"


def pod(container: str) -> Pod:
    return replace(DATABASE, containers=(replace(DATABASE.containers[0], container_id=container),))


def target(container: str) -> tuple[Pod, ContainerState]:
    found = pod(container)
    return found, found.containers[0]


def faults(*shells: NodeShell) -> KubernetesFaults:
    return KubernetesFaults(KubeApi("unused"), (lambda: shells) if shells else None)


def test_the_first_process_is_killed_and_seen_gone(container: str) -> None:
    injector = faults(HERE)
    injector.prepare(*target(container), KillMode.SIGKILL)
    report = injector.kill()
    injector.close()
    assert report.process_gone is True
    assert report.sent_mono_s < report.confirmed_mono_s
    assert docker("wait", container) == "137"


def test_a_container_that_ended_meanwhile_is_not_killed_again(container: str) -> None:
    injector = faults(HERE)
    injector.prepare(*target(container), KillMode.SIGKILL)
    docker("kill", container)
    with pytest.raises(FaultFailed, match="could not be killed: it was gone already"):
        injector.kill()
    injector.close()


def test_a_number_that_belongs_to_another_process_by_now_is_spared(container: str) -> None:
    with subprocess.Popen(["sleep", "60"]) as stranger:
        injector = faults(HERE)
        injector.prepare(*target(container), KillMode.SIGKILL)
        injector._process_id = stranger.pid
        with pytest.raises(FaultFailed):
            injector.kill()
        injector.close()
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize("container_id", ["", "nonsense; reboot", "0" * 64])
def test_a_container_that_is_not_on_the_node(container_id: str) -> None:
    with pytest.raises(FaultFailed):
        faults(HERE).prepare(*target(container_id), KillMode.SIGKILL)


def test_a_node_that_cannot_be_entered() -> None:
    with pytest.raises(FaultFailed, match="must come from the node"):
        faults().prepare(*target("0" * 64), KillMode.SIGKILL)
    with pytest.raises(FaultFailed, match="node minikube cannot be entered"):
        faults(NodeShell("minikube", ("false",))).prepare(*target("0" * 64), KillMode.SIGKILL)
