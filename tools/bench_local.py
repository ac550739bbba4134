"""Measures the embedded target: its start, a start again, the supervisor at rest, 300 requests a second, the whole proof. Prints JSON.

Everything happens in a folder of its own, which is removed with what ran in it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from shelterctl.adapters.local.supervisor.cpu import process_cpu_s

ROOT = Path(__file__).resolve().parent.parent
TOOL = str(Path(sys.executable).parent / "shelterctl")
REST_S = 30.0
DOCUMENTS = 20_000
#: Each thinks for a second on average: so many ask 300 times a second.
USERS = 355


def tool(folder: Path, *arguments: str) -> dict[str, Any]:
    """A command's result."""
    words = [TOOL, *arguments, "--target", "local", "--project-dir", str(ROOT), "--output", "json"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout)["result"]
    return found


def timed(folder: Path, *arguments: str) -> tuple[float, dict[str, Any]]:
    began_s = time.perf_counter()
    result = tool(folder, *arguments)
    return time.perf_counter() - began_s, result


def median_ms(url: str, rounds: int = 15) -> float:
    times = []
    for _ in range(rounds):
        began_s = time.perf_counter()
        with urllib.request.urlopen(url, timeout=10) as answer:
            answer.read()
        times.append(time.perf_counter() - began_s)
    return sorted(times)[rounds // 2] * 1000


def fill(url: str, count: int) -> None:
    """Documents, written by several clients at once."""
    from concurrent.futures import ThreadPoolExecutor

    def write(number: int) -> None:
        request = urllib.request.Request(f"{url}/data", json.dumps({"value": number}).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(count)))


def main() -> None:
    report: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            # Prepared: the sources are copied once; what is measured is the start.
            tool(folder, "up", "--no-wait-hpa")
            tool(folder, "down")
            report["first_answer_s"], _ = timed(folder, "up", "--no-wait-hpa")
            report["again_s"] = min(timed(folder, "up", "--no-wait-hpa")[0] for _ in range(3))
            supervisor = json.loads((folder / ".shelterctl/local/shelter/supervisor.json").read_text())["pid"]
            time.sleep(20)
            before, began_s = process_cpu_s(supervisor), time.monotonic()
            time.sleep(REST_S)
            report["rest_percent_of_a_core"] = 100 * (process_cpu_s(supervisor) - before) / (time.monotonic() - began_s)
            load = tool(folder, "loadtest", "--users", str(USERS), "--duration", "60s", "--max-failures", "0%")
            report["load_requests_per_s"] = load["traffic"]["requests_per_s"]
            report["load_p95_ms"] = load["traffic"]["p95_ms"]
            report["load_failures"] = load["traffic"]["failures"]
            new = [pod for pod in load["timeline"]["new_pods"] if pod["after_decision_s"] is not None and pod["first_answer_at_s"]]
            served = [pod["first_answer_at_s"] - pod["ready_at_s"] + pod["after_decision_s"] for pod in new]
            report["replica_serves_after_decision_s"] = max(served, default=float("nan"))
            url = tool(folder, "url")["url"]
            fill(url, DOCUMENTS - 5_000)
            report["page_ms"] = median_ms(f"{url}/data?limit=50")
            report["count_ms"] = median_ms(f"{url}/data?limit=1&count=true")
            tool(folder, "down", "--delete-data", "--yes")
            report["prove_s"], _ = timed(folder, "prove")
        finally:
            subprocess.run([TOOL, "down", "--target", "local", "--delete-data", "--yes"], cwd=folder, capture_output=True, check=False)
    print(json.dumps({key: round(value, 3) for key, value in report.items()}, indent=1))


if __name__ == "__main__":
    main()
