"""Processes by their number and their start: a number alone may be another process's by now, and none of those is signalled."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

#: How far two readings of one start may lie apart: the kernel counts it in ticks of 10 ms from a boot time that is read anew.
_SAME_START_S = 0.5


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process group's leader: its number, when it started (epoch seconds), and what it is for."""

    pid: int
    started_s: float
    what: str = ""

    def alive(self) -> bool:
        """Whether this very process runs; a zombie does not."""
        found = started_at(self.pid)
        return found is not None and abs(found - self.started_s) < _SAME_START_S

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


def started_at(pid: int) -> float | None:
    """When the process started (epoch seconds); None where none of this number runs."""
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.Error:
        return None


def identify(pid: int, what: str = "") -> ProcessIdentity | None:
    started_s = started_at(pid)
    return None if started_s is None else ProcessIdentity(pid, started_s, what)


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
