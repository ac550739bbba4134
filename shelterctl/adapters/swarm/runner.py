"""The load generator: Locust as a process of its own, headless, with `locust_bridge` loaded beside the locustfile.

Several processes are Locust's own master and its workers. The workers are started here and not forked by Locust (its `--processes`): a fork
has the file's users loaded already, so that all of them would draw the same numbers and write the same texts, and it outlives a master
that was killed.

Never imported here: gevent's monkey patching breaks TLS in a process that imported kubernetes, docker or requests before.
"""

from __future__ import annotations

import json
import math
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from shelterctl import __version__
from shelterctl.adapters import process
from shelterctl.adapters.swarm.environment import arrive_s_of, environment_of, worker_environment
from shelterctl.adapters.swarm.handover import write_handover
from shelterctl.adapters.swarm.samples import Account, OneProcess, account_of
from shelterctl.core.load.histogram import RELATIVE_ERROR
from shelterctl.core.load.plan import LoadPlan, LoadSample
from shelterctl.core.serial import JsonValue
from shelterctl.errors import LoadGeneratorFailed, UsageError

BRIDGE = Path(__file__).with_name("locust_bridge.py")
START = Path(__file__).with_name("locust_start.py")
WORKER_START = Path(__file__).with_name("worker_start.py")
#: The variable with what a worker elsewhere must know.
WORKER_KEY = "SHELTER_WORKER_KEY"
SET_KEY = f"export {WORKER_KEY}=$(openssl rand -hex 16)"
SAMPLES_FILE = "load-samples.jsonl"
LOG_FILE = "locust.log"
#: Locust starts in about half a second on an idle machine.
START_TIMEOUT_S = 30.0
#: How long users may finish what they do when the swarm stops. Longer than the locustfile's network timeout (10 s), so that a
#: request that hangs at the end is counted as a failure too.
STOP_TIMEOUT_S = 12
#: And then Locust ends by itself.
EXIT_TIMEOUT_S = 5.0
#: A worker whose master has gone ends by itself soon, or not at all.
WORKER_EXIT_S = 1.0
#: Workers of this machine need no other one to reach their master.
HERE = "127.0.0.1"
_POLL_S = 0.05


