"""Asks the supervisor, and starts it. Says what became of it where it does not answer."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shelterctl.adapters import process
from shelterctl.adapters.local.home import PROTOCOL, Home, read_json
from shelterctl.adapters.local.identity import ProcessIdentity, end_all, recorded
from shelterctl.core.serial import from_json
from shelterctl.core.state import StackState
from shelterctl.errors import ApiRejected, ApiUnreachable, PrerequisiteError

ANSWER_TIMEOUT_S = 10.0
#: Ending waits until every process has finished what it was doing.
END_TIMEOUT_S = 60.0
START_TIMEOUT_S = 15.0
#: From its last word to its end.
GONE_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Found:
    """What the folder says of its supervisor. `known` is None where none was started since the last one ended well."""

    known: ProcessIdentity | None
    socket: str
    protocol: int

    @property
    def runs(self) -> bool:
        return self.known is not None and self.known.alive()


class Client:
    """One stack's supervisor."""

    def __init__(self, home: Home) -> None:
        self.home = home

    def find(self) -> Found:
        content = read_json(self.home.supervisor)
        try:
            return Found(ProcessIdentity(int(content["pid"]), str(content["start"]), "supervisor"), content["socket"], content["protocol"])
        except (KeyError, TypeError, ValueError):
            return Found(None, "", PROTOCOL)

    def state(self) -> StackState | None:
        """The stack; None where nothing is deployed. Raises ApiUnreachable where its supervisor is gone."""
        if not self.home.supervisor.exists():
            return None
        return from_json(StackState, self.ask("state")["state"])

    def ask(self, operation: str, *, timeout_s: float = ANSWER_TIMEOUT_S, **values: Any) -> Mapping[str, Any]:
        """Raises ApiUnreachable where nobody answers, ApiRejected where the answer is a refusal."""
        found = self.find()
        if found.known is None or not found.runs:
            raise self.gone(found)
        if found.protocol != PROTOCOL:
            raise PrerequisiteError(
                "the stack is kept by another version of shelterctl",
                why="this one does not speak with it",
                next_command="shelterctl down, with the version that made it",
            )
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(timeout_s)
                connection.connect(found.socket)
                connection.sendall(json.dumps({"op": operation, **values}).encode() + b"\n")
                received = b"".join(_received(connection))
            answer = json.loads(received)
        except (OSError, ValueError) as error:
            if not found.runs:
                raise self.gone(found) from error
            raise ApiUnreachable("the supervisor does not answer", why=str(error), next_command="shelterctl status") from error
        if "error" in answer:
            raise ApiRejected(f"the supervisor refused: {answer['error']}")
        return dict(answer)

    def gone(self, found: Found) -> ApiUnreachable:
        """The error for a supervisor that is not there, with what it left."""
        left = self.left()
        names = ", ".join(each.what for each in left)
        why = f"its process {found.known.pid} ended" if found.known is not None else "none was started"
        if left:
            why += f"; {names} {'runs' if len(left) == 1 else 'run'} on, and nothing restarts or scales them"
        return ApiUnreachable(
            "the supervisor that keeps the stack is gone", why=why, next_command="shelterctl up   (starts it anew; the data are kept)"
        )

    def left(self) -> tuple[ProcessIdentity, ...]:
        """What an earlier supervisor started and what runs still."""
        return tuple(each for each in recorded(self.home.processes) if each.alive())

    def end(self) -> None:
        """Has the supervisor end everything, itself last, and waits for that. Raises ApiUnreachable."""
        found = self.find()
        self.ask("end", timeout_s=END_TIMEOUT_S)
        deadline = time.monotonic() + GONE_TIMEOUT_S
        while found.runs and time.monotonic() < deadline:
            time.sleep(0.02)

    def start(self) -> Iterator[str]:
        """Starts the supervisor and waits until it answers. Raises PrerequisiteError with the last lines of its log."""
        home = self.home
        home.logs.mkdir(mode=0o700, exist_ok=True)
        began = home.supervisor_log.stat().st_size if home.supervisor_log.exists() else 0
        # What an earlier one wrote of itself is not this one's.
        home.supervisor.unlink(missing_ok=True)
        argv = [sys.executable, "-m", "shelterctl.adapters.local.supervisor", str(home.folder)]
        package = str(Path(__file__).resolve().parents[3])
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH", ""))))}
        started = process.keep(argv, env=environment, cwd=home.folder, output=home.supervisor_log)
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.find().runs:
                return
            if started.poll() is not None:
                raise PrerequisiteError(
                    f"the supervisor ended with exit code {started.returncode}",
                    why=_last_line(home.supervisor_log, began) or "it wrote nothing",
                    next_command=f"cat {home.supervisor_log}",
                )
            yield "the supervisor starts"
            time.sleep(0.05)
        raise PrerequisiteError("the supervisor did not start in time", next_command=f"cat {home.supervisor_log}")

    def clear(self) -> tuple[ProcessIdentity, ...]:
        """Ends what a supervisor that is gone has left. Returns what had to be ended."""
        ended = end_all(self.left(), grace_s=10.0)
        for path in (self.home.supervisor, self.home.processes):
            path.unlink(missing_ok=True)
        return ended


def _received(connection: socket.socket) -> Iterator[bytes]:
    while block := connection.recv(65536):
        yield block
        if block.endswith(b"\n"):
            return


def _last_line(log: Path, began: int) -> str:
    try:
        with log.open("rb") as file:
            file.seek(began)
            lines = file.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""
