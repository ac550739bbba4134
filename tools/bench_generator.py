"""Measures the processor time that load generators take for 1,000 requests: Locust with its own client, the shipped files, other tools.

Prints JSON. All ask the same server (tools/load_server.py), one after the other in turn, and each round begins with another one; the
figures are medians, and ratios are taken within a round. It is CPU time, user and system, of the generator's process and not of the
server, so that a machine that does other things besides changes it little; it still changes by a third with what the other core does. The
start of the process is left out by a second, shorter run where a generator does not tell its own time. `hey`, `wrk` and `k6` are measured
in the same run where they are on the PATH: `GOBIN=FOLDER go install go.k6.io/k6@latest`, the same with github.com/rakyll/hey, and wrk is
Debian's. `versions` has what they say of themselves. `--table` prints rows as in BENCHMARKS.md in the place of JSON. With
`--against FOLDER`, another checkout, its shipped file is measured too.

"bare" is the smallest Locust file there is, for FastHttpUser, with the bridge counting: the same `GET /` as the other tools send. "lean" is
that file with the shipped client. "shipped" is locustfiles/shelter.py, which writes, reads documents and pages, and looks into answers.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.bench_load import cpu_of_children_s, server  # noqa: E402 - the folder of this file is on the path, and not the one above it

FILE = """
import sys
sys.path.insert(0, {folder!r})
{imported}
from locust import task

class Bare({user}):
    wait_time = {wait}

    @task
    def read(self):
        self.client.get("/", name="/")
