"""A load whose workers are started by hand, as they are on other machines: here each is a `shelterctl loadtest --worker-of`."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from shelterctl.adapters.swarm.runner import LocustRunner
from shelterctl.errors import UsageError
from tests.adapters.swarm.load_target import ROOT, serving
from tests.adapters.swarm.test_processes import lines, told, workers
from tests.adapters.swarm.test_runner import plan, until_ended

pytestmark = pytest.mark.local


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def worker(port: int, key: str = "secret") -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "shelterctl", "loadtest", "--worker-of", f"127.0.0.1:{port}"]
    return subprocess.Popen(argv, cwd=ROOT, env={**os.environ, "SHELTER_WORKER_KEY": key}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_workers_elsewhere_share_the_load_and_end_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELTER_WORKER_KEY", "secret")
    port = free_port()
    # They may be there before the load is; one does not know its key.
    started = [worker(port), worker(port)]
    wrong = worker(port, "guess")
    generator = LocustRunner()
    try:
        with serving() as target:
            generator.start(plan(target, workers=("a", "b"), listen=f"127.0.0.1:{port}"), tmp_path)
            samples = until_ended(generator)
            assert sum(sample.requests for sample in samples) == target.count() > 100
        assert samples[-1].final
        host = socket.gethostname()
        assert sorted(workers(tmp_path)) == [f"process 1 on {host}", f"process 2 on {host}"]
        assert told(samples) == [f"a process on {host} was refused: it does not know this load's key"]
        assert [process.wait(timeout=30) for process in started] == [0, 0]
        assert wrong.wait(timeout=30) == 76
        assert b"refused this worker: it does not know this load's key" in (wrong.stderr.read() if wrong.stderr else b"")
        # What was handed over, with the key, is nowhere any more.
        assert not any(b"secret" in path.read_bytes() for path in tmp_path.iterdir())
        assert "secret" not in str(lines(tmp_path, "start"))
    finally:
        generator.stop()
        for process in (*started, wrong):
            process.send_signal(signal.SIGKILL)
            process.communicate()


def test_without_a_key_nobody_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHELTER_WORKER_KEY", raising=False)
    with serving() as target, pytest.raises(UsageError) as caught:
        LocustRunner().start(plan(target, workers=("a",), listen="127.0.0.1:5557"), tmp_path)
    assert caught.value.what == "--workers: SHELTER_WORKER_KEY is not set"
