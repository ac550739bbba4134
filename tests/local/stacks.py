"""Stacks of the embedded target for the tests: real processes, each stack with a state folder of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster import service
from tests.cluster.commands import Shelterctl, wait_until

NAMESPACE = "shelter"


@dataclass
class Stack:
    """One stack and the commands that work on it."""

    shelterctl: Shelterctl

    @property
    def home(self) -> Path:
        return self.shelterctl.state_dir / "local" / NAMESPACE

    @property
    def url(self) -> str:
        return service.url(self.shelterctl)

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.shelterctl("status").result["state"]
        return state

    def supervisor(self) -> int:
        return int(json.loads((self.home / "supervisor.json").read_text())["pid"])

    def processes(self) -> dict[str, int]:
        """Pid by pod."""
        found = json.loads((self.home / "processes.json").read_text())["processes"]
        return {each["what"]: each["pid"] for each in found}

    def kill(self, pid: int, sign: signal.Signals = signal.SIGKILL) -> None:
        os.kill(pid, sign)

    def pods(self, role: str) -> list[dict[str, Any]]:
        return [pod for pod in self.state()["pods"] if pod["role"] == role]

    def wait_until_ready(self, count: int, *, timeout_s: float = 30.0) -> None:
        def ready() -> bool:
            return len([pod for pod in self.pods("app") if pod["ready"]]) >= count

        wait_until(ready, f"{count} ready replicas", timeout_s=timeout_s)


@contextmanager
def stack_in(folder: Path, *defaults: str) -> Iterator[Stack]:
    """A stack that is not up yet; whatever runs of it at the end is ended."""
    folder.mkdir(parents=True, exist_ok=True)
    stack = Stack(Shelterctl(NAMESPACE, folder / "state", folder, defaults, {"SHELTERCTL_TARGET": "local"}))
    try:
        yield stack
    finally:
        stack.shelterctl("down", expect=None)
        for pid in left_of(stack.home):
            os.killpg(pid, signal.SIGKILL)


def left_of(home: Path) -> list[int]:
    """The processes of a stack that run, whoever knows of them: their command lines or folders name its folder."""
    import psutil

    found = []
    for process in psutil.process_iter(["pid", "cmdline"]):
        words = process.info["cmdline"] or ()
        if any(str(home) in word for word in words) and process.pid != os.getpid() and "pytest" not in " ".join(words):
            found.append(process.pid)
        else:
            try:
                if str(home) in process.cwd():
                    found.append(process.pid)
            except psutil.Error:
                continue
    return [pid for pid in found if os.getpgid(pid) == pid]


@dataclass
class Client:
    """Asks a service again and again on fresh connections, and counts what is not answered well."""

    url: str
    asked: int = 0
    failures: list[str] = field(default_factory=list)
    pods: set[str] = field(default_factory=set)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Client:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._stop.is_set():
            self.asked += 1
            try:
                with urllib.request.urlopen(f"{self.url}/data?limit=1", timeout=10) as answer:
                    self.pods.add(str(answer.headers["X-Pod"]))
                    answer.read()
            except (urllib.error.URLError, OSError) as error:
                self.failures.append(f"{type(error).__name__}: {error}")
            time.sleep(0.01)


@contextmanager
def taken_port() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield int(taken.getsockname()[1])
