"""Measures `shelterctl report` of a one-hour load of 300 users on five pods beside a fault of 10,000 writes. Prints JSON.

The events are records of shelterctl written by its own run folder, with more of them than a real hour has: its pods every five seconds.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from shelterctl.core.events import AutoscalerSeen, Event, LoadTick, PodsSeen, TargetChosen, UsageSeen, event_to_json
from shelterctl.core.serial import SCHEMA
from shelterctl.core.state import Autoscaler, Condition, ContainerState, Pod, PodName, Role, Usage

TOOL = str(Path(sys.executable).parent / "shelterctl")
BEGAN_S, ROUNDS, WRITES = 1_796_000_000.0, 5, 10_000
LOAD, KILL = "20261130-040000-loadtest", "20261130-050000-kill-db"


def replicas(second: int) -> int:
    """From 2 to 5 and back, four times an hour."""
    return 2 + round(1.5 - 1.5 * math.cos(2 * math.pi * second / 900))


def pod(number: int, second: int) -> Pod:
    container = ContainerState(
        "app", True, 0, "running", "", "", "shelter-app:1", f"sha256:{'ab' * 32}", f"containerd://{'cd' * 32}", BEGAN_S, probed=True
    )
    born_s = BEGAN_S - 60 + (0 if number < 2 else second // 900 * 900)
    return Pod(
        PodName(f"app-58564c49f-{number}"), "shelter", f"uid-{number}-{born_s}", Role.APP, "Running", True, False, "minikube",
        f"10.244.0.{number}",
        "58564c49f", "owner", born_s, born_s + 3, (container,), cpu_requests_millicores=(100,), cpu_limits_millicores=(500,),
        memory_requests_bytes=(100 << 20,), workload="app",
    )  # fmt: skip


def events(hours: float) -> list[tuple[float, Event]]:
    found: list[tuple[float, Event]] = [(-1.0, TargetChosen("minikube", "shelter", "minikube", "v1.34.4", "containerd"))]
    for second in range(round(3600 * hours)):
        count = replicas(second)
        if second % 5 == 0:
            found.append((float(second), PodsSeen(tuple(pod(number, second) for number in range(count)))))
        if second % 15 == 0:
            ready = Condition("ScalingActive", True, "ValidMetricFound", "the HPA was able to successfully calculate a replica count")
            found.append(
                (second + 0.1, AutoscalerSeen(Autoscaler("app", 2, 5, count, replicas(second + 15), 70, 60 + second % 40, (ready,))))
            )
            usage = tuple(Usage(PodName(f"app-58564c49f-{n}"), 60 + n, 50 << 20, BEGAN_S + second - 5, 15.0) for n in range(count))
            found.append((second + 0.2, UsageSeen(usage)))
        by_pod = {f"app-58564c49f-{number}": 280 // count for number in range(count)}
        found.append((second + 1.0, LoadTick(second + 1.0, 300, 280 + second % 17, 0, 5.0, 20.0 + second % 13, 80.0, 9.0, 2.0, by_pod)))
    return found


def fill(state: Path, hours: float) -> None:
    load, kill = state / "runs" / LOAD, state / "runs" / KILL
    for folder in (load, kill):
        folder.mkdir(parents=True)
    with (load / "events.jsonl").open("w") as file:
        for at_s, event in events(hours):
            row = {"schema": SCHEMA, "wall_s": BEGAN_S + at_s, "monotonic_s": at_s, **event_to_json(event)}
            file.write(json.dumps(row) + "\n")
    with (kill / "writes.jsonl").open("w") as file, (kill / "account.jsonl").open("w") as account:
        for number in range(WRITES):
            id_, sent_s = f"{KILL}:w0:{number}", number / 200
            file.write(json.dumps({"kind": "intent", "id": id_, "digest": f"sha256:{'00' * 32}", "at_s": sent_s}) + "\n")
            outcome = {
                "kind": "outcome",
                "id": id_,
                "saw": "acknowledged",
                "status": 201,
                "detail": "",
                "sent_s": sent_s,
                "ended_s": sent_s + 0.02,
            }
            file.write(json.dumps(outcome) + "\n")
            account.write(json.dumps({"id": id_, "category": "ok", "saw": "acknowledged", "present": True, "how": "", "where": ""}) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=1.0, help="how long the load is")
    hours = parser.parse_args().hours
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder / ".shelterctl", hours)
        times = []
        for _ in range(ROUNDS):
            began_s = time.perf_counter()
            subprocess.run([TOOL, "report", LOAD, KILL, "--file", "report.html"], cwd=folder, capture_output=True, check=True)
            times.append(time.perf_counter() - began_s)
        peak_bytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        size = (folder / "report.html").stat().st_size
        read = sum(path.stat().st_size for path in folder.rglob("*.jsonl"))
    found = {"median_s": statistics.median(times), "peak_mb": peak_bytes / 1e6, "file_mb": size / 1e6, "read_mb": read / 1e6}
    print(json.dumps({name: round(value, 2) for name, value in found.items()}))


if __name__ == "__main__":
    main()
