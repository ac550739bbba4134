"""What tells a process from every other that has had its number: its start, in a way that no change of the clock alters."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

_STAT = "/proc/{pid}/stat"
_BOOT = "/proc/sys/kernel/random/boot_id"
#: The place of the start (in clock ticks since the boot) behind the program's name, which may hold anything: proc(5), field 22.
_START_FIELD = 19


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
