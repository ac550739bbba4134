"""Measures what a tunnel means for a load: the same users through the node port and through the tunnel, in turn. Prints JSON.

The stack must be up. `share` is the largest share of the answers that one pod gave, of those that name their pod.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

TOOL = str(Path(sys.executable).parent / "shelterctl")
WAYS = ("nodeport", "tunnel")


def load(way: str, users: int, seconds: int, rest: list[str]) -> dict[str, float]:
    argv = [TOOL, "loadtest", "--reach", way, "--users", str(users), "--duration", f"{seconds}s", "--output", "json", *rest]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    traffic = (json.loads(done.stdout)["result"] or {}).get("traffic")
    if not traffic or not traffic["requests"]:
        sys.exit(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    shares = [pod["share"] for pod in traffic["by_pod"] if pod["pod"]]
    return {
        "requests_per_s": traffic["requests_per_s"],
        "p50_ms": traffic["p50_ms"],
        "p95_ms": traffic["p95_ms"],
        "failures": traffic["failures"],
        "share": max(shares, default=0.0),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    asked, rest = parser.parse_known_args()
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for _ in range(asked.rounds):
        for way in WAYS:
            found[way].append(load(way, asked.users, asked.seconds, rest))
    print(json.dumps({way: {key: round(statistics.median(r[key] for r in runs), 3) for key in runs[0]} for way, runs in found.items()}))


if __name__ == "__main__":
    main()
