"""Kills the database's process for real: SIGKILL from here, SIGTERM by its supervisor, which then makes another pod."""

from __future__ import annotations

import signal
import time

from shelterctl.adapters.local.client import Client
from shelterctl.adapters.local.home import Home
from shelterctl.adapters.local.identity import ProcessIdentity
from shelterctl.core.faults.fault import KillMode, KillReport
from shelterctl.core.serial import from_json
from shelterctl.core.state import ContainerState, Pod
from shelterctl.errors import FaultFailed

#: A process that got SIGKILL is gone as soon as the kernel has time for it.
_GONE_TIMEOUT_S = 5.0


class LocalFaults:
    """Fulfils `ports.faults.FaultInjector`."""

    def __init__(self, home: Home) -> None:
        self._client = Client(home)
        self._pod: Pod | None = None
        self._mode = KillMode.SIGKILL
        self._process: ProcessIdentity | None = None

    def prepare(self, pod: Pod, container: ContainerState, mode: KillMode) -> None:
        if mode is KillMode.FORCE_DELETE:
            raise FaultFailed(
                "a pod that is deleted by force exists on a cluster only",
                why="here a process gets SIGKILL, or SIGTERM with a grace period",
                next_command="shelterctl chaos kill-db --mode sigkill",
            )
        told = self._client.ask("database")["process"]
        if told is None:
            raise FaultFailed(f"no process runs in pod {pod.name}", next_command="shelterctl status")
        self._pod, self._mode, self._process = pod, mode, from_json(ProcessIdentity, told)

    def kill(self) -> KillReport:
        assert self._pod is not None
        assert self._process is not None
        wall_s, sent_s = time.time(), time.monotonic()
        if self._mode is KillMode.DELETE:
            if not self._client.ask("delete", uid=self._pod.uid)["done"]:
                raise FaultFailed(f"pod {self._pod.name} was replaced meanwhile: nothing was killed")
            return KillReport(self._mode, sent_s, time.monotonic(), wall_s, self._pod.node)
        if not self._process.signal_group(signal.SIGKILL):
            raise FaultFailed(f"process {self._process.pid} of pod {self._pod.name} could not be killed: it was gone already")
        confirmed_s = time.monotonic()
        while self._process.alive() and time.monotonic() - confirmed_s < _GONE_TIMEOUT_S:
            time.sleep(0.01)
        return KillReport(self._mode, sent_s, confirmed_s, wall_s, self._pod.node, self._process.pid, not self._process.alive())

    def close(self) -> None:
        """Nothing is held open."""
