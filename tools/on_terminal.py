"""A command on a terminal of its own, whose processor time is measured: what is drawn is read, so that it never waits for a full buffer."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import threading
import time
from collections.abc import Sequence
from pathlib import Path

_AGAIN = b"\r\x1b[2K"


class OnTerminal:
    """`shelterctl` with some arguments, on a terminal of `columns` × `rows`."""

    def __init__(self, arguments: Sequence[str], columns: int, rows: int, cwd: Path | None = None) -> None:
        self.drawn_bytes = self.drawings = 0
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            # A shell's background job has it ignored, and so would every child.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            if cwd is not None:
                os.chdir(cwd)
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            environment = {name: value for name, value in os.environ.items() if name not in ("CI", "COLUMNS", "LINES")}
            command = [sys.executable, "-m", "shelterctl", *arguments]
            os.execve(sys.executable, command, {**environment, "TERM": "xterm-256color"})
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def measure(self, seconds: float) -> dict[str, float]:
        """What it takes of a core from now on; nothing of the processes that it starts."""
        start_s, began_s, drawn = self.cpu_s(), time.monotonic(), self.drawn_bytes
        self._reader.join(seconds)
        elapsed_s = time.monotonic() - began_s
        used_s = self.cpu_s() - start_s
        return {
            "seconds": round(elapsed_s, 1),
            "cpu_s": round(used_s, 3),
            "cpu_percent_of_a_core": round(100 * used_s / elapsed_s, 2),
            "start_cpu_s": round(start_s, 3),
            "bytes_drawn": self.drawn_bytes - drawn,
        }

    def cpu_s(self) -> float:
        """User and system time of the process and all its threads (proc(5), fields 14 and 15 of stat)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self, signal_number: int = signal.SIGINT) -> int:
        """Asks it to end, makes it end where it does not within 30 s, and returns its exit code."""
        os.kill(self.pid, signal_number)
        self._reader.join(30.0)
        if self._reader.is_alive():
            os.kill(self.pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self._terminal)
        return code

    def _read(self) -> None:
        while True:
            try:
                select.select([self._terminal], [], [])
                data = os.read(self._terminal, 65536)
            except OSError:
                return
            if not data:
                return
            self.drawn_bytes += len(data)
            # What is drawn in place begins with the erasing of its last line.
            self.drawings += data.count(_AGAIN)
