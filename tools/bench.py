"""Measures the figures of BENCHMARKS.md on the running cluster and prints them as a table.

Each figure is a ratio within one run, or a time beside the limit that it is held to: the machine may be shared, so compare, do not quote.
Usage: python tools/bench.py [--only start,inspect,report,local,image,up,status,hpa,watch,live,load,processes]
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
TOOL = [str(Path(PYTHON).parent / "shelterctl")]


def seconds(argv: Sequence[str], *, cwd: Path = ROOT) -> float:
    """The wall time of a command that must end well."""
    began_s = time.perf_counter()
    done = subprocess.run(argv, cwd=cwd, capture_output=True, check=False)
    elapsed_s = time.perf_counter() - began_s
    if done.returncode != 0:
        sys.exit(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stderr.decode()}")
    return elapsed_s


def in_turn(commands: dict[str, Sequence[str]], rounds: int) -> dict[str, float]:
    """The median time of each command; they run in turn, so that a drift of the machine meets all of them."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds + 1):
        for name, argv in commands.items():
            times[name].append(seconds(argv))
    return {name: statistics.median(found[1:]) for name, found in times.items()}


def row(what: str, value: str, limit: str) -> None:
    """A line of the table."""
    print(f"| {what} | {value} | {limit} |", flush=True)


def start() -> None:
    """How long the command line takes to start."""
    found = in_turn({"pass": [PYTHON, "-c", "pass"], "version": [*TOOL, "--version"], "help": [*TOOL, "--help"]}, 15)
    base, version, help_ = found["pass"], found["version"], found["help"]
    row("`shelterctl --version`", f"{version * 1000:.0f} ms, {version / base:.1f} × `python -c pass`", "80 ms, 3 ×")
    row("`shelterctl --help`", f"{help_ * 1000:.0f} ms", "150 ms")


def script(name: str, *arguments: str) -> dict[str, Any]:
    """The JSON that another script of this folder prints."""
    argv = [PYTHON, "-m", f"tools.{name.removesuffix('.py')}", *arguments]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{name} ended with {done.returncode}:\n{done.stderr.decode()}")
    parsed: dict[str, Any] = json.loads(done.stdout)
    return parsed


def image() -> None:
    """The image into the node after a one-line change."""
    found = script("bench_image.py")
    row("image into the node after a one-line change, against `minikube image load`", f"{found['ratio']:.3f}", "0.02")


