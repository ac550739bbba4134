"""Processes of this machine: known by their start, limited in their CPU time, ended with what they started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shelterctl.adapters.local import engines
from shelterctl.adapters.local.home import Home
from shelterctl.adapters.local.identity import ProcessIdentity, end_all, identify
from shelterctl.adapters.local.supervisor.cpu import CLOCKS, Limiter, Meter, process_cpu_s
from shelterctl.adapters.local.supervisor.pods import KeptPod
from tests.adapters.local.examples import pod

pytestmark = pytest.mark.local

BUSY = "import time\nend = time.monotonic() + 30\nwhile time.monotonic() < end: pass"


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[KeptPod]:
    """A pod whose process takes all the CPU that it gets."""
    made = pod("busy", "new", ready=True)
    made.template = replace(made.template, argv=(sys.executable, "-c", BUSY), folder=tmp_path, cpu_limit_millicores=200)
    made.log = tmp_path / "busy.log"
    made.start()
    yield made
    made.send(signal.SIGCONT, signal.SIGKILL)
    made.reap()


def used_share(busy: KeptPod, limiter: Limiter | None, seconds: float = 2.0) -> float:
    assert busy.running is not None
    before, began_s = process_cpu_s(busy.running.pid), time.monotonic()
    while time.monotonic() - began_s < seconds:
        time.sleep(limiter.step([busy]) if limiter is not None else 0.05)
    return (process_cpu_s(busy.running.pid) - before) / (time.monotonic() - began_s)


@pytest.mark.skipif(not CLOCKS, reason="another process's clock is read on Linux only")
def test_a_limit_holds_and_whoever_ends_it_lets_the_process_go_on(busy: KeptPod) -> None:
    limiter = Limiter()
    # More than a fifth is what a process gets that nobody limits; how much more depends on the machine.
    assert used_share(busy, limiter) < 0.3
    limiter.release()
    assert busy.running is not None
    assert Path(f"/proc/{busy.running.pid}/stat").read_text().rpartition(") ")[2][0] != "T"
    before = process_cpu_s(busy.running.pid)
    deadline_s = time.monotonic() + 10
    while process_cpu_s(busy.running.pid) - before < 0.1:
        assert time.monotonic() < deadline_s, "it does not run on"
        time.sleep(0.05)


def test_a_meter_counts_on_over_the_end_of_a_child(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time\nfor _ in range(3): subprocess.run([sys.executable, '-c', 'sum(range(3_000_000))'])\ntime.sleep(30)"
    )
    with subprocess.Popen([sys.executable, "-c", code], start_new_session=True) as parent:
        try:
            meter, last = Meter(), 0.0
            for number in range(15):
                now = meter.read(parent.pid, float(number) * 2)
                assert now >= last
                last = now
                time.sleep(0.05)
            assert last > 0
        finally:
            os.killpg(parent.pid, signal.SIGKILL)


def test_a_process_is_known_by_its_start() -> None:
    with subprocess.Popen(["sleep", "30"], start_new_session=True) as process:
        found = identify(process.pid, "sleeper")
        assert found is not None
        assert found.alive()
        other = ProcessIdentity(process.pid, f"{found.start}0", "sleeper")
        assert not other.alive()
        assert not other.signal_group(signal.SIGKILL)
        assert process.poll() is None
        assert end_all([other], grace_s=1) == ()
        assert end_all([found], grace_s=5) == (found,)
        assert process.wait(5) is not None
        assert not found.alive()


def test_a_stopped_process_is_ended_too() -> None:
    with subprocess.Popen(["sleep", "30"], start_new_session=True) as process:
        found = identify(process.pid)
        assert found is not None
        process.send_signal(signal.SIGSTOP)
        assert end_all([found], grace_s=5) == (found,)
        assert not found.alive()


@pytest.mark.parametrize(("says", "kind"), [("db version v8.0.4", "mongod"), ("db version v4.4.1", "nx-27017"), ("hello", "nx-27017")])
def test_a_mongod_on_the_path_is_better_than_what_stands_in_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, kind: str
) -> None:
    (tmp_path / "mongod").write_text(f"#!/bin/sh\necho '{says}'\n")
    (tmp_path / "mongod").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert engines.find(Home(tmp_path), None).kind == kind
    # Data that the stand-in made are its own.
    assert engines.find(Home(tmp_path), None, kept="nx-27017").kind == "nx-27017"
