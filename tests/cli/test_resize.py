"""A load's screen on a terminal that changes its size while it runs, in a process of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

import pytest

from tests.adapters.swarm.load_target import serving
from tests.cli.running import CommandLine

pytestmark = pytest.mark.local

CLEARED = "\x1b[2J"


def sized(terminal: int, columns: int, lines: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


def widths(shown: str) -> list[int]:
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    return [len(line.rstrip()) for line in re.split(r"[\r\n]+", plain)]


def test_a_screen_is_drawn_anew_for_the_terminal_that_it_has(tmp_path: Path) -> None:
    line = CommandLine(tmp_path)
    environment = line.environment({"TERM": "xterm", "NO_COLOR": "1"})
    # It would count for more than the terminal's own size.
    del environment["COLUMNS"]
    shown = bytearray()

    def read() -> None:
        try:
            while block := os.read(controller, 65536):
                shown.extend(block)
        except OSError:
            pass  # what a terminal says when its other end is closed

    with serving() as target:
        controller, terminal = pty.openpty()
        sized(terminal, 120, 40)
        argv = [
            sys.executable,
            "-m",
            "shelterctl",
            "loadtest",
            "--host",
            target.url,
            "--users",
            "2",
            "--think",
            "100ms",
            "--duration",
            "8s",
        ]
        process = subprocess.Popen(argv, cwd=tmp_path / "work", env=environment, stdin=terminal, stdout=terminal, stderr=terminal)
        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            deadline = time.monotonic() + 40
            while b"requests/s" not in shown and time.monotonic() < deadline:
                time.sleep(0.05)
            before = len(shown)
            sized(terminal, 50, 20)
            process.send_signal(signal.SIGWINCH)
            while CLEARED.encode() not in shown[before:] and time.monotonic() < deadline:
                time.sleep(0.05)
            time.sleep(1.5)
            after = len(shown)
            process.send_signal(signal.SIGINT)
            code = process.wait(timeout=40)
        finally:
            process.kill()
            os.close(terminal)
            reader.join(5)
            os.close(controller)
    assert max(widths(shown[:before].decode("utf-8", "replace"))) > 50
    redrawn = shown[before:after].decode("utf-8", "replace").partition(CLEARED)[2]
    assert "requests/s" in redrawn
    assert max(widths(redrawn)) <= 50
    # Nothing of it keeps the load from its end, or the cursor hidden.
    assert code == 130
    assert shown.rindex(b"\x1b[?25h") > shown.rindex(b"\x1b[?25l")
