"""One pod: its process, its probes' counts, its restarts. What it must be told and when is `stack.py`'s."""

from __future__ import annotations

import os
import signal
import socket
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen

from shelterctl.adapters import process
from shelterctl.adapters.local.identity import ProcessIdentity, identify
from shelterctl.adapters.local.spec import ProbeSpec
from shelterctl.core.state import ContainerState, Mount, Pod, PodName, Role
from shelterctl.errors import ShelterError

#: The kubelet's back-off: the first restart comes at once, then after 10 s, doubled up to five minutes.
BACK_OFF_S, LONGEST_BACK_OFF_S = 10.0, 300.0
#: A container that ran for so long starts again at once.
FORGIVEN_AFTER_S = 600.0


@dataclass(frozen=True, slots=True)
class Template:
    """What a pod of one revision runs."""

    role: Role
    container: str
    revision: str
    image: str
    image_id: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    sockets: tuple[int, ...]
    probe_ports: Mapping[str, int]
    startup: ProbeSpec
    readiness: ProbeSpec
    liveness: ProbeSpec | None
    grace_s: float
    cpu_request_millicores: int = 0
    cpu_limit_millicores: int = 0
    memory_request_bytes: int = 0
    ports: tuple[int, ...] = ()
    mounts: tuple[Mount, ...] = ()
    data_path: str = ""
    claims: tuple[str, ...] = ()
    own: socket.socket | None = None
    before_start: Callable[[], None] | None = None
    probed: bool = True


@dataclass(slots=True)
class Counts:
    """Failures in a row of each probe, and when each is due (monotonic seconds)."""

    failures: int = 0
    due_s: float = 0.0


