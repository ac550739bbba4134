"""The program that runs a load inside a pod: what it writes is what the generator wrote, to its end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from shelterctl.adapters.kube.swarm.objects import load_file
from shelterctl.core.load.plan import LoadPlan
from tests.adapters.swarm.load_target import LOCUSTFILE, serving

pytestmark = pytest.mark.local


def run(plan: LoadPlan, folder: Path, *, stop_after_s: float | None = None) -> list[dict[str, Any]]:
    (folder / "load.json").write_text(load_file(plan))
    argv = [sys.executable, "-m", "shelterctl.adapters.swarm.in_pod", str(folder / "load.json")]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=folder, text=True)
    if stop_after_s is not None:
        time.sleep(stop_after_s)
        process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.parametrize("processes", [1, 2])
def test_a_load_runs_as_it_was_asked_for(processes: int, tmp_path: Path) -> None:
    with serving() as target:
        plan = LoadPlan(target.url, 10, 10.0, 4.0, str(LOCUSTFILE), run="r1", think_s=0.1, processes=processes)
        lines = run(plan, tmp_path)
        samples = [line for line in lines if line["kind"] == "sample"]
        assert sum(line["requests"] for line in samples) == target.count() > 20
    assert [line["kind"] for line in lines if line["kind"] in ("start", "ended")] == ["start", "ended"]


def test_a_pod_that_is_ended_counts_to_its_end(tmp_path: Path) -> None:
    with serving() as target:
        plan = LoadPlan(target.url, 5, 5.0, 60.0, str(LOCUSTFILE), run="r1", think_s=0.1)
        lines = run(plan, tmp_path, stop_after_s=6.0)
        assert sum(line["requests"] for line in lines if line["kind"] == "sample") == target.count() > 0
    assert lines[-1]["kind"] == "ended"


def test_what_fails_is_said(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise NameError('nobody knows it')\n")
    (last,) = run(LoadPlan("http://127.0.0.1:9", 1, 1.0, 4.0, str(broken)), tmp_path)
    assert last["kind"] == "ended"
    assert "nobody knows it" in f"{last['why']} {last['lines']}"
