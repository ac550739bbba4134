"""The load generator: Locust as a process of its own, headless, with `locust_bridge` loaded beside the locustfile.

Never imported here: gevent's monkey patching breaks TLS in a process that imported kubernetes, docker or requests before.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from shelterctl.adapters import process
from shelterctl.core.load.histogram import RELATIVE_ERROR
from shelterctl.core.load.plan import LoadPlan, LoadSample
from shelterctl.core.serial import JsonValue
from shelterctl.errors import LoadGeneratorFailed, UsageError

BRIDGE = Path(__file__).with_name("locust_bridge.py")
START = Path(__file__).with_name("locust_start.py")
SAMPLES_FILE = "load-samples.jsonl"
LOG_FILE = "locust.log"
#: Locust starts in about half a second on an idle machine.
START_TIMEOUT_S = 30.0
#: How long users may finish what they do when the swarm stops. Longer than the locustfile's network timeout (10 s), so that a
#: request that hangs at the end is counted as a failure too.
STOP_TIMEOUT_S = 12
#: And then Locust ends by itself.
EXIT_TIMEOUT_S = 5.0
_POLL_S = 0.05


class LocustRunner:
    """Fulfils `ports.load.LoadGenerator` with one Locust process."""

    def __init__(self, python: str = sys.executable) -> None:
        self._python = python
        self._process: subprocess.Popen[bytes] | None = None
        self._samples: BinaryIO | None = None
        self._pending = b""
        self._log_path: Path | None = None

    def start(self, plan: LoadPlan, folder: Path) -> None:
        """Starts the swarm and waits until it begins. Its samples and its log stay in `folder`.

        Raises UsageError where the locustfile is not there, LoadGeneratorFailed with Locust's last lines where it does not begin.
        """
        locustfile = Path(plan.locustfile).resolve()
        if not locustfile.is_file() or locustfile.suffix != ".py":
            raise UsageError(f"--locustfile {plan.locustfile}: no such Python file")
        samples_path = folder.resolve() / SAMPLES_FILE
        for name in (SAMPLES_FILE, LOG_FILE):
            path = folder.resolve() / name
            path.unlink(missing_ok=True)
            path.touch(mode=0o600)
        self._samples = samples_path.open("rb")
        self._pending = b""
        self._log_path = folder.resolve() / LOG_FILE
        with self._log_path.open("wb") as log:
            self._process = process.start(
                self._argv(plan, locustfile), stdout=log, stderr=subprocess.STDOUT, env=_environment(plan, samples_path), cwd=folder
            )
        try:
            self._await_start()
        except BaseException:
            self._end()
            raise

    def samples(self) -> Sequence[LoadSample]:
        """The samples since the last call; a line that is not whole yet waits for the next one."""
        return [sample_from_json(line) for line in self._lines() if line["kind"] == "sample"]

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
            *plan.options,
        ]

    def _await_start(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            first = next(iter(self._lines(limit=1)), None)
            if first is not None:
                if first.get("kind") != "start" or first.get("relative_error") != RELATIVE_ERROR:
                    raise self._failure("the load generator counts in another way than shelterctl reads", "reinstall shelterctl")
                return
            if not self.running():
                raise self._failure(f"the load generator ended before the load began (exit code {self._process.returncode})")
            time.sleep(_POLL_S)
        raise self._failure(f"the load generator did not begin within {START_TIMEOUT_S:g} s")

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


def _environment(plan: LoadPlan, samples_path: Path) -> dict[str, str | None]:
    # Whatever Locust would read out of the environment: the plan alone says how large the load is.
    left_out: dict[str, str | None] = {name: None for name in os.environ if name.startswith("LOCUST_")}
    return {
        **left_out,
        **plan.variables,
        "SHELTERCTL_LOAD_SAMPLES": str(samples_path),
        "SHELTERCTL_LOAD_PARENT": str(os.getpid()),
        "SHELTERCTL_LOAD_DURATION_S": f"{plan.duration_s:g}",
        "SHELTERCTL_LOAD_REQUESTS": "" if plan.requests is None else str(plan.requests),
        "SHELTERCTL_LOAD_STAGES": json.dumps([[stage.duration_s, stage.users] for stage in plan.stages]) if plan.stages else "",
        "SHELTERCTL_LOAD_RATE": "" if plan.rate_per_s is None else f"{plan.rate_per_s:g}",
        "SHELTER_RUN": plan.run,
        "SHELTER_THINK_S": f"{plan.think_s:g}",
        "SHELTER_SEED": "" if plan.seed is None else str(plan.seed),
        "PYTHONUNBUFFERED": "1",
    }


def sample_from_json(line: Mapping[str, JsonValue]) -> LoadSample:
    """A sample from a line that the bridge wrote. Raises ValueError where the line is not one."""
    last_answer_s = line.get("last_answer_s")
    return LoadSample(
        elapsed_s=_number(line, "elapsed_s"),
        wall_s=_number(line, "wall_s"),
        interval_s=_number(line, "interval_s"),
        users=int(_number(line, "users")),
        requests=int(_number(line, "requests")),
        failures=int(_number(line, "failures")),
        latency_bins={int(index): int(count) for index, count in _numbers(line, "latency_bins").items()},
        max_ms=_number(line, "max_ms"),
        cpu_s=_number(line, "cpu_s"),
        lag_bins={int(index): int(count) for index, count in _numbers(line, "lag_bins").items()},
        lag_max_ms=_number(line, "lag_max_ms"),
        by_pod={name: int(count) for name, count in _numbers(line, "by_pod").items()},
        first_by_pod=_numbers(line, "first_by_pod"),
        by_name={name: int(count) for name, count in _numbers(line, "by_name").items()},
        sized_by_name={name: int(count) for name, count in _numbers(line, "sized_by_name").items()},
        bins_by_name=_bins(line, "bins_by_name"),
        failures_by_name={name: int(count) for name, count in _numbers(line, "failures_by_name").items()},
        late=int(_number(line, "late")),
        bytes_by_name={name: int(count) for name, count in _numbers(line, "bytes_by_name").items()},
        failure_kinds={name: int(count) for name, count in _numbers(line, "failure_kinds").items()},
        own_kinds={name: int(count) for name, count in _numbers(line, "own_kinds").items()},
        oddities={name: int(count) for name, count in _numbers(line, "oddities").items()},
        last_answer_s=None if last_answer_s is None else _number(line, "last_answer_s"),
        final=line.get("final") is True,
    )


def _number(line: Mapping[str, JsonValue], name: str) -> float:
    value = line.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"a load sample has {value!r} for {name}")
    return float(value)


def _bins(line: Mapping[str, JsonValue], name: str) -> dict[str, dict[int, int]]:
    value = line.get(name)
    if not isinstance(value, dict):
        raise ValueError(f"a load sample has {value!r} for {name}")
    found = {}
    for key, bins in value.items():
        if not isinstance(bins, dict):
            raise ValueError(f"a load sample has {bins!r} for {key} in {name}")
        found[key] = {int(index): int(_number(bins, index)) for index in bins}
    return found


def _numbers(line: Mapping[str, JsonValue], name: str) -> dict[str, float]:
    value = line.get(name)
    if not isinstance(value, dict):
        raise ValueError(f"a load sample has {value!r} for {name}")
    return {key: _number(value, key) for key in value}