@dataclass(slots=True)
class KeptPod:
    """A pod and the process that runs in it now, if one does. `_s` is the wall clock's, which may jump; what is reckoned with is `_at`."""

    name: PodName
    template: Template
    log: Path
    uid: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_s: float = field(default_factory=time.time)
    created_at: float = field(default_factory=time.monotonic)
    running: Popen[bytes] | None = None
    identity: ProcessIdentity | None = None
    container_id: str = ""
    started_s: float | None = None
    started_at: float = 0.0
    restarts: int = 0
    crashes: int = 0
    last_code: int | None = None
    last_reason: str = ""
    last_id: str = ""
    last_finished_s: float | None = None
    start_due: float = 0.0
    start_problem: str = ""
    started: bool = False
    ready: bool = False
    ready_changed_s: float = field(default_factory=time.time)
    ready_changed_at: float = field(default_factory=time.monotonic)
    deleting: bool = False
    kill_due: float = 0.0
    probing: bool = False
    killed_by_probe: bool = False
    startup: Counts = field(default_factory=Counts)
    readiness: Counts = field(default_factory=Counts)
    liveness: Counts = field(default_factory=Counts)

    def start(self) -> None:
        """Starts the process. One that cannot be started is tried again after the back-off."""
        if self.restarts and self.log.exists():
            self.log.replace(self.log.with_suffix(".previous.log"))
        try:
            if self.template.before_start is not None:
                self.template.before_start()
            self.running = process.keep(
                self.template.argv,
                env=self.template.environment,
                cwd=self.template.folder,
                output=self.log,
                pass_fds=self.template.sockets,
            )
        except (ShelterError, OSError) as error:
            self.start_problem = error.what + (f": {error.why}" if error.why else "") if isinstance(error, ShelterError) else str(error)
            self._wait_for_next_start()
            return
        self.start_problem = ""
        self.identity = identify(self.running.pid, self.name) or ProcessIdentity(self.running.pid, "ended", self.name)
        self.container_id = f"{self.running.pid}-{uuid.uuid4().hex[:8]}"
        self.started_s, self.started_at = time.time(), time.monotonic()
        self.started = self.killed_by_probe = False
        probes = (self.template.startup, self.template.readiness, self.template.liveness)
        delays_s = [0.0 if probe is None else probe.initial_delay_s for probe in probes]
        self.startup, self.readiness, self.liveness = (Counts(due_s=self.started_at + delay_s) for delay_s in delays_s)

    def reap(self) -> bool:
        """Takes note of an end. True where the process ended since the last call."""
        if self.running is None or self.running.poll() is None:
            return False
        code = self.running.returncode
        # As a shell and the kubelet tell it: 128 more than the signal.
        self.last_code = 128 - code if code < 0 else code
        self.last_reason = "Completed" if code == 0 else "Error"
        self.last_id, self.last_finished_s = self.container_id, time.time()
        if self.identity is not None:
            # A gunicorn that is killed leaves its worker behind, which would go on serving under this pod's name.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.identity.pid, signal.SIGKILL)
        self.running = self.identity = None
        self.started = False
        self.set_ready(False)
        if not self.deleting:
            self.restarts += 1
            self._wait_for_next_start()
        return True

    def end(self) -> None:
        """Asks the process to end; after the grace period it is killed."""
        if not self.deleting:
            self.deleting = True
            self.kill_due = time.monotonic() + self.template.grace_s
            self.set_ready(False)
            self.send(signal.SIGCONT, signal.SIGTERM)

    def send(self, *signals: int) -> None:
        for sign in signals:
            if self.running is not None and self.running.poll() is None:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.running.pid, sign) if sign != signal.SIGTERM else os.kill(self.running.pid, sign)

    def probe_is_due(self, now_s: float) -> bool:
        """Whether any probe is to be made now (monotonic seconds)."""
        if not self.started:
            return now_s >= self.startup.due_s
        liveness = self.template.liveness is not None and now_s >= self.liveness.due_s
        return liveness or now_s >= self.readiness.due_s

    def close(self) -> None:
        """What it held goes with it."""
        if self.template.own is not None:
            self.template.own.close()
        self.log.unlink(missing_ok=True)
        self.log.with_suffix(".previous.log").unlink(missing_ok=True)

    def set_ready(self, ready: bool) -> None:
        if ready != self.ready:
            self.ready, self.ready_changed_s, self.ready_changed_at = ready, time.time(), time.monotonic()

    @property
    def gone(self) -> bool:
        return self.deleting and self.running is None

    def record(self, node: str) -> Pod:
        """The pod as every target shows one."""
        template = self.template
        state, reason, message = "running", "", ""
        if self.running is None:
            state = "waiting"
            reason = "ContainerCreating" if not self.restarts and not self.start_problem else "CrashLoopBackOff"
            message = self.start_problem
        container = ContainerState(
            template.container,
            self.ready,
            self.restarts,
            state,
            reason,
            message,
            template.image,
            template.image_id,
            self.container_id,
            self.started_s if self.running is not None else None,
            self.last_code,
            self.last_reason,
            self.last_id,
            self.last_finished_s,
            template.ports,
            template.mounts,
            template.data_path,
            probed=template.probed,
        )
        return Pod(
            name=self.name,
            namespace="",
            uid=self.uid,
            role=template.role,
            phase="Running" if self.running is not None or self.restarts else "Pending",
            ready=self.ready and not self.deleting,
            deleting=self.deleting,
            node=node,
            ip="127.0.0.1",
            revision=template.revision,
            owner_uid=template.role.value,
            created_at_s=self.created_s,
            ready_since_s=self.ready_changed_s if self.ready else None,
            containers=(container,),
            claims=template.claims,
            cpu_requests_millicores=(template.cpu_request_millicores or None,),
            cpu_limits_millicores=(template.cpu_limit_millicores or None,),
            start_time_s=self.created_s,
            memory_requests_bytes=(template.memory_request_bytes,),
        )

    def _wait_for_next_start(self) -> None:
        ran_s = time.monotonic() - self.started_at if self.started_at else 0.0
        self.crashes = 1 if ran_s > FORGIVEN_AFTER_S else self.crashes + 1
        back_off_s = 0.0 if self.crashes == 1 else min(BACK_OFF_S * 2 ** (self.crashes - 2), LONGEST_BACK_OFF_S)
        self.start_due = time.monotonic() + back_off_s
