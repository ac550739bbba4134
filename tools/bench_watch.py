"""Measures how much of a core `status watch` uses at rest, on a terminal of its own. Prints JSON.

The processor time is read from /proc (user and system, all threads) after the start and again at the end: what the start costs is told
apart. At rest means that nothing happens to the stack meanwhile; `bytes_drawn` tells whether that was so.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from pathlib import Path

COLUMNS, ROWS = 100, 30


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to measure")
    parser.add_argument("--settle", type=float, default=5.0, help="how long to wait before, for the start")
    parser.add_argument("arguments", nargs="*", help="more arguments of `shelterctl status watch`, after --")
    options = parser.parse_args()
    pid, terminal = pty.fork()
    if pid == 0:
        environment = {name: value for name, value in os.environ.items() if name not in ("CI", "COLUMNS", "LINES")}
        command = [sys.executable, "-m", "shelterctl", "status", "watch", *options.arguments]
        os.execve(sys.executable, command, {**environment, "TERM": "xterm-256color"})
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    _drain(terminal, options.settle)
    start_s, began_s = _cpu_s(pid), time.monotonic()
    drawn = _drain(terminal, options.seconds)
    used_s, elapsed_s = _cpu_s(pid) - start_s, time.monotonic() - began_s
    os.kill(pid, signal.SIGINT)
    _drain(terminal, 5.0)
    exit_code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    report = {
        "seconds": round(elapsed_s, 1),
        "cpu_s": round(used_s, 3),
        "cpu_percent_of_a_core": round(100 * used_s / elapsed_s, 2),
        "start_cpu_s": round(start_s, 3),
        "bytes_drawn": drawn,
        "exit_code": exit_code,
    }
    sys.stdout.write(json.dumps(report, indent=1) + "\n")
    return 0 if exit_code == 0 else 1


def _drain(terminal: int, seconds: float) -> int:
    """Reads what is drawn, so that nobody waits for a full buffer; returns the bytes. Ends early where the process has ended."""
    until_s, count = time.monotonic() + seconds, 0
    while (left_s := until_s - time.monotonic()) > 0:
        if select.select([terminal], [], [], left_s)[0]:
            try:
                data = os.read(terminal, 65536)
            except OSError:
                break
            if not data:
                break
            count += len(data)
    return count


def _cpu_s(pid: int) -> float:
    """User and system time of the process and all its threads (proc(5), fields 14 and 15 of stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    raise SystemExit(main())
