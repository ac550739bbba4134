"""One change at a time, among processes, and freed however its holder ends."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shelterctl.adapters.runs.lock import StackLock
from shelterctl.errors import StateFolderError

pytestmark = pytest.mark.local

HOLDER = """
import sys, time
from shelterctl.adapters.runs.lock import StackLock
lock = StackLock("minikube", "shelter")
for holder in lock.acquire("up", timeout_s=30): pass
print("held", flush=True)
sys.stdin.readline()
lock.release()
print("released", flush=True)
sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Locks of the tests' own."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path


@pytest.fixture
def holder() -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_free_lock_is_taken_without_a_word_and_can_be_taken_again() -> None:
    for _ in range(2):
        lock = StackLock("minikube", "shelter")
        assert list(lock.acquire("up", timeout_s=0)) == []
        lock.release()
        lock.release()


def test_the_holder_is_named_once_and_when_the_time_is_over(holder: subprocess.Popen[str]) -> None:
    said: list[str] = []
    with pytest.raises(TimeoutError) as caught:
        said.extend(StackLock("minikube", "shelter").acquire("down", timeout_s=0.6))
    assert f"shelterctl up (process {holder.pid}, since " in str(caught.value)


def test_a_waiting_command_goes_on_when_the_holder_is_done(holder: subprocess.Popen[str]) -> None:
    assert holder.stdin is not None
    waiting = StackLock("minikube", "shelter").acquire("down", timeout_s=30)
    assert f"(process {holder.pid}," in next(waiting)
    holder.stdin.write("\n")
    holder.stdin.flush()
    assert list(waiting) == []


def test_a_killed_holder_holds_nothing(holder: subprocess.Popen[str]) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert list(StackLock("minikube", "shelter").acquire("down", timeout_s=0)) == []


@pytest.mark.parametrize(("context", "namespace"), [("minikube", "other"), ("kind", "shelter"), ("a/../b", "shelter")])
def test_another_stack_has_another_lock(holder: subprocess.Popen[str], context: str, namespace: str) -> None:
    assert list(StackLock(context, namespace).acquire("down", timeout_s=0)) == []


def test_another_kind_is_a_lock_of_its_own(holder: subprocess.Popen[str]) -> None:
    assert list(StackLock("minikube", "shelter", "load").acquire("loadtest", timeout_s=0)) == []


def test_who_holds_it_is_told_without_waiting_and_without_being_in_the_way(holder: subprocess.Popen[str]) -> None:
    assert holder.stdin is not None
    assert holder.stdout is not None
    looking = StackLock("minikube", "shelter")
    assert looking.holder().startswith(f"shelterctl up (process {holder.pid}, since ")
    assert StackLock("minikube", "shelter", "load").holder() == ""
    holder.stdin.write("\n")
    holder.stdin.flush()
    assert holder.stdout.readline() == "released\n"
    assert looking.holder() == ""
    assert list(StackLock("minikube", "shelter").acquire("down", timeout_s=0)) == []


def test_nobody_else_can_read_or_write_it(folder: Path) -> None:
    lock = StackLock("minikube", "shelter")
    list(lock.acquire("up", timeout_s=0))
    own = folder / f"shelterctl-{os.getuid()}"
    assert stat.S_IMODE(own.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in own.iterdir()] == [0o600]


def test_a_link_that_somebody_laid_is_not_followed(folder: Path) -> None:
    precious = folder / "precious"
    precious.write_text("data")
    own = folder / f"shelterctl-{os.getuid()}"
    own.mkdir()
    (own / "minikube-shelter.lock").symlink_to(precious)
    with pytest.raises(StateFolderError):
        list(StackLock("minikube", "shelter").acquire("up", timeout_s=0))
    assert precious.read_text() == "data"


@pytest.mark.parametrize("kind", ["file", "link"])
def test_something_else_in_the_folders_place(folder: Path, kind: str) -> None:
    own = folder / f"shelterctl-{os.getuid()}"
    (folder / "elsewhere").mkdir()
    own.write_text("") if kind == "file" else own.symlink_to(folder / "elsewhere")
    with pytest.raises(StateFolderError) as caught:
        StackLock("minikube", "shelter")
    assert caught.value.next_command == "set TMPDIR to a folder of yours"
