"""Measures requests/s of `loadtest --processes 2` against one process: the same users and servers, one after the other in turns.

Prints JSON. The server counts, and every request must be in the merged count. It takes about a quarter of a core itself, so that two cores
give at most 1.7 times; on a machine that does other things besides, the ratio says little.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.bench_load import Measured, ours

TARGET = 1.3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    pairs: list[tuple[Measured, Measured]] = []
    for number in range(options.rounds):
        order = (1, options.processes) if number % 2 else (options.processes, 1)
        measured = {processes: ours(options.users, options.seconds, processes) for processes in order}
        pairs.append((measured[1], measured[options.processes]))
    report = {
        "name": f"loadtest requests/s of {options.processes} processes against one",
        "users": options.users,
        "seconds": options.seconds,
        "cores": os.cpu_count(),
        "one_requests_per_s": round(median(one.requests_per_s for one, _ in pairs), 1),
        "several_requests_per_s": round(median(several.requests_per_s for _, several in pairs), 1),
        "ratio": round(median(several.requests_per_s / one.requests_per_s for one, several in pairs), 3),
        "ratios": [round(several.requests_per_s / one.requests_per_s, 3) for one, several in pairs],
        "target": TARGET,
        "one_cpu_s_per_1000": round(median(one.cpu_ms for one, _ in pairs), 3),
        "several_cpu_s_per_1000": round(median(several.cpu_ms for _, several in pairs), 3),
        "requests_counted_wrong": max(several.counted_wrong for _, several in pairs),
    }
    sys.stdout.write(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
