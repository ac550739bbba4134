"""Measures how much of a core the live views use while a load runs: that of `loadtest`, and `status watch` beside it. Prints JSON.

On the embedded target, in a folder of its own, which is removed with what ran in it; no cluster is needed. Each view has a terminal of 80
columns and 24 lines, and is measured by the processor time of its own process alone (/proc, user and system, all threads): the generator
and the application are other processes. `loadtest_without_a_view` is the same load with its output in a pipe: what is left there is the
load's own account, and the difference is what the view costs. It is processor time, so that a machine that does other things besides
changes it little; `load_average` tells whether it did. A starved machine draws less often than four times a second, and what has not
changed is not drawn: `drawings_per_s` tells how often it was.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from shelterctl.adapters.local.supervisor.cpu import process_cpu_s  # noqa: E402 - the folder of this file is on the path, and not the one above it
from tools.on_terminal import OnTerminal  # noqa: E402

COLUMNS, ROWS = 80, 24
LIMIT_PERCENT = 3.0
TOOL = str(Path(sys.executable).parent / "shelterctl")
WHERE = ("--target", "local", "--project-dir", str(ROOT))


def load_words(options: argparse.Namespace) -> list[str]:
    """A load that outlasts what is measured of it."""
    seconds = options.settle + options.seconds + 15
    return ["loadtest", "--users", str(options.users), "--spawn-rate", "20", "--duration", f"{seconds:.0f}s", *WHERE]


def with_views(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Both views at once: each watches the same load."""
    load = OnTerminal(load_words(options), COLUMNS, ROWS, folder)
    watch = OnTerminal(["status", "watch", *WHERE], COLUMNS, ROWS, folder)
    time.sleep(options.settle)
    found: dict[str, Any] = {}
    before = {"loadtest": load.cpu_s(), "status_watch": watch.cpu_s()}
    drawn, began_s = {"loadtest": load.drawings, "status_watch": watch.drawings}, time.monotonic()
    time.sleep(options.seconds)
    elapsed_s = time.monotonic() - began_s
    for name, view in (("loadtest", load), ("status_watch", watch)):
        found[f"{name}_percent_of_a_core"] = round(100 * (view.cpu_s() - before[name]) / elapsed_s, 2)
        found[f"{name}_drawings_per_s"] = round((view.drawings - drawn[name]) / elapsed_s, 1)
    watch.end()
    load.end()
    return found


def without_a_view(folder: Path, options: argparse.Namespace) -> float:
    """The load's own account, in percent of a core."""
    with subprocess.Popen([TOOL, *load_words(options)], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as load:
        time.sleep(options.settle)
        before_s, began_s = process_cpu_s(load.pid), time.monotonic()
        time.sleep(options.seconds)
        used = 100 * (process_cpu_s(load.pid) - before_s) / (time.monotonic() - began_s)
        load.terminate()
        load.wait(60)
    return round(used, 2)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to measure")
    parser.add_argument("--settle", type=float, default=15.0, help="how long to wait before, for the start and all users")
    parser.add_argument("--users", type=int, default=100)
    options = parser.parse_args()
    report: dict[str, Any] = {"users": options.users, "columns": COLUMNS, "rows": ROWS, "limit_percent": LIMIT_PERCENT}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            subprocess.run([TOOL, "up", "--no-wait-hpa", *WHERE], cwd=folder, check=True, capture_output=True)
            report |= with_views(folder, options)
            report["loadtest_without_a_view_percent_of_a_core"] = without_a_view(folder, options)
        finally:
            subprocess.run([TOOL, "down", "--target", "local", "--delete-data", "--yes"], cwd=folder, capture_output=True, check=False)
    report["load_average"] = round(os.getloadavg()[0], 1)
    sys.stdout.write(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