"""
NO_PAUSE = "lambda self: 0.0"
#: As the shipped files pause, with Locust's own client.
PAUSES = "lambda self: min(__import__('random').expovariate(1.0), 10.0)"
#: How each of the other tools is asked for its version; hey has no way.
OTHERS = {"wrk": ["wrk", "-v"], "hey": [], "k6": ["k6", "version"]}
#: With pauses of 1 s in the mean, about so many requests a second.
THINKERS = 200


def locust_cpu_ms(locustfile: Path, folder: Path, *, users: int, seconds: float, think_s: float, project: Path = ROOT) -> float:
    """CPU ms for a request, from the first user on, as the bridge of `project` counts both."""
    samples = folder / "samples"
    samples.unlink(missing_ok=True)
    swarm = project / "shelterctl" / "adapters" / "swarm"
    variables = {
        "SHELTER_THINK_S": f"{think_s:g}",
        "SHELTERCTL_LOAD_SAMPLES": str(samples),
        "SHELTERCTL_LOAD_PARENT": str(os.getpid()),
        "SHELTERCTL_LOAD_DURATION_S": f"{seconds:g}",
        "PYTHONPATH": str(project),
    }
    with server() as url:
        argv = [sys.executable, "-P", str(swarm / "locust_start.py"), "--headless", "--only-summary", "--loglevel", "WARNING"]
        argv += ["-f", f"{locustfile},{swarm / 'locust_bridge.py'}", "--host", url, "--users", str(users), "--spawn-rate", str(users)]
        argv += ["--stop-timeout", "12", "--run-time", f"{seconds + 30:.0f}s", "--exit-code-on-error", "0"]
        subprocess.run(argv, cwd=folder, env={**os.environ, **variables}, check=True, capture_output=True, timeout=seconds + 90)
    counted = [json.loads(line) for line in samples.read_text().splitlines()]
    counted = [line for line in counted if line["kind"] == "sample"]
    failures = sum(line["failures"] for line in counted)
    if failures:
        sys.exit(f"{locustfile}: {failures} requests failed")
    return float(1000 * sum(line["cpu_s"] for line in counted) / sum(line["requests"] for line in counted))


def tool_cpu_ms(argv: list[str], seconds: float, folder: Path) -> float:
    """CPU ms for a request of a tool that takes `{url}` and `{seconds}`: what a longer run takes more than one of a second."""
    found = []
    for lasts_s in (1, 1 + round(seconds)):
        with server() as url:
            before_s = cpu_of_children_s()
            subprocess.run(
                [word.format(url=url, seconds=lasts_s) for word in argv], cwd=folder, check=True, capture_output=True, timeout=90
            )
            cpu_s = cpu_of_children_s() - before_s  # without the server's, which has not been waited for
            with urllib.request.urlopen(url + "/count", timeout=5) as answer:
                found.append((cpu_s, json.load(answer)["requests"]))
    (short_s, few), (long_s, many) = found
    return float(1000 * (long_s - short_s) / (many - few))


def measured(options: argparse.Namespace, folder: Path) -> dict[str, list[float]]:
    """CPU s for 1,000 requests of each generator, round by round."""
    lean = ROOT / "locustfiles"
    files = {}
    for name, user, imported, wait in (
        ("bare", "FastHttpUser", "from locust import FastHttpUser", NO_PAUSE),
        ("lean", "LeanUser", "from lean_user import LeanUser", NO_PAUSE),
        ("bare_thinking", "FastHttpUser", "from locust import FastHttpUser", PAUSES),
        ("lean_thinking", "LeanUser", "from lean_user import LeanUser", PAUSES),
    ):
        files[name] = folder / f"file_{name}.py"
        files[name].write_text(FILE.format(folder=str(lean), imported=imported, user=user, wait=wait))
    users, seconds = options.users, options.seconds

    def locust(path: Path, *, users: int = users, think_s: float = 0.0, project: Path = ROOT) -> Callable[[], float]:
        return lambda: locust_cpu_ms(path, folder, users=users, seconds=seconds, think_s=think_s, project=project)

    runs: dict[str, Callable[[], float]] = {"bare": locust(files["bare"]), "lean": locust(files["lean"])}
    runs["shipped"] = locust(lean / "shelter.py")
    if options.against:
        other = Path(options.against).resolve()
        runs["shipped_before"] = locust(other / "locustfiles" / "shelter.py", project=other)
        runs["shipped_before_thinking"] = locust(other / "locustfiles" / "shelter.py", users=THINKERS, think_s=1.0, project=other)
    runs["bare_thinking"] = locust(files["bare_thinking"], users=THINKERS)
    runs["lean_thinking"] = locust(files["lean_thinking"], users=THINKERS)
    runs["shipped_thinking"] = locust(lean / "shelter.py", users=THINKERS, think_s=1.0)
    tools = {
        "wrk": ["wrk", "-t", "1", "-c", str(users), "-d", "{seconds}", "{url}/"],
        "hey": ["hey", "-c", str(users), "-z", "{seconds}s", "{url}/"],
    }
    (folder / "k6.js").write_text("import http from 'k6/http'; export default function () { http.get(__ENV.URL); }")
    # Neither its summary nor its report to its makers is part of a load.
    tools["k6"] = [
        "k6",
        "run",
        "-q",
        "--no-summary",
        "--no-usage-report",
        "-u",
        str(users),
        "-d",
        "{seconds}s",
        "-e",
        "URL={url}/",
        "k6.js",
    ]
    for name, argv in tools.items():
        if shutil.which(name):
            runs[name] = lambda argv=argv: tool_cpu_ms(argv, seconds, folder)  # type: ignore[misc]
    found: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(options.rounds):
        names = list(runs)
        at = number % len(names)
        for name in names[at:] + names[:at]:
            found[name].append(runs[name]())
    return found


def version(name: str) -> str:
    """What a tool says of itself; empty where it says nothing."""
    if not OTHERS[name]:
        return ""
    told = subprocess.run(OTHERS[name], capture_output=True, text=True, check=False)
    return next((line.strip() for line in (told.stdout + told.stderr).splitlines() if line.strip()), "")


def table(found: dict[str, list[float]]) -> Iterator[str]:
    """A row for each generator: medians, lowest and highest, and the same with users who pause."""
    yield "| generator | without pauses | lowest and highest | users who pause for 1 s |\n|---|---|---|---|\n"
    for name, values in found.items():
        if not name.endswith("_thinking"):
            paused = found.get(f"{name}_thinking")
            told = f"{median(paused):.3f}" if paused else ""
            yield f"| {name} | {median(values):.3f} | {min(values):.3f} to {max(values):.3f} | {told} |\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--table", action="store_true", help="print the rows of BENCHMARKS.md")
    parser.add_argument("--against", help="another checkout, whose shipped file is measured beside this one's")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = measured(options, Path(name))
    pairs = [("lean", "bare"), ("shipped", "bare"), ("lean_thinking", "bare_thinking"), ("shipped", "shipped_before")]
    pairs.append(("shipped_thinking", "shipped_before_thinking"))
    pairs += [(name, "bare") for name in OTHERS]
    report = {
        "name": "CPU s for 1,000 requests",
        "users": options.users,
        "rounds": options.rounds,
        "load_average": round(os.getloadavg()[0], 1),
        "versions": {name: version(name) for name in OTHERS if shutil.which(name)},
        "cpu_s_per_1000": {name: round(median(values), 4) for name, values in found.items()},
        "lowest_and_highest": {name: [round(min(values), 4), round(max(values), 4)] for name, values in found.items()},
        "ratios": {
            f"{ours} to {theirs}": round(median(a / b for a, b in zip(found[ours], found[theirs], strict=True)), 3)
            for ours, theirs in pairs
            if ours in found and theirs in found
        },
    }
    sys.stdout.write("".join(table(found)) if options.table else json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
