"""Measures what `shelterctl hpa` reckons with: an hour's recording read, a day simulated, 200 settings of that hour. Prints JSON.

The recording is the one of `bench_report.py`. A day is its demand, 24 times over.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from shelterctl.adapters.runs.recording import read_recording
from shelterctl.core.autoscaling.demand import demand_of
from shelterctl.core.autoscaling.recommend import grid
from shelterctl.core.autoscaling.replay import replay
from shelterctl.core.autoscaling.simulate import Setting, simulate
from tools.bench_report import LOAD, fill

GRID = {"targets": range(30, 80, 5), "minimums": (1, 2), "maximums": (4, 6, 8, 10, 12), "down_windows_s": (60, 300)}


def timed(name: str, found: dict[str, float], began_s: float) -> None:
    found[name] = round(time.perf_counter() - began_s, 3)


def main() -> None:
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        fill(Path(name) / ".shelterctl", 1.0)
        began_s = time.perf_counter()
        recording = read_recording(Path(name) / ".shelterctl" / "runs" / LOAD)
        timed("read_s", found, began_s)
    scale = 1.0 if sys.platform == "darwin" else 1024.0
    found["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 1e6)
    began_s = time.perf_counter()
    replay(recording)
    timed("replay_s", found, began_s)
    demand = demand_of(recording)
    setting = Setting(70, 2, 5)
    began_s = time.perf_counter()
    simulate(replace(demand, offered_per_s=demand.offered_per_s * 24), setting)
    timed("day_s", found, began_s)
    settings = list(grid(setting, **GRID))
    began_s = time.perf_counter()
    for each in settings:
        simulate(demand, each)
    timed("grid_s", found, began_s)
    found["settings"] = len(settings)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
