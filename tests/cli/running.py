"""Runs the command line as users do: a process of its own, in a folder of its own, with nothing of this machine's settings."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 60
#: A context whose API server is not there: port 1 of this machine.
KUBECONFIG = """apiVersion: v1
kind: Config
current-context: gone
clusters: [{name: gone, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: gone, user: {token: secret-token}}]
contexts: [{name: gone, context: {cluster: gone, user: gone}}]
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """The exit code and what was printed."""

    code: int
    out: str
    err: str


class CommandLine:
    """`shelterctl …` in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "home").mkdir()
        (folder / "work").mkdir()
        (folder / "kubeconfig").write_text(KUBECONFIG)

    def environment(self, changes: Mapping[str, str]) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONDONTWRITEBYTECODE") if name in os.environ}
        own = {"HOME": str(self.folder / "home"), "KUBECONFIG": str(self.folder / "kubeconfig"), "TMPDIR": str(self.folder)}
        return {**kept, **own, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "COLUMNS": "80", **changes}

    def run(self, *arguments: str, stdout: Path | None = None, **environment: str) -> Ran:
        """Runs to the end. `stdout` is a file that standard output goes to instead."""
        with stdout.open("w") if stdout else nullcontext(subprocess.PIPE) as output:
            return self._run(arguments, output, environment)

    def _run(self, arguments: Sequence[str], stdout: IO[str] | int, environment: Mapping[str, str]) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "shelterctl", *arguments],
            cwd=self.folder / "work",
            env=self.environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        return Ran(done.returncode, done.stdout or "", done.stderr)

    def on_terminal(self, *arguments: str, columns: int, answer: str = "", **environment: str) -> Ran:
        """The same on a terminal of so many columns; both streams come as `out`."""
        controller, terminal = pty.openpty()
        env = {**self.environment(environment), "COLUMNS": str(columns), "TERM": "xterm"}
        command = [sys.executable, "-m", "shelterctl", *arguments]
        process = subprocess.Popen(command, cwd=self.folder / "work", env=env, stdin=terminal, stdout=terminal, stderr=terminal)
        os.close(terminal)
        if answer:
            os.write(controller, answer.encode())
        shown = b""
        # A question that nobody answers would be waited for in vain.
        limit = threading.Timer(TIMEOUT_S, process.kill)
        limit.start()
        try:
            while block := os.read(controller, 65536):
                shown += block
        except OSError:
            # What a terminal says when the other end is closed.
            pass
        finally:
            limit.cancel()
            os.close(controller)
            code = process.wait(timeout=TIMEOUT_S)
        return Ran(code, shown.decode().replace("\r\n", "\n"), "")
