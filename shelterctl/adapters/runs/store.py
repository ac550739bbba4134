"""Run folders on disk: `<state-dir>/runs/<time>-<command>/` with `events.jsonl` and `result.json`, and the list of them."""

from __future__ import annotations

import json
import math
import os
import re
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from shelterctl.core.events import Event, event_to_json
from shelterctl.core.serial import SCHEMA, JsonValue, to_json, unreadable
from shelterctl.errors import StateFolderError, UsageError
from shelterctl.settings import nearest

EVENTS = "events.jsonl"
RESULT = "result.json"
#: How the damage of a result of another schema begins.
FOREIGN = f"{RESULT} is not read"
#: The result as people saw it, so that it can be shown again by a later release too.
TEXT = "result.txt"
#: What the user called the run: written at its beginning, so that a run that was killed is found by it, too.
TAG = "tag.txt"
ACCOUNT = "account.jsonl"
#: A result of a run with half a million writes has a tenth of that.
_LARGEST_BYTES = 64 * 2**20
_LOAD = re.compile(r"-loadtest(-\d+)?$")


class RunFolderOnDisk:
    """The folder of one run. Lines are handed to the operating system at once, so that they outlive this process."""

    def __init__(self, state_dir: Path, command: str) -> None:
        """Raises StateFolderError where the folder cannot be made."""
        stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
        self._files: dict[str, int] = {}
        self._lock = threading.Lock()
        for suffix in ("", *(f"-{n}" for n in range(2, 100))):
            path = state_dir / "runs" / f"{stamp}-{command}{suffix}"
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                # What a run writes down is its user's alone: addresses, contents of documents, lines of logs.
                path.mkdir(mode=0o700)
            except FileExistsError:
                if path.is_dir():
                    continue
                raise _unwritable(state_dir, "a file is in its place") from None
            except OSError as error:
                raise _unwritable(state_dir, error.strerror or str(error)) from error
            break
        else:
            raise _unwritable(state_dir, "a hundred runs began in this second")
        self.path = path
        self.run_id = path.name

    def append_journal(self, name: str, line: str) -> None:
        """Appends a line. Raises StateFolderError (a full disk, a folder that went away): nothing is lost in silence."""
        data = line.encode("utf-8", "backslashreplace") + b"\n"
        try:
            # Whole lines, whatever the number of writers and however little the disk takes at once.
            with self._lock:
                if name not in self._files:
                    self._files[name] = os.open(self.path / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                while data:
                    data = data[os.write(self._files[name], data) :]
        except OSError as error:
            raise _unwritable(self.path, error.strerror or str(error)) from error

    def record(self, event: Event) -> None:
        """Adds an event to `events.jsonl` with the wall and the monotonic time."""
        line = {"schema": SCHEMA, "wall_s": round(time.time(), 6), "monotonic_s": round(time.monotonic(), 6), **event_to_json(event)}
        self.append_journal(EVENTS, json.dumps(line, ensure_ascii=False))

    def tag(self, name: str) -> None:
        """Gives the run a name besides its own. Raises StateFolderError."""
        self.append_journal(TAG, name)

    def finish(
        self, command: str, exit_code: int, result: object, *, text: Iterable[str] = (), error: JsonValue = None
    ) -> dict[str, JsonValue]:
        """Writes `result.txt` and then `result.json`, which is there whole or not at all; returns what it says."""
        document: dict[str, JsonValue] = {
            "schema": SCHEMA,
            "run": self.run_id,
            "command": command,
            "finished_wall_s": round(time.time(), 3),
            "exit_code": exit_code,
            "result": to_json(result),
            "error": error,
        }
        temporary = self.path / f".{RESULT}.new"
        try:
            _write(self.path / TEXT, "".join(f"{line}\n" for line in text))
            _write(temporary, json.dumps(document, ensure_ascii=False, indent=1) + "\n")
            temporary.replace(self.path / RESULT)
        except OSError as problem:
            raise _unwritable(self.path, problem.strerror or str(problem)) from problem
        return document

    def close(self) -> None:
        for descriptor in self._files.values():
            os.close(descriptor)
        self._files = {}


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A line of `runs list`. `exit_code` is None where the run left no result: it is under way, or it was killed.

    `damage` says why a result that is there cannot be read, `tag` is what the user called it.
    """

    run: str
    command: str
    exit_code: int | None
    verdict: str
    finished_wall_s: float | None
    damage: str = ""
    tag: str = ""


def _write(path: Path, text: str) -> None:
    """A file for its user alone. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)


def list_runs(state_dir: Path) -> list[RunSummary]:
    """The runs of a state folder, oldest first."""
    folders = sorted(path for path in (state_dir / "runs").glob("*") if path.is_dir())
    return [_summary(folder) for folder in folders]


