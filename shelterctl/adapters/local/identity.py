"""Processes by their number and their start: a number alone may be another process's by now, and none of those is signalled."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from shelterctl.adapters.local.home import read_json
from shelterctl.adapters.process_start import start_of
from shelterctl.core.serial import from_json


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