class LocustRunner:
    """Fulfils `ports.load.LoadGenerator` with one Locust process, or with a master and its workers."""

    def __init__(self, python: str = sys.executable) -> None:
        self._python = python
        self._process: subprocess.Popen[bytes] | None = None
        self._samples: BinaryIO | None = None
        self._pending = b""
        self._log_path: Path | None = None
        self._workers: list[subprocess.Popen[bytes]] = []
        self._account: Account = OneProcess()
        self._handover: Path | None = None

    def start(self, plan: LoadPlan, folder: Path) -> None:
        """Starts the swarm and waits until it begins. Its samples and its log stay in `folder`.

        Raises UsageError where the locustfile is not there, LoadGeneratorFailed with Locust's last lines where it does not begin.
        """
        locustfile = Path(plan.locustfile).resolve()
        if not locustfile.is_file() or locustfile.suffix != ".py":
            raise UsageError(f"--locustfile {plan.locustfile}: no such Python file")
        samples_path, self._log_path = empty_files(folder)
        self._samples = samples_path.open("rb")
        self._pending = b""
        self._workers = []
        self._account = account_of(plan)
        # Workers elsewhere are told it by whoever starts them.
        key = os.environ.get(WORKER_KEY, "") if plan.workers else secrets.token_hex(16)
        if not key:
            raise UsageError(f"--workers: {WORKER_KEY} is not set", why="the workers must know it as well", next_command=SET_KEY)
        environment = environment_of(plan, samples_path, key)
        if plan.workers:
            self._handover = write_handover(plan, locustfile, samples_path, key, folder)
            environment["SHELTERCTL_LOAD_HANDOVER"] = str(self._handover)
        self._process = self._started(self._argv(plan, locustfile), environment, folder)
        try:
            if plan.processes > 1 and not plan.workers:
                port = self._await_line("listening")["port"]
                for number in range(1, plan.processes + 1):
                    argv = self._worker_argv(plan, locustfile, f"{port}")
                    self._workers.append(self._started(argv, worker_environment(plan, samples_path, key, number), folder))
            self._await_start(arrive_s_of(plan) if plan.workers else 0.0)
        except BaseException:
            self._end()
            raise

    def samples(self) -> Sequence[LoadSample]:
        """The samples since the last call; a line that is not whole yet waits for the next one."""
        # Before the lines are read: what a process that ends now writes is read by the next call, or is there already.
        running = self.running()
        for line in self._lines():
            self._account.take(line)
        return [*self._account.samples(), *(() if running else self._account.rest())]

    def attach(self, host: str, port: int) -> int:
        """Is a worker of a load elsewhere, until it ends; returns its exit code. Its words go to standard error."""
        worker = process.start(
            [self._python, "-P", str(WORKER_START), host, str(port)], stdout=2, stderr=2, env={"SHELTERCTL_LOAD_VERSION": __version__}
        )
        try:
            return worker.wait()
        finally:
            process.kill_group(worker)

    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Lets the users finish their requests, for STOP_TIMEOUT_S at most, and ends the process; harmless where it has ended."""
        if self._process is None:
            return
        try:
            if self.running():
                with suppress(ProcessLookupError):
                    self._process.send_signal(signal.SIGTERM)
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(timeout=STOP_TIMEOUT_S + EXIT_TIMEOUT_S)
        finally:
            self._end()

    def last_lines(self) -> tuple[str, ...]:
        """The last lines of Locust's own output."""
        if self._log_path is None or not self._log_path.exists():
            return ()
        with self._log_path.open("rb") as log:
            log.seek(max(0, self._log_path.stat().st_size - 8192))
            text = log.read().decode("utf-8", "replace")
        # Locust rules its tables with dashes: a line without a word says nothing.
        return tuple(line.rstrip() for line in text.splitlines() if any(letter.isalnum() for letter in line))[-12:]

    def _argv(self, plan: LoadPlan, locustfile: Path) -> list[str]:
        return [
            # -P: the program's folder is no place to import the users' modules from.
            *(self._python, "-P", str(START), "--headless", "--only-summary", "--loglevel", "WARNING"),
            *("--locustfile", f"{locustfile},{BRIDGE}", "--host", plan.host.rstrip("/")),
            # Stages say by themselves how many users there are.
            *(() if plan.stages else ("--users", str(plan.users), "--spawn-rate", f"{plan.spawn_rate:g}")),
            # The bridge ends the load in time; this is the bound behind it.
            *("--run-time", f"{math.ceil(plan.duration_s) + 5}s", "--stop-timeout", f"{STOP_TIMEOUT_S}"),
            # A failed request is a count here, so an exit code other than 0 means that Locust itself failed.
            *("--exit-code-on-error", "0"),
            *(_listening(plan) if plan.processes > 1 or plan.workers else ()),
            *plan.options,
        ]

    def _worker_argv(self, plan: LoadPlan, locustfile: Path, port: str) -> list[str]:
        return [
            *(self._python, "-P", str(START), "--worker", "--loglevel", "WARNING", "--locustfile", f"{locustfile},{BRIDGE}"),
            *("--master-host", HERE, "--master-port", port, *plan.options),
        ]

    def _started(self, argv: list[str], env: Mapping[str, str | None], folder: Path) -> subprocess.Popen[bytes]:
        assert self._log_path is not None
        with self._log_path.open("ab") as log:
            return process.start(argv, stdout=log, stderr=subprocess.STDOUT, env=env, cwd=folder)

    def _await_start(self, arrive_s: float) -> None:
        first = self._await_line("start", START_TIMEOUT_S + arrive_s)
        if first.get("relative_error") != RELATIVE_ERROR:
            raise self._failure("the load generator counts in another way than shelterctl reads", "reinstall shelterctl")

    def _await_line(self, kind: str, timeout_s: float = START_TIMEOUT_S) -> Mapping[str, JsonValue]:
        """The first line of a kind; those before it are accounted for."""
        assert self._process is not None
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            first = next(iter(self._lines(limit=1)), None)
            if first is not None:
                self._account.take(first)
                if first["kind"] == kind:
                    return first
                continue
            if not self.running():
                raise self._failure(f"the load generator ended before the load began (exit code {self._process.returncode})")
            if self._workers and all(worker.poll() is not None for worker in self._workers):
                raise self._failure(f"every load generator process ended before the load began (exit code {self._workers[0].returncode})")
            time.sleep(_POLL_S)
        raise self._failure(f"the load generator did not begin within {timeout_s:g} s")

    def _failure(self, what: str, why: str = "") -> LoadGeneratorFailed:
        lines = self.last_lines()
        return LoadGeneratorFailed(
            what,
            why=why or (lines[-1].strip() if lines else "it printed nothing"),
            next_command=f"{self._python} -m locust --version",
            details=lines,
        )

    def _lines(self, limit: int | None = None) -> list[Mapping[str, JsonValue]]:
        if self._samples is None:
            return []
        *whole, self._pending = (self._pending + self._samples.read()).split(b"\n")
        if limit is not None and len(whole) > limit:
            self._pending = b"\n".join([*whole[limit:], self._pending])
            whole = whole[:limit]
        return [json.loads(line) for line in whole if line]

    def _end(self) -> None:
        if self._process is not None:
            process.kill_group(self._process)
        if self._handover is not None:
            # A master that never came so far has not removed it.
            self._handover.unlink(missing_ok=True)
        # The master has told them to end, and has their last counts.
        deadline = time.monotonic() + WORKER_EXIT_S
        for worker in self._workers:
            with suppress(subprocess.TimeoutExpired):
                worker.wait(timeout=max(0.0, deadline - time.monotonic()))
            process.kill_group(worker)


def empty_files(folder: Path) -> tuple[Path, Path]:
    """The files of a load's samples and of its log, which nobody else may read, with nothing of an earlier one in them."""
    paths = folder.resolve() / SAMPLES_FILE, folder.resolve() / LOG_FILE
    for path in paths:
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
    return paths


def _listening(plan: LoadPlan) -> tuple[str, ...]:
    host, _, port = plan.listen.rpartition(":") if plan.workers else (HERE, "", "0")
    return ("--master", "--master-bind-host", host, "--master-bind-port", port)
