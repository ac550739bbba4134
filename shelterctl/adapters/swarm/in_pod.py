"""Runs a load inside a cluster: a program of its own, in a pod that `adapters/kube/swarm/` made.

It reads the load from `LOAD_FILE`, runs it as it would be run anywhere, and copies what the generator writes to standard output, from where
the pod's log takes it to whoever asked for the load. The last line is of kind "ended". SIGTERM lets the users finish first.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from shelterctl.adapters.swarm.handover import laid_out
from shelterctl.adapters.swarm.runner import SAMPLES_FILE, LocustRunner
from shelterctl.core.load.plan import LoadPlan
from shelterctl.core.serial import from_json
from shelterctl.errors import ShelterError

#: Where the pod finds it.
LOAD_FILE = "/etc/shelterctl/load.json"
_POLL_S = 0.2


def main(path: str) -> int:
    """Runs the load of a file; returns the exit code."""
    load = json.loads(Path(path).read_text(encoding="utf-8"))
    asked_to_end: list[int] = []

    def end(number: int, _frame: FrameType | None) -> None:
        asked_to_end.append(number)

    signal.signal(signal.SIGTERM, end)
    with tempfile.TemporaryDirectory() as place:
        file, folder = laid_out(load, Path(place) / "files"), Path(place) / "run"
        folder.mkdir()
        plan = replace(from_json(LoadPlan, load["plan"]), locustfile=str(file), variables=load["variables"])
        runner = LocustRunner()
        try:
            runner.start(plan, folder)
        except ShelterError as error:
            _say({"kind": "ended", "what": error.what, "why": error.why, "lines": list(error.details)})
            return 1
        with (folder / SAMPLES_FILE).open("rb") as samples:
            while runner.running() and not asked_to_end:
                _copy(samples)
                time.sleep(_POLL_S)
            runner.stop()
            _copy(samples)
        _say({"kind": "ended", "what": "", "why": "", "lines": list(runner.last_lines())})
    return 0


def _copy(samples: BinaryIO) -> None:
    """What is whole; the rest of a line waits."""
    for line in _whole(samples):
        sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def _whole(samples: BinaryIO) -> Iterator[bytes]:
    while True:
        at = samples.tell()
        line = samples.readline()
        if not line.endswith(b"\n"):
            samples.seek(at)
            return
        yield line


def _say(line: dict[str, object]) -> None:
    sys.stdout.buffer.write(json.dumps(line).encode() + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    code = main(sys.argv[1] if len(sys.argv) > 1 else LOAD_FILE)
    # Threads of the generator's libraries are no reason to stay.
    os._exit(code)
