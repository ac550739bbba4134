"""Programs are bounded in time, streamed both ways, and end with their children."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shelterctl.adapters import process
from shelterctl.errors import CommandFailed, ProgramMissing, WaitTimeout

pytestmark = pytest.mark.local


def _gone(pid: int) -> bool:
    """Whether the process is gone, waiting up to 5 s for it."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{pid}/stat").exists() and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.02)
    return False


def test_run_gives_both_streams_and_the_exit_code() -> None:
    ran = process.run(["sh", "-c", "cat; echo oops >&2; exit 3"], timeout_s=10, stdin=b"in", check=False)
    assert ran == process.Completed(3, b"in", b"oops\n")


def test_run_fails_with_the_last_lines() -> None:
    with pytest.raises(CommandFailed) as caught:
        process.run(["sh", "-c", "echo first >&2; echo second >&2; exit 4"], timeout_s=10)
    assert (caught.value.returncode, caught.value.why, caught.value.details) == (4, "second", ("first", "second"))


def test_a_missing_program_is_named() -> None:
    with pytest.raises(ProgramMissing, match="no-such-program is not on the PATH"):
        process.run(["no-such-program"], timeout_s=10)


def test_a_timeout_ends_the_program_and_its_children(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    with pytest.raises(WaitTimeout, match=r"did not end within 0\.5 s"):
        process.run(["sh", "-c", f"sleep 60 & echo $! > {pid_file}; wait"], timeout_s=0.5)
    assert _gone(int(pid_file.read_text()))


def test_lines_come_as_they_are_written_and_the_last_needs_no_end() -> None:
    lines = process.stream_lines(["sh", "-c", "echo one; echo two >&2; printf three"], timeout_s=10)
    assert list(lines) == ["one", "two", "three"]


def test_a_failing_stream_carries_its_last_lines() -> None:
    with pytest.raises(CommandFailed) as caught:
        list(process.stream_lines(["sh", "-c", "echo one; printf 'the reason'; exit 2"], timeout_s=10))
    assert (caught.value.returncode, caught.value.details) == (2, ("one", "the reason"))


def test_closing_a_stream_ends_the_program() -> None:
    lines = process.stream_lines(["sh", "-c", "echo $$; sleep 60"], timeout_s=60)
    pid = int(next(lines))
    assert isinstance(lines, Iterator)
    lines.close()  # type: ignore[attr-defined]
    assert _gone(pid)


def test_a_program_that_closes_its_output_and_stays_is_bounded() -> None:
    with pytest.raises(WaitTimeout):
        list(process.stream_lines(["sh", "-c", "exec >&- 2>&-; sleep 60"], timeout_s=1))


def test_feed_streams_more_than_a_pipe_holds() -> None:
    chunks = [bytes([number]) * 300_000 for number in range(30)] + [b"", b"end"]
    program = "import sys, hashlib; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())"
    fed = process.feed([sys.executable, "-c", program], chunks, timeout_s=30)
    assert fed.text.strip() == hashlib.sha256(b"".join(chunks)).hexdigest()


def test_feed_takes_output_while_it_feeds() -> None:
    fed = process.feed(["cat"], (b"x" * 100_000 for _ in range(20)), timeout_s=30)
    assert fed.stdout == b"x" * 2_000_000


def test_a_program_that_stops_reading_is_judged_by_its_exit_code() -> None:
    endless = (b"x" * 65536 for _ in range(10_000_000))
    with pytest.raises(CommandFailed) as caught:
        process.feed(["sh", "-c", "head -c 10 >/dev/null; echo no space left on device >&2; exit 1"], endless, timeout_s=30)
    assert caught.value.why == "no space left on device"


def test_feed_is_bounded() -> None:
    with pytest.raises(WaitTimeout):
        process.feed(["sleep", "60"], (b"x" * 65536 for _ in range(100)), timeout_s=0.5)


def test_what_the_chunks_raise_ends_the_program(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"

    def chunks() -> Iterator[bytes]:
        yield b"x"
        while not pid_file.exists() or not pid_file.read_text().strip():
            time.sleep(0.01)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process.feed(["sh", "-c", f"echo $$ > {pid_file}; cat >/dev/null; sleep 60"], chunks(), timeout_s=30)
    assert _gone(int(pid_file.read_text()))
