"""Measures requests/s of `loadtest` against bare Locust: the same locustfile, users and server, one after the other in turns.

Prints JSON. Both are counted by the server, from their first request to their last, so that neither reports for itself; what
`loadtest` counted is held against the server's count. The users do not think, so that each generator works at its own limit. On a
machine that does other things besides, the processor time for 1,000 requests says more than the rates do.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
LOCUSTFILE = ROOT / "locustfiles" / "shelter.py"
sys.path.insert(0, str(ROOT))


class SystemClock:
    """The machine's clocks."""

    def monotonic_s(self) -> float:
        return time.monotonic()

    def wall_s(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@contextmanager
def server() -> Iterator[str]:
    """A fresh server; yields its URL."""
    process = subprocess.Popen([sys.executable, str(ROOT / "tools" / "load_server.py"), "--pods", "3"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run came to: by the server's count, between its first and its last request; CPU time for a request, starts included.

    `sending_cpu_ms` is without the starts, and without a master, as `loadtest` itself tells it; 0 for bare Locust.
    """

    requests: int
    requests_per_s: float
    cpu_ms: float
    server_cpu_ms: float
    counted_wrong: int = 0
    sending_cpu_ms: float = 0.0


def counted(url: str, cpu_before_s: float) -> Measured:
    """The server's count after a run that has ended."""
    with urllib.request.urlopen(url + "/count", timeout=5) as answer:
        count = json.load(answer)
    rate = (count["requests"] - 1) / (count["last_s"] - count["first_s"])
    own_cpu_s = cpu_of_children_s() - cpu_before_s
    return Measured(count["requests"], rate, 1000 * own_cpu_s / count["requests"], 1000 * count["cpu_s"] / count["requests"])


def cpu_of_children_s() -> float:
    """Processor time of the generators that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def bare(users: int, seconds: int) -> Measured:
    """Locust by itself, as its documentation starts it."""
    cpu_before_s = cpu_of_children_s()
    with server() as url, tempfile.TemporaryDirectory() as folder:
        argv = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--host", url]
        argv += ["--users", str(users), "--spawn-rate", str(users), "--run-time", f"{seconds}s"]
        subprocess.run(argv, env={**os.environ, "SHELTER_THINK_S": "0"}, cwd=folder, check=True, timeout=seconds + 60, capture_output=True)
        return counted(url, cpu_before_s)


def ours(users: int, seconds: int, processes: int = 1, locustfile: Path = LOCUSTFILE) -> Measured:
    """The operation behind `shelterctl loadtest`, and how many requests its count differs from the server's."""
    from shelterctl.adapters.swarm.runner import LocustRunner
    from shelterctl.core.load.plan import LoadPlan
    from shelterctl.ops.loadtest import LoadPorts, loadtest

    cpu_before_s = cpu_of_children_s()
    with server() as url, tempfile.TemporaryDirectory() as folder:
        plan = LoadPlan(url, users, float(users), float(seconds), str(locustfile), run="bench", think_s=0.0, processes=processes)
        operation = loadtest(LoadPorts(None, LocustRunner(), SystemClock(), Path(folder)), plan)
        while True:
            try:
                next(operation)
            except StopIteration as stop:
                found = counted(url, cpu_before_s)
                generator = stop.value.generator
                cpu_s = sum(each.cpu_percent_mean / 100 * each.seconds for each in generator.processes or (generator,))
                wrong = abs(stop.value.traffic.requests - found.requests)
                return replace(found, counted_wrong=wrong, sending_cpu_ms=1000 * cpu_s / found.requests)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    pairs: list[tuple[Measured, Measured]] = []
    for number in range(options.rounds):
        # Each goes first in turn: a machine that is warming up, or busier for a while, favours neither.
        if number % 2:
            mine, alone = ours(options.users, options.seconds), bare(options.users, options.seconds)
        else:
            alone, mine = bare(options.users, options.seconds), ours(options.users, options.seconds)
        pairs.append((alone, mine))
    report = {
        "name": "loadtest requests/s against bare Locust",
        "users": options.users,
        "seconds": options.seconds,
        "bare_requests_per_s": round(median(alone.requests_per_s for alone, _ in pairs), 1),
        "loadtest_requests_per_s": round(median(mine.requests_per_s for _, mine in pairs), 1),
        "ratio": round(median(mine.requests_per_s / alone.requests_per_s for alone, mine in pairs), 3),
        "ratios": [round(mine.requests_per_s / alone.requests_per_s, 3) for alone, mine in pairs],
        "target": 0.95,
        "bare_cpu_s_per_1000": round(median(alone.cpu_ms for alone, _ in pairs), 3),
        "loadtest_cpu_s_per_1000": round(median(mine.cpu_ms for _, mine in pairs), 3),
        "requests_counted_wrong": max(mine.counted_wrong for _, mine in pairs),
    }
    sys.stdout.write(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
