"""The program that runs a load inside a pod: what it writes is what the generator wrote, to its end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
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


def worker(port: int, folder: Path) -> subprocess.Popen[str]:
    argv = [sys.executable, "-P", "-m", "shelterctl.adapters.swarm.worker_start", "127.0.0.1", str(port)]
    env = {**os.environ, "SHELTER_WORKER_KEY": "secret", "TMPDIR": str(folder)}
    return subprocess.Popen(argv, stderr=subprocess.PIPE, env=env, text=True)


@pytest.fixture
def port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_workers_in_pods_of_their_own_share_the_load(tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As their containers start them: the version that they tell is that of what is in the image."""
    monkeypatch.setenv("SHELTER_WORKER_KEY", "secret")
    monkeypatch.delenv("SHELTERCTL_LOAD_VERSION", raising=False)
    (tmp_path / "workers").mkdir()
    workers = [worker(port, tmp_path / "workers") for _ in range(2)]
    try:
        with serving() as target:
            plan = LoadPlan(
                target.url, 10, 10.0, 4.0, str(LOCUSTFILE), run="r1", think_s=0.1, workers=("w-1", "w-2"), listen=f"127.0.0.1:{port}"
            )
            lines = run(plan, tmp_path)
            samples = [line for line in lines if line["kind"] == "sample"]
            assert sum(line["requests"] for line in samples) == target.count() > 20
        (began,) = [line for line in lines if line["kind"] == "start"]
        assert sorted(began["workers"]) == [f"process {number} on {socket.gethostname()}" for number in (1, 2)]
        assert len({line["worker"] for line in samples}) == 2
        assert [each.wait(timeout=30) for each in workers] == [0, 0]
    finally:
        for each in workers:
            each.kill()
            each.communicate()


def test_a_worker_that_still_looks_for_its_load_ends_at_once(tmp_path: Path, port: int) -> None:
    """A pod's first process is deaf to a SIGTERM without a handler, and would hold its Job's removal up."""
    looking = worker(port, tmp_path)
    try:
        with socket.create_server(("127.0.0.1", port)) as master:
            master.settimeout(60)
            master.accept()[0].close()
        looking.send_signal(signal.SIGTERM)
        assert looking.wait(timeout=10) == 143
    finally:
        looking.kill()
        looking.communicate()