def up() -> None:
    """`up` with nothing changed, and after a one-line change, from a copy of the project."""
    row("`up` with nothing changed, without the HPA's wait", f"{in_turn({'up': [*TOOL, 'up', '--no-wait-hpa']}, 5)['up']:.2f} s", "0.5 s")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in ("app", "manifests", "locustfiles"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        times = []
        for number in range(3):
            with (copy / "app" / "shelter_app" / "__init__.py").open("a", encoding="utf-8") as file:
                file.write(f"\n# bench {time.time()} {number}\n")
            # The pods of the last round take 5 s to end, beside which the next ones would start.
            time.sleep(15)
            times.append(seconds([*TOOL, "up", "--no-wait-hpa", "--project-dir", str(copy)], cwd=copy))
    seconds([*TOOL, "up", "--no-wait-hpa"])
    row(
        "`up` after a one-line change, until the rollout is complete and the new version answers",
        f"{statistics.median(times):.1f} s",
        "4 s",
    )


def status() -> None:
    """`status`."""
    row("`shelterctl status`", f"{in_turn({'status': [*TOOL, 'status']}, 5)['status']:.2f} s", "0.3 s")


def watch() -> None:
    """`status watch` at rest."""
    found = script("bench_watch.py")
    row("`status watch` at rest", f"{found['cpu_percent_of_a_core']:.1f}% of a core", "3%")


def live() -> None:
    """What the views take while a load runs, on the embedded target."""
    found = script("bench_live.py")
    row("`status watch` under a load of 100 users, 80 × 24", f"{found['status_watch_percent_of_a_core']:.1f}% of a core", "3%")
    alone = found["loadtest_without_a_view_percent_of_a_core"]
    told = f"{found['loadtest_percent_of_a_core']:.1f}% of a core, {alone:.1f}% of them without a view"
    row("`loadtest` with its view, 100 users, 80 × 24, the generator left out", told, "3%")


def load() -> None:
    """The generator with and without shelterctl."""
    found = script("bench_load.py")
    row("requests/s of `loadtest` against bare Locust", f"{found['ratio']:.2f}", "0.95")
    found = script("bench_generator.py")
    cpu_s, ratios = found["cpu_s_per_1000"], found["ratios"]
    told = f"{cpu_s['shipped']:.3f} CPU s for 1,000 requests, {ratios['shipped to bare']:.2f} × bare FastHttpUser"
    row("the shipped Locust file, 50 users without pauses", told, "0.13 CPU s")
    names = [name for name in ("k6", "hey", "wrk") if name in cpu_s]
    others = ", ".join(f"{name} {cpu_s[name]:.3f}" for name in ("bare", "lean", *names))
    lacking = [name for name in ("k6", "hey", "wrk") if name not in cpu_s]
    row("`GET /` in the same run, CPU s for 1,000 requests", others + (f"; not at hand: {', '.join(lacking)}" if lacking else ""), "")


def processes() -> None:
    """The generator with two processes and with one."""
    found = script("bench_processes.py")
    told = f"{found['ratio']:.2f}; at most {found['most']:.2f} by the CPU times; load average before {found['load_average_before']:.1f}"
    row("requests/s of `loadtest --processes 2` against one process", told, "1.3")


def local() -> None:
    """The embedded target, which needs no cluster."""
    found = script("bench_local.py")
    row("`up --target local` to the first answer, prepared", f"{found['first_answer_s']:.1f} s", "5 s")
    row("`up --target local` with nothing changed, without the HPA's wait", f"{found['again_s']:.2f} s", "1 s")
    row("one more replica answers after its decision, under 300 users", f"{found['replica_serves_after_decision_s']:.1f} s", "1.5 s")
    row("the supervisor at rest", f"{found['rest_percent_of_a_core']:.1f}% of a core", "1%")
    carried = f"{found['load_requests_per_s']:.0f} requests/s, p95 {found['load_p95_ms']:.0f} ms, {found['load_failures']:.0f} failed"
    row("355 users on two cores, generator included", carried, "300/s, p95 50 ms, 0 failed")
    row("a page and a count at 20,000 documents on nx-27017", f"{found['page_ms']:.1f} and {found['count_ms']:.1f} ms", "50 ms")
    row("`prove --target local`", f"{found['prove_s']:.0f} s", "120 s")
    for name, writes in script("bench_writes.py").items():
        figure = f"{writes['writes_per_s']:.0f}/s, p99 {writes['p99_ms']:.0f} ms, {writes['failed']:.0f} failed"
        row(f"writes of 8 clients, 2 replicas: {name}", figure, "")


def inspect() -> None:
    """A user's own stack, read from a large folder."""
    found = script("bench_inspect.py")
    row("`inspect` of 40 manifests and 2,000 Python files", f"{found['median_s']:.2f} s, {found['peak_mb']:.0f} MB", "1 s")


def report() -> None:
    """A one-hour load and a fault of 10,000 writes, told in one file."""
    found = script("bench_report.py")
    measured = f"{found['median_s']:.1f} s, {found['peak_mb']:.0f} MB, a file of {found['file_mb']:.2f} MB"
    row("`report` of a one-hour load and 10,000 writes", measured, "2 s, 200 MB, 2 MB")


def hpa() -> None:
    """What the autoscaler's commands reckon with, and an explanation of the one that runs."""
    found = script("bench_hpa.py")
    row("a one-hour load read for `hpa`", f"{found['read_s']:.2f} s, {found['peak_mb']:.0f} MB", "1 s, 200 MB")
    row("24 hours of a load simulated", f"{found['day_s']:.2f} s", "1 s")
    row(f"a grid of {found['settings']} settings over one hour", f"{found['grid_s']:.1f} s", "10 s")
    row("`hpa explain`", f"{in_turn({'explain': [*TOOL, 'hpa', 'explain']}, 5)['explain']:.2f} s", "1.5 s")


PARTS: dict[str, Callable[[], None]] = {
    "start": start,
    "inspect": inspect,
    "report": report,
    "local": local,
    "image": image,
    "up": up,
    "status": status,
    "hpa": hpa,
    "watch": watch,
    "live": live,
    "load": load,
    "processes": processes,
}


def main() -> None:
    """Runs the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas")
    wanted = parser.parse_args().only.split(",")
    unknown = [name for name in wanted if name not in PARTS]
    if unknown:
        sys.exit(f"unknown: {', '.join(unknown)}; known: {', '.join(PARTS)}")
    print("| figure | measured | limit |\n|---|---|---|")
    for name in wanted:
        PARTS[name]()


if __name__ == "__main__":
    main()
