"""Processes by their number and their start: a number alone may be another process's by now, and none of those is signalled."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from shelterctl.adapters.local.home import read_json
from shelterctl.core.serial import from_json

_STAT = "/proc/{pid}/stat"
_BOOT = "/proc/sys/kernel/random/boot_id"
#: The place of the start (in clock ticks since the boot) behind the program's name, which may hold anything: proc(5), field 22.
_START_FIELD = 19


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process group's leader: its number, its start, and what it is for.

    The start is told in a way that no change of the clock alters: by the boot and the ticks since it, where the system tells them.
    """

    pid: int
    start: str
    what: str = ""

    def alive(self) -> bool:
        """Whether this very process runs; a zombie does not."""
        return start_of(self.pid) == self.start

    def signal_group(self, sign: int) -> bool:
        """Sends a signal to the process and what it started. False where it is not there any more."""
        if not self.alive():
            return False
        try:
            os.killpg(self.pid, sign)
        except ProcessLookupError:
            return False
        except PermissionError:
            return False
        return True


def start_of(pid: int) -> str | None:
    """What tells the process from every other that has had its number; None where none of this number runs."""
    if sys.platform != "linux":
        return _start_by_psutil(pid)
    try:
        fields = Path(_STAT.format(pid=pid)).read_bytes().rpartition(b") ")[2].split()
        if fields[0] in (b"Z", b"X"):
            return None
        return f"{_boot()}:{fields[_START_FIELD].decode()}"
    except (OSError, IndexError):
        return None


@cache
def _boot() -> str:
    return Path(_BOOT).read_text(encoding="ascii").strip()


def _start_by_psutil(pid: int) -> str | None:
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.3f}"
    except psutil.Error:
        return None


def identify(pid: int, what: str = "") -> ProcessIdentity | None:
    start = start_of(pid)
    return None if start is None else ProcessIdentity(pid, start, what)


def recorded(path: Path) -> tuple[ProcessIdentity, ...]:
    """The processes that a supervisor wrote down, running or not."""
    return tuple(from_json(ProcessIdentity, each) for each in read_json(path).get("processes", ()))


def end_all(processes: Iterable[ProcessIdentity], *, grace_s: float) -> tuple[ProcessIdentity, ...]:
    """Ends those that run: SIGTERM (after SIGCONT: one may be stopped by a limiter), then SIGKILL. Returns what had to be ended."""
    there = tuple(process for process in processes if process.alive())
    for process in there:
        process.signal_group(signal.SIGCONT)
        process.signal_group(signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while any(process.alive() for process in there) and time.monotonic() < deadline:
        for process in there:
            # Where it is a child of ours it stays a zombie until it is waited for.
            with suppress(ChildProcessError):
                os.waitpid(process.pid, os.WNOHANG)
        time.sleep(0.05)
    for process in there:
        process.signal_group(signal.SIGKILL)
    return there
