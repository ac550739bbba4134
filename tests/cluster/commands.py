"""Runs shelterctl as its users do: a process of its own; its exit code and what it wrote are all that a test sees."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
#: Longer than any command that a test runs may take on two busy cores.
COMMAND_TIMEOUT_S = 150.0


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that ended. `exit_code` is negative where a signal ended it."""

    arguments: tuple[str, ...]
    exit_code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document of `--output json`, or the last line of `--output jsonl`."""
        text = self.stdout if self.stdout.startswith("{\n") else self.stdout.splitlines()[-1]
        parsed = json.loads(text)
        assert isinstance(parsed, dict)
        return parsed

    @property
    def result(self) -> dict[str, Any]:
        found = self.document["result"]
        assert isinstance(found, dict), self.shown()
        return found

    @property
    def error(self) -> dict[str, Any]:
        found = self.document["error"]
        assert isinstance(found, dict), self.shown()
        return found

    @property
    def events(self) -> list[dict[str, Any]]:
        """The lines of `--output jsonl`."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def titles(self) -> list[str]:
        """The titles of the steps that ended, of `--output jsonl`."""
        return [event["title"] for event in self.events if event.get("kind") == "step_finished"]

    def shown(self) -> str:
        tail = "\n".join(self.stdout.splitlines()[-40:])
        return f"shelterctl {' '.join(self.arguments)} ended with {self.exit_code}\n{self._why()}{tail}\n{self.stderr[-4000:]}"

    def _why(self) -> str:
        """What decided a verdict: it stands at the top of a result, whose end alone is shown."""
        try:
            found = self.document.get("result") or {}
        except (ValueError, IndexError):
            return ""
        return "".join(f"{name}: {json.dumps(found[name])}\n" for name in ("judgement", "proof") if name in found)


@dataclass
class Running:
    """A command that runs. Its output goes to files, so that it never waits for its reader."""

    arguments: tuple[str, ...]
    process: subprocess.Popen[bytes]
    stdout: Path
    stderr: Path

    def wait_for(self, text: str, *, timeout_s: float = 90.0) -> str:
        """Waits until the command has written `text`, to whichever stream, and returns the line."""
        what = f"“{text}” from shelterctl {' '.join(self.arguments)}"
        return str(wait_until(lambda: self._line_with(text), what, timeout_s=timeout_s))

    def wait_for_step(self, step: str, *, timeout_s: float = 90.0) -> None:
        """Waits until a step has begun, by the events of `--output jsonl`."""
        self.wait_for(f'"kind": "step_started", "step": "{step}"', timeout_s=timeout_s)

    def signal(self, sign: signal.Signals) -> None:
        self.process.send_signal(sign)

    def end(self, *, timeout_s: float = COMMAND_TIMEOUT_S) -> Ran:
        """Waits for the end and returns what came of it. One that does not end is killed, and the test shows what it had said."""
        late = False
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            late = True
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
        ran = Ran(self.arguments, self.process.returncode, self.stdout.read_text(), self.stderr.read_text())
        assert not late, f"it ran for more than {timeout_s:.0f} s: {ran.shown()}"
        return ran

    def _line_with(self, text: str) -> str | None:
        for path in (self.stdout, self.stderr):
            for line in path.read_text(errors="replace").splitlines():
                if text in line:
                    return line
        assert self.process.poll() is None, f"it ended without saying “{text}”: {self.end().shown()}"
        return None


@dataclass
class Shelterctl:
    """Runs commands on one namespace with one state folder."""

    namespace: str
    state_dir: Path
    folder: Path
    defaults: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    streams: Path | None = None
    _count: int = 0

    def __call__(
        self,
        *arguments: str,
        expect: int | None = 0,
        output: str = "json",
        timeout_s: float = COMMAND_TIMEOUT_S,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Ran:
        """Runs a command to its end and holds its exit code to `expect` (None: any)."""
        ran = self.start(*arguments, output=output, environment=environment, cwd=cwd).end(timeout_s=timeout_s)
        assert expect is None or ran.exit_code == expect, ran.shown()
        return ran

    def start(
        self, *arguments: str, output: str = "json", environment: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> Running:
        """Starts a command."""
        self._count += 1
        common = ("--namespace", self.namespace, "--state-dir", str(self.state_dir), "--output", output)
        defaults = self.defaults if arguments[0] == "up" else ()
        words = (arguments[0], *defaults, *arguments[1:], *common)
        streams = [(self.streams or self.folder) / f"{self._count}-{arguments[0]}.{name}" for name in ("stdout", "stderr")]
        with streams[0].open("wb") as stdout, streams[1].open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "shelterctl", *words],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                cwd=cwd or self.folder,
                env={**clean_environment(), **self.environment, **(environment or {})},
            )
        return Running(words, process, *streams)

    def aimed(self, command: str, rest: str = "", *, project: tuple[str, ...] = ()) -> str:
        """A command as it is shown: with what makes it mean this namespace and these runs."""
        words = (f"shelterctl {command} --namespace {self.namespace}", " ".join(project), f"--state-dir {self.state_dir}", rest)
        return " ".join(word for word in words if word)

    def runs(self, command: str) -> list[Path]:
        """The folders of the runs of a command, oldest first."""
        return sorted((self.state_dir / "runs").glob(f"*-{command}*"))


def clean_environment() -> dict[str, str]:
    """This process's variables without shelterctl's settings, and with the sources to be tested first."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SHELTERCTL_") and name not in ("COLUMNS", "CI")}
    return {**kept, "PYTHONPATH": str(REPOSITORY), "NO_COLOR": "1"}


def wait_until(found: Callable[[], Any], what: str, *, timeout_s: float = 60.0, pause_s: float = 0.1) -> Any:
    """Asks until the answer is true, and returns it. Fails with `what` when the time is over."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        answer = found()
        if answer:
            return answer
        assert time.monotonic() < deadline_s, f"waited {timeout_s:g} s in vain for {what}"
        time.sleep(pause_s)