def find_run(state_dir: Path, name: str) -> Path:
    """The folder of a run named in full, by a beginning that only one has, by its tag, or `last`; of several with a tag the newest.

    A name that is both is a run's own. Raises UsageError.
    """
    folders = sorted(path for path in (state_dir / "runs").glob("*") if path.is_dir())
    if not folders:
        raise UsageError(f"there is no run in {state_dir / 'runs'}", next_command="shelterctl prove")
    if name == "last":
        return folders[-1]
    found = [folder for folder in folders if folder.name == name] or [folder for folder in folders if folder.name.startswith(name)]
    if len(found) != 1:
        tags = {tag_of(folder): folder for folder in folders}
        if name and name in tags:
            return tags[name]
        what = "no run is" if not found else f"{len(found)} runs are"
        hint = nearest(name, [*(folder.name for folder in folders), *filter(None, tags)]) if not found else ""
        raise UsageError(f"{what} called “{name}”{hint}", next_command="shelterctl runs list")
    return found[0]


def find_account(state_dir: Path, name: str) -> Path:
    """The folder of a run named as `find_run` takes it; `last` is the newest that accounted for writes. Raises UsageError."""
    if name != "last":
        return find_run(state_dir, name)
    found = sorted(path.parent for path in (state_dir / "runs").glob(f"*/{ACCOUNT}"))
    if not found:
        raise UsageError(f"no run in {state_dir / 'runs'} has an account of writes", next_command="shelterctl chaos kill-db")
    return found[-1]


def tag_of(folder: Path, document: dict[str, JsonValue] | None = None) -> str:
    """What the user called a run; empty where nothing. Loads of earlier releases said it in their results (`document`) alone."""
    try:
        with (folder / TAG).open(encoding="utf-8", errors="replace") as file:
            return file.readline(200).strip()
    except OSError:
        document = document or read_result(folder) if _LOAD.search(folder.name) else None
        result = document.get("result") if document else None
        plan = result.get("plan") if isinstance(result, dict) else None
        tag = plan.get("tag") if isinstance(plan, dict) else None
        return tag if isinstance(tag, str) else ""


def read_result(folder: Path) -> dict[str, JsonValue] | None:
    """What `result.json` says; None where the run has none or it cannot be read (`damage` says why)."""
    return _result(folder)[0]


def damage(folder: Path) -> str:
    """Why a run's result cannot be read; empty where it can, or where there is none."""
    return _result(folder)[1]


def _result(folder: Path) -> tuple[dict[str, JsonValue] | None, str]:
    path = folder / RESULT
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            return None, f"{RESULT} is larger than {_LARGEST_BYTES // 2**20} MiB"
        document = parse(path.read_bytes())
    except FileNotFoundError:
        return None, ""
    except OSError as error:
        return None, f"{RESULT}: {error.strerror or error}"
    except ValueError as error:
        return None, f"{RESULT} is no result: {error}"
    return read_document(document)


def read_document(document: JsonValue) -> tuple[dict[str, JsonValue] | None, str]:
    """The document of a `result.json`, or why it is none that can be read."""
    if not isinstance(document, dict):
        return None, f"{RESULT} is no result: not an object"
    why = unreadable(document.get("schema"))
    return (None, f"{FOREIGN}: {why}") if why else (document, "")


def parse(data: bytes) -> JsonValue:
    """JSON as shelterctl writes it. Raises ValueError for anything else: not UTF-8, too deep, numbers that are none."""

    def finite(text: str) -> float:
        value = float(text)
        if not math.isfinite(value):
            raise ValueError(f"{text} is no number")
        return value

    try:
        # NaN and Infinity are constants to the parser, 1e999 is a number.
        parsed: JsonValue = json.loads(data.decode("utf-8"), parse_constant=finite, parse_float=finite)
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return parsed


def read_text(folder: Path) -> tuple[str, ...]:
    """The lines of the result as they were printed; none where the run left none."""
    try:
        return tuple((folder / TEXT).read_text(encoding="utf-8", errors="backslashreplace").splitlines())
    except OSError:
        return ()


def read_journal(folder: Path, name: str) -> Iterator[dict[str, JsonValue]]:
    """The lines of a journal; a line that was cut off by a kill is left out."""
    try:
        # As bytes: a line may have been cut off in the middle of a character.
        with (folder / name).open("rb") as lines:
            for line in lines:
                try:
                    entry = parse(line)
                except ValueError:
                    continue
                if isinstance(entry, dict):
                    yield entry
    except FileNotFoundError:
        return
    except OSError as error:
        raise StateFolderError(f"{folder / name} cannot be read", why=error.strerror or str(error)) from error


def _summary(folder: Path) -> RunSummary:
    command = re.sub(r"^\d{8}-\d{6}-|-\d+$", "", folder.name)
    document, why = _result(folder)
    if document is None:
        return RunSummary(folder.name, command, None, "", None, why, tag_of(folder))
    result = document.get("result")
    judgement = result.get("judgement") if isinstance(result, dict) else None
    verdict = str(judgement.get("verdict", "")) if isinstance(judgement, dict) else ""
    code, finished = document.get("exit_code"), document.get("finished_wall_s")
    return RunSummary(
        folder.name,
        str(document.get("command", command)),
        code if isinstance(code, int) else None,
        verdict,
        float(finished) if isinstance(finished, int | float) else None,
        tag=tag_of(folder, document),
    )


def _unwritable(path: Path, why: str) -> StateFolderError:
    return StateFolderError(f"{path} cannot be written", why=why, next_command="name another folder with --state-dir")
