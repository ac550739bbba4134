"""Starts programs: the only module that does, always with a timeout, never through a shell.

A secret never goes through an argument list: give it as `stdin`.
"""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from shelterctl.errors import CommandFailed, ProgramMissing, WaitTimeout

#: How long a program that was asked to end may take before it is killed.
GRACE_S = 5.0
#: For `start`: a stream of its own.
PIPE = subprocess.PIPE


@dataclass(frozen=True, slots=True)
class Completed:
    """A program that ended: its exit code and what it wrote."""

    returncode: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        return self.stdout.decode("utf-8", "replace")

    @property
    def error_text(self) -> str:
        return self.stderr.decode("utf-8", "replace")


def find(program: str, *, remedy: str) -> str:
    """The program's path. Raises ProgramMissing with `remedy` as the next command."""
    path = shutil.which(program)
    if path is None:
        raise ProgramMissing(f"{program} is not on the PATH", next_command=remedy)
    return path


def run(
    argv: Sequence[str],
    *,
    timeout_s: float,
    stdin: bytes | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    check: bool = True,
) -> Completed:
    """Runs a program to its end.

    Raises ProgramMissing, WaitTimeout (the program and its children are killed) and, with `check`, CommandFailed with its last lines.
    """
    process = start(argv, env=env, cwd=cwd, stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL)
    try:
        stdout, stderr = process.communicate(stdin, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        kill_group(process)
        raise WaitTimeout(f"{_shown(argv)} did not end within {timeout_s:g} s") from None
    except BaseException:
        kill_group(process)
        raise
    completed = Completed(process.returncode, stdout, stderr)
    if check and completed.returncode != 0:
        raise failure(argv, completed.returncode, completed.error_text or completed.text)
    return completed


def feed(
    argv: Sequence[str], chunks: Iterable[bytes], *, timeout_s: float, env: Mapping[str, str] | None = None, check: bool = True
) -> Completed:
    """Runs a program and streams `chunks` into its standard input, however many there are.

    A program that stops reading early is judged by its exit code. Errors as for `run`; what `chunks` raises ends the program.
    """
    process = start(argv, stdin=subprocess.PIPE, env=env)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    deadline = time.monotonic() + timeout_s
    received: dict[int, bytearray] = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    outputs = tuple(received.values())
    sink = process.stdin.fileno()
    blocks: Iterator[bytes] = filter(None, chunks)
    unsent = memoryview(b"")
    os.set_blocking(sink, False)
    try:
        with selectors.DefaultSelector() as selector:
            for descriptor in received:
                selector.register(descriptor, selectors.EVENT_READ)
            selector.register(sink, selectors.EVENT_WRITE)
            while selector.get_map():
                left = deadline - time.monotonic()
                if left <= 0:
                    raise WaitTimeout(f"{_shown(argv)} did not end within {timeout_s:g} s")
                for key, _ in selector.select(left):
                    if key.fd in received:
                        block = os.read(key.fd, 65536)
                        received[key.fd] += block
                        if not block:
                            selector.unregister(key.fd)
                        continue
                    unsent = unsent or memoryview(next(blocks, b""))
                    if not unsent:
                        selector.unregister(sink)
                        process.stdin.close()
                        continue
                    try:
                        unsent = unsent[os.write(sink, unsent) :]
                    except BlockingIOError:
                        continue
                    except BrokenPipeError:
                        blocks, unsent = iter(()), memoryview(b"")
        returncode = process.wait(timeout=max(deadline - time.monotonic(), 0.1))
    except subprocess.TimeoutExpired:
        raise WaitTimeout(f"{_shown(argv)} did not end within {timeout_s:g} s") from None
    finally:
        kill_group(process)
    completed = Completed(returncode, bytes(outputs[0]), bytes(outputs[1]))
    if check and returncode != 0:
        raise failure(argv, returncode, completed.error_text or completed.text)
    return completed


def failure(argv: Sequence[str], returncode: int, output: str) -> CommandFailed:
    """The error for a program that failed, with the last lines of its output as the evidence."""
    lines = [line for line in output.strip().splitlines() if line.strip()]
    return CommandFailed(
        f"{_shown(argv)} failed with exit code {returncode}",
        returncode=returncode,
        why=lines[-1].strip() if lines else "it printed nothing",
        details=lines[-12:],
    )


def start(
    argv: Sequence[str],
    *,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stdout: int | IO[bytes] = subprocess.PIPE,
    stderr: int | IO[bytes] = subprocess.PIPE,
    env: Mapping[str, str | None] | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Starts a program in a process group of its own, so that it ends with its children, and a Ctrl-C reaches only shelterctl.

    `env` changes the environment; None takes a variable out. The caller bounds its time. Raises ProgramMissing.
    """
    merged = {name: value for name, value in {**os.environ, **env}.items() if value is not None} if env else None
    try:
        return subprocess.Popen(
            list(argv), stdin=stdin, stdout=stdout, stderr=stderr, env=merged, cwd=cwd, start_new_session=True, bufsize=0
        )
    except FileNotFoundError:
        raise ProgramMissing(f"{argv[0]} is not on the PATH") from None
    except PermissionError:
        raise ProgramMissing(f"{argv[0]} may not be executed") from None


def keep(argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, output: Path, pass_fds: Sequence[int] = ()) -> subprocess.Popen[bytes]:
    """Starts a program that outlives its caller, in a session of its own, with exactly this environment; it writes to the end of a file.

    Raises ProgramMissing, OSError where the file cannot be written.
    """
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(
            list(argv), stdin=subprocess.DEVNULL, stdout=descriptor, stderr=descriptor, env=dict(env), cwd=cwd, start_new_session=True,
            pass_fds=tuple(pass_fds),
        )  # fmt: skip
    except (FileNotFoundError, PermissionError) as error:
        raise ProgramMissing(f"{argv[0]} cannot be started", why=str(error.strerror)) from None
    finally:
        os.close(descriptor)


def stream_lines(argv: Sequence[str], *, timeout_s: float, env: Mapping[str, str] | None = None) -> Iterator[str]:
    """Runs a program and yields each line of its output (both streams) as it comes.

    Raises as `run` does; CommandFailed carries the last lines.
    """
    process = start(argv, stderr=subprocess.STDOUT, env=env)
    assert process.stdout is not None
    deadline = time.monotonic() + timeout_s
    recent: list[str] = []
    pending = b""
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while True:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise WaitTimeout(f"{_shown(argv)} did not end within {timeout_s:g} s", details=recent[-12:])
                if not selector.select(min(left, 1.0)):
                    continue
                chunk = os.read(process.stdout.fileno(), 65536)
                if not chunk:
                    break
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    text = line.decode("utf-8", "replace").rstrip()
                    recent = [*recent[-40:], text]
                    yield text
        if pending:
            recent.append(pending.decode("utf-8", "replace").rstrip())
            yield recent[-1]
        try:
            returncode = process.wait(timeout=max(deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            raise WaitTimeout(f"{_shown(argv)} did not end within {timeout_s:g} s", details=recent[-12:]) from None
    finally:
        kill_group(process)
    if returncode != 0:
        raise failure(argv, returncode, "\n".join(recent))


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Ends the process and its children: SIGTERM, then SIGKILL after a grace period. Harmless where it has ended."""
    if process.poll() is None:
        for sign, wait_s in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, GRACE_S)):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, sign)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=wait_s)
                break
    for stream in (process.stdout, process.stderr, process.stdin):
        if stream is not None:
            with suppress(OSError):
                stream.close()


def _shown(argv: Sequence[str]) -> str:
    words = " ".join(argv)
    return words if len(words) <= 120 else words[:117] + "..."
