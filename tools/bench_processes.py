"""Measures requests/s of `loadtest --processes 2` against one process: the same users and servers, one after the other in turns.

Prints JSON. The server counts, and every request must be in the merged count. It takes a share of the same cores, so that two cores never
give twice as much: `most` says what they give at most by the processor times that were measured, `(1 / max(g, s))` requests per second with
one process and `min(2 / (g + s), 1 / s)` with two on two cores, g and s being what generator and server take for each. Locust files with
Locust's own client run out of a core first, so that the ratio that has a goal is theirs (the shipped file's requests, sent with
FastHttpSession); with `--file shipped` it is the shipped file as it is, beside whose client this server's share weighs more. On a machine
that does other things besides, two processes win a second share of it: the ratio is no measure there.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.bench_load import LOCUSTFILE, Measured, ours

TARGET = 1.3
#: The load average of a machine that does nothing else, which falls to this in two minutes.
QUIET = 0.3
FAST = """
import sys
sys.path.insert(0, {folder!r})
import lean_user
from locust.contrib.fasthttp import FastHttpSession

class FastSession(FastHttpSession):
    def __init__(self, base, event, user, **options):
        super().__init__(base, event, user, **options, max_redirects=30, max_retries=0)
    def close(self):
        self.client.close()

lean_user.LeanUser.session_class = FastSession
exec(open({path!r}).read())
"""


def most(one: Measured, several: Measured) -> float:
    """What two cores for generators and server give at most, by the CPU time that each took for a request."""
    alone = max(one.sending_cpu_ms, one.server_cpu_ms)
    return alone / max((several.sending_cpu_ms + several.server_cpu_ms) / 2, several.server_cpu_ms)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--file", choices=("fast", "shipped"), default="fast")
    options = parser.parse_args()
    before = os.getloadavg()[0]
    if before > QUIET:
        sys.stderr.write(f"the machine does other things (load average {before:.1f}): the ratio is no measure, `most` tells more\n")
    with tempfile.TemporaryDirectory() as folder:
        locustfile = LOCUSTFILE
        if options.file == "fast":
            locustfile = Path(folder) / "fast.py"
            locustfile.write_text(FAST.format(folder=str(LOCUSTFILE.parent), path=str(LOCUSTFILE)))
        pairs = measure(options, locustfile)
    report = {
        "name": f"loadtest requests/s of {options.processes} processes against one",
        "file": options.file,
        "users": options.users,
        "seconds": options.seconds,
        "cores": os.cpu_count(),
        "load_average_before": round(before, 2),
        "load_average": os.getloadavg()[0],
        "one_requests_per_s": round(median(one.requests_per_s for one, _ in pairs), 1),
        "several_requests_per_s": round(median(several.requests_per_s for _, several in pairs), 1),
        "ratio": round(median(several.requests_per_s / one.requests_per_s for one, several in pairs), 3),
        "ratios": [round(several.requests_per_s / one.requests_per_s, 3) for one, several in pairs],
        "most": round(median(most(one, several) for one, several in pairs), 3),
        "target": TARGET,
        "one_cpu_s_per_1000": round(median(one.sending_cpu_ms for one, _ in pairs), 3),
        "several_cpu_s_per_1000": round(median(several.sending_cpu_ms for _, several in pairs), 3),
        "server_cpu_s_per_1000": round(median(one.server_cpu_ms for one, _ in pairs), 3),
        "requests_counted_wrong": max(several.counted_wrong for _, several in pairs),
    }
    sys.stdout.write(json.dumps(report, indent=2) + "\n")


def measure(options: argparse.Namespace, locustfile: Path) -> list[tuple[Measured, Measured]]:
    pairs: list[tuple[Measured, Measured]] = []
    for number in range(options.rounds):
        order = (1, options.processes) if number % 2 else (options.processes, 1)
        measured = {processes: ours(options.users, options.seconds, processes, locustfile) for processes in order}
        pairs.append((measured[1], measured[options.processes]))
    return pairs


if __name__ == "__main__":
    main()
