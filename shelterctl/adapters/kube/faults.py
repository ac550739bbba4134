"""Kills the database's pod, or the process in it, for real. A SIGKILL comes from the node: a container's first process ignores its own."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

from shelterctl.adapters.kube.api import KubeApi
from shelterctl.adapters.nodes.shell import NodeShell, ShellSession
from shelterctl.core.faults.fault import KillMode, KillReport
from shelterctl.core.state import ContainerState, Pod
from shelterctl.errors import CommandFailed, FaultFailed, WaitTimeout

_ASK_TIMEOUT_S = 20.0
#: A process that got SIGKILL is gone as soon as the kernel has time for it.
_GONE_TIMEOUT_S = 5
#: The container's first process: in a cgroup that carries the container's id, and number 1 in the innermost process namespace. This
#: holds for every runtime; `crictl inspect` and `docker inspect` would each want their own way.
_FIND_FIRST_PROCESS = (
    "for f in $(grep -ls {container} /proc/[0-9]*/cgroup); do d=${{f%/cgroup}}; "
    "grep -qsE '^NSpid:.*[[:space:]]1$' $d/status && p=${{d#/proc/}}; done; echo ${{p:-none}}"
)
#: The number may belong to another process of the node by now: it is killed only while it is still the container's.
_KILL = "grep -qs {container} /proc/{pid}/cgroup && kill -9 {pid} && echo sent || echo failed"
#: Says `gone` once the process has ended (a zombie has), `there` where it has not after the last try. One look at one file: with two,
#: a process that goes between them would seem to be there.
_AWAIT_GONE = (
    "alive() {{ grep -qs '^State:.[^ZX]' /proc/{pid}/status; }}; i=0; "
    "while alive && [ $i -lt {tries} ]; do sleep 0.05; i=$((i+1)); done; if alive; then echo there; else echo gone; fi"
)


class KubernetesFaults:
    """Fulfils `ports.faults.FaultInjector`. `shells` opens the nodes' root shells; it is None where the nodes cannot be entered."""

    def __init__(self, api: KubeApi, shells: Callable[[], Sequence[NodeShell]] | None) -> None:
        self._api = api
        self._shells = shells
        self._session: ShellSession | None = None
        self._pod: Pod | None = None
        self._mode = KillMode.SIGKILL
        self._process_id = 0
        self._container_id = ""

    def prepare(self, pod: Pod, container: ContainerState, mode: KillMode) -> None:
        """Finds the process and checks that it is the container's own. Raises FaultFailed."""
        self._pod, self._mode = pod, mode
        if mode is not KillMode.SIGKILL:
            return
        if self._shells is None:
            raise FaultFailed(
                "a SIGKILL must come from the node, and this context's nodes cannot be entered",
                next_command="shelterctl chaos kill-db --mode delete",
            )
        shells = self._shells()
        shell = next((s for s in shells if s.node == pod.node), shells[0] if len(shells) == 1 else None)
        self._container_id = container.container_id
        if shell is None or not re.fullmatch(r"[0-9a-f]{12,64}", self._container_id):
            raise FaultFailed(f"container {container.name} of pod {pod.name} cannot be found on node {pod.node}")
        try:
            self._session = shell.open()
            found = self._session.ask(_FIND_FIRST_PROCESS.format(container=self._container_id), timeout_s=_ASK_TIMEOUT_S)
        except (CommandFailed, WaitTimeout) as error:
            raise FaultFailed(f"node {pod.node} cannot be entered", why=error.why or error.what) from error
        if not found.isdigit() or int(found) < 2:
            raise FaultFailed(f"the process of pod {pod.name} was not found on node {pod.node}", why=f"the node answered “{found}”")
        self._process_id = int(found)

    def kill(self) -> KillReport:
        """Sends the fault. Raises FaultFailed where it was not sent."""
        assert self._pod is not None
        return self._sigkill(self._pod) if self._mode is KillMode.SIGKILL else self._delete(self._pod)

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def _sigkill(self, pod: Pod) -> KillReport:
        assert self._session is not None
        pid = self._process_id
        wall_s, sent_s = time.time(), time.monotonic()
        try:
            killed = self._session.ask(_KILL.format(pid=pid, container=self._container_id), timeout_s=_ASK_TIMEOUT_S)
            confirmed_s = time.monotonic()
            if killed != "sent":
                raise FaultFailed(f"process {pid} of pod {pod.name} could not be killed: it was gone already")
            gone = self._session.ask(_AWAIT_GONE.format(pid=pid, tries=_GONE_TIMEOUT_S * 20), timeout_s=_ASK_TIMEOUT_S)
        except (CommandFailed, WaitTimeout) as error:
            raise FaultFailed(f"node {pod.node} broke off while the process was being killed", why=error.why or error.what) from error
        return KillReport(KillMode.SIGKILL, sent_s, confirmed_s, wall_s, pod.node, pid, gone == "gone")

    def _delete(self, pod: Pod) -> KillReport:
        # The UID as a precondition: a pod that was replaced meanwhile is not the one that was looked at.
        body: dict[str, object] = {"preconditions": {"uid": pod.uid}}
        if self._mode is KillMode.FORCE_DELETE:
            body["gracePeriodSeconds"] = 0
        wall_s, sent_s = time.time(), time.monotonic()
        self._api.request("DELETE", f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}", body=body)
        return KillReport(self._mode, sent_s, time.monotonic(), wall_s, pod.node)
