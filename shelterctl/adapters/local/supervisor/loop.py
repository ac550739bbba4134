"""The supervisor's loop: it holds the lock, the sockets and the stack, and ends when it is told to."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import socket
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from shelterctl.adapters.local import ports
from shelterctl.adapters.local.home import PROTOCOL, Home, read_json, write_json
from shelterctl.adapters.local.identity import end_all, identify, recorded
from shelterctl.adapters.local.spec import LocalSpec, ProbeSpec
from shelterctl.adapters.local.supervisor.cpu import Limiter
from shelterctl.adapters.local.supervisor.pods import Counts, KeptPod
from shelterctl.adapters.local.supervisor.probes import probe
from shelterctl.adapters.local.supervisor.replica import listening
from shelterctl.adapters.local.supervisor.stack import Stack
from shelterctl.core.serial import from_json, to_json
from shelterctl.core.state import Role

#: How often it is looked at what runs: while something changes, and at rest. The end of a child is told at once.
TURN_S, REST_TURN_S = 0.1, 0.25
#: A log that has grown so far begins anew.
LOG_BYTES = 5_000_000
_LOGS_S = 5.0
#: How long everything together may take to end.
_END_S = 40.0
_LINE_BYTES = 4_000_000


def run(folder: Path) -> int:
    """Keeps the stack of a folder until it is told to end. Returns the exit code."""
    home = Home(folder)
    lock = os.open(home.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 3
    spec = from_json(LocalSpec, read_json(home.spec))
    # What an earlier supervisor left when it was killed: its replicas hold the port that the new ones need.
    end_all(recorded(home.processes), grace_s=10.0)
    runtime = home.runtime()
    remembered = read_json(home.ports)
    if spec.port is not None:
        ports.check(spec.port)
    listener = _listen_again(spec.port or remembered.get("http"))
    # The database listens by itself: its port is only found for it.
    with _listen_again(spec.database_port or remembered.get("database")) as found:
        database_port = found.getsockname()[1]
    stack = Stack(home, spec, listener, database_port)
    stack.remember_ports()
    supervisor = Supervisor(home, stack, runtime)
    asyncio.run(supervisor.keep())
    return 0


def _listen_again(port: object) -> socket.socket:
    """Listens on the port that is remembered; on another one where somebody else has it now, or none is."""
    if isinstance(port, int):
        with suppress(OSError):
            return listening(port)
    return listening(0)


def _document(spec: LocalSpec) -> dict[str, Any]:
    found = to_json(spec)
    assert isinstance(found, dict)
    return found


class Supervisor:
    """The tasks of the loop."""

    def __init__(self, home: Home, stack: Stack, runtime: Path) -> None:
        self.home = home
        self.stack = stack
        self.limiter = Limiter()
        self.socket = runtime / "control.sock"
        self.ending = asyncio.Event()
        self.ended = asyncio.Event()
        self.news = asyncio.Event()
        self._probes: set[asyncio.Task[None]] = set()

    async def keep(self) -> None:
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, self.ending.set)
        loop.add_signal_handler(signal.SIGCHLD, self.news.set)
        with suppress(OSError):
            self.socket.unlink()
        mask = os.umask(0o177)
        server = await asyncio.start_unix_server(self._serve, self.socket, limit=_LINE_BYTES)
        os.umask(mask)
        own = identify(os.getpid(), "supervisor")
        assert own is not None
        write_json(
            self.home.supervisor,
            {"protocol": PROTOCOL, "socket": str(self.socket), "pid": own.pid, "start": own.start},
        )
        limiting = asyncio.create_task(self._limit())
        try:
            await self._turns()
        finally:
            limiting.cancel()
            self.limiter.release()
            # Whatever ended the loop: nothing that it started is left to itself.
            end_all(self.stack.processes(), grace_s=5.0)
            for path in (self.home.processes, self.home.supervisor):
                path.unlink(missing_ok=True)
            self.ended.set()
            await asyncio.sleep(0.05)
            server.close()
            self.socket.unlink(missing_ok=True)

    async def _turns(self) -> None:
        logs_due_s, deadline_s, told = 0.0, float("inf"), False
        while True:
            if self.ending.is_set() and not told:
                told, deadline_s = True, time.monotonic() + _END_S
                self.stack.end()
            if told:
                for pod in self.stack.pods:
                    pod.reap()
                if time.monotonic() > deadline_s or not self.stack.processes():
                    return
            elif self.stack.turn():
                self._write_processes()
            now_s = time.monotonic()
            self._probe_all(now_s)
            if now_s >= logs_due_s:
                logs_due_s = now_s + _LOGS_S
                self._bound_logs()
            await self._wait(TURN_S if told or self.stack.moving else REST_TURN_S)

    async def _wait(self, timeout_s: float) -> None:
        """Until the time is over, a child has ended, or a command has asked for something."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.news.wait(), timeout_s)
        self.news.clear()

    def _write_processes(self) -> None:
        with suppress(OSError):
            write_json(self.home.processes, {"processes": [to_json(each) for each in self.stack.processes()]})

    def _bound_logs(self) -> None:
        for log in self.home.logs.glob("*.log"):
            with suppress(OSError):
                if log.stat().st_size > LOG_BYTES:
                    os.truncate(log, 0)

    async def _limit(self) -> None:
        while True:
            await asyncio.sleep(self.limiter.step(self.stack.pods))

    # Probes.

    def _probe_all(self, now_s: float) -> None:
        for pod in self.stack.pods:
            if pod.running is None or pod.deleting or pod.probing or not pod.probe_is_due(now_s):
                continue
            task = asyncio.create_task(self._probe(pod, now_s))
            pod.probing = True
            self._probes.add(task)
            task.add_done_callback(self._probes.discard)

    async def _probe(self, pod: KeptPod, now_s: float) -> None:
        try:
            template, container_id = pod.template, pod.container_id
            if not pod.started:
                if await self._asked(pod, pod.startup, template.startup, "Startup", now_s):
                    pod.started = True
                    now_s = time.monotonic()
                else:
                    return
            if template.liveness is not None:
                await self._asked(pod, pod.liveness, template.liveness, "Liveness", now_s)
            if now_s >= pod.readiness.due_s:
                ready = await self._asked(pod, pod.readiness, template.readiness, "Readiness", now_s)
                if pod.container_id == container_id and pod.running is not None and not pod.deleting:
                    if ready:
                        pod.set_ready(True)
                    elif pod.readiness.failures >= template.readiness.failure_threshold:
                        pod.set_ready(False)
        finally:
            pod.probing = False

    async def _asked(self, pod: KeptPod, counts: Counts, spec: ProbeSpec, kind: str, now_s: float) -> bool:
        """Asks where it is due. True where it succeeded now."""
        if now_s < counts.due_s:
            return False
        counts.due_s = now_s + spec.period_s
        container_id = pod.container_id
        problem = await probe(pod.template.probe_ports[spec.port], spec.path, spec.timeout_s)
        if pod.container_id != container_id:
            return False
        if not problem:
            counts.failures = 0
            return True
        counts.failures += 1
        if kind != "Startup" or counts.failures > 5:
            self.stack.journal.add(f"pod/{pod.name}", "Unhealthy", f"{kind} probe failed: {problem}", warning=True)
        if kind != "Readiness" and counts.failures >= spec.failure_threshold and not pod.killed_by_probe:
            pod.killed_by_probe = True
            words = f"Container {pod.template.container} failed {kind.lower()} probe, will be restarted"
            self.stack.journal.add(f"pod/{pod.name}", "Killing", words)
            pod.send(signal.SIGCONT, signal.SIGTERM)
            asyncio.get_running_loop().call_later(pod.template.grace_s, self._kill_if_same, pod, container_id)
        return False

    @staticmethod
    def _kill_if_same(pod: KeptPod, container_id: str) -> None:
        if pod.container_id == container_id:
            pod.send(signal.SIGKILL)

    # What commands ask.

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = json.loads(await reader.readline())
            answer = await self._answer(asked)
            if asked.get("op") not in ("state", "database"):
                self.news.set()
        except Exception as error:  # noqa: BLE001 - a command that asks nonsense must not end the stack
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        with suppress(OSError):
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
            writer.close()

    async def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        stack = self.stack
        match asked.get("op"):
            case "state":
                return {"state": to_json(stack.state())}
            case "apply":
                spec = from_json(LocalSpec, asked["spec"])
                stack.apply(spec)
                write_json(self.home.spec, asked["spec"])
                return {"done": True}
            case "delete":
                return {"done": stack.delete(str(asked["uid"]))}
            case "restart":
                stack.restart()
                write_json(self.home.spec, _document(stack.spec))
                return {"done": True}
            case "database":
                pod = next((each for each in stack.pods if each.template.role is Role.DATABASE), None)
                identity = pod.identity if pod is not None else None
                return {"port": stack.database_port, "process": to_json(identity)}
            case "end":
                self.ending.set()
                await self.ended.wait()
                return {"done": True}
        raise ValueError(f"nothing is called {asked.get('op')!r}")
