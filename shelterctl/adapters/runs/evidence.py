"""Run folders as a report reads them: each file once, as the bytes that are hashed and parsed alike."""

from __future__ import annotations

import getpass
import hashlib
import os
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from shelterctl.adapters.runs.recording import recording_of
from shelterctl.adapters.runs.store import ACCOUNT, EVENTS, FOREIGN, RESULT, parse, read_document, read_journal
from shelterctl.core.events import ClusterEventSeen, Notice, StepFinished, TargetChosen, WatchDropped, WatchRestored
from shelterctl.core.faults.ledger import Category, ClientSaw, Entry, WriteOutcome
from shelterctl.core.report.clean import Owner
from shelterctl.core.report.runs import FileDigest, Run, Told
from shelterctl.errors import StateFolderError, UsageError

WRITES = "writes.jsonl"
#: Of 12 hours of load, with room: what is larger is told to be so, not read.
_LARGEST_BYTES = 512 * 2**20
_LARGEST_DIFF = 5_000
#: What a report shows of each; more of one kind says no more.
_MOST_HAPPENINGS = 500


def chosen(state_dir: Path, names: Sequence[str]) -> tuple[Path, ...]:
    """The folders of the runs that are meant, oldest first: those named, a `prove` with the runs that it names.

    Without names: the newest `prove`, else the newest run of each kind of the stack that the newest of them is of. Raises UsageError.
    """
    from shelterctl.adapters.runs.store import find_run

    there = sorted(path for path in (state_dir / "runs").glob("*") if path.is_dir())
    if names:
        found = [find_run(state_dir, name) for name in names]
    else:
        proofs = [path for path in there if _command(path) == "prove" and (path / RESULT).is_file()]
        found = proofs[-1:] or _of_one_stack([path for path in there if _command(path) in _KINDS])
    if not found:
        raise UsageError(f"there is no run to report of in {state_dir / 'runs'}", next_command="shelterctl prove")
    every = dict.fromkeys(found)
    for folder in found:
        if _command(folder) == "prove":
            every |= dict.fromkeys(_named_by(folder, state_dir))
    return tuple(sorted(every))


#: `up` says it when the target is ready, which may be after a machine's start.
_TOLD_WITHIN = 1000
_KINDS = ("up", "loadtest", "kill-db", "dns-check", "hpa-simulate")


def _of_one_stack(folders: Sequence[Path]) -> list[Path]:
    """The newest folder of each kind. What does not tell its stack is taken along: the report says so."""
    place: tuple[str, str] | None = None
    found: dict[str, Path] = {}
    for folder in reversed(folders):
        if _command(folder) in found:
            continue
        told = _place(folder)
        place = place or told
        if told is None or told == place:
            found[_command(folder)] = folder
    return list(found.values())


def _place(folder: Path) -> tuple[str, str] | None:
    """Where a run was, as its events say soon."""
    for row in islice(read_journal(folder, EVENTS), _TOLD_WITHIN):
        if row.get("kind") == TargetChosen.kind:
            return str(row.get("context", "")), str(row.get("namespace", ""))
    return None


def _command(folder: Path) -> str:
    return re.sub(r"^\d{8}-\d{6}-|-\d+$", "", folder.name)


def _named_by(proof: Path, state_dir: Path) -> Iterator[Path]:
    try:
        document: Any = read_document(parse((proof / RESULT).read_bytes()))[0]
        claims = document["result"]["claims"]
        names = [str(claim.get("run", "")) for claim in claims]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return
    for name in names:
        folder = state_dir / "runs" / name
        # A name is one folder's, never a way out of the state folder.
        if name and Path(name).name == name and folder.is_dir():
            yield folder


def read_run(folder: Path) -> Run:
    """One run. What is missing or damaged is told in the record. Raises StateFolderError where a file cannot be read at all."""
    files: list[FileDigest] = []
    document, damage = _document(folder, files)
    command = str(document.get("command") or _command(folder)) if document is not None else _command(folder)
    kind = {"chaos kill-db": "kill-db"}.get(command, command.replace(" ", "-"))
    told, recording = Told(), None
    if kind != "prove":
        told, recording = _events(folder, files)
    (writes, unanswered), entries = _writes(folder, files), tuple(_entries(folder, files))
    if damage.startswith(FOREIGN) or (recording is None and told.damaged):
        # The journals are of the schema of result and events, and do not say it themselves.
        writes, unanswered, entries = (), 0, ()
    result = document.get("result") if document is not None else None
    error = document.get("error") if document is not None else None
    code, finished = (document.get("exit_code"), document.get("finished_wall_s")) if document is not None else (None, None)
    result = result if isinstance(result, dict) else None
    return Run(
        name=folder.name,
        command=command,
        exit_code=code if isinstance(code, int) else None,
        finished_s=float(finished) if isinstance(finished, int | float) else None,
        result=result,
        error=error if isinstance(error, dict) else None,
        damage=damage,
        recording=recording,
        told=told,
        writes=writes,
        unanswered=unanswered,
        entries=entries,
        objects=tuple(_objects(result)) if kind == "up" and result is not None else (),
        files=tuple(files),
    )


def _bytes(folder: Path, name: str, files: list[FileDigest]) -> bytes | None:
    path = folder / name
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise StateFolderError(f"{path} cannot be reported of", why=f"it is larger than {_LARGEST_BYTES // 2**20} MiB")
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateFolderError(f"{path} cannot be read", why=error.strerror or str(error)) from error
    files.append(FileDigest(f"{folder.name}/{name}", len(data), hashlib.sha256(data).hexdigest()))
    return data


def _document(folder: Path, files: list[FileDigest]) -> tuple[dict[str, Any] | None, str]:
    data = _bytes(folder, RESULT, files)
    if data is None:
        return None, ""
    try:
        document = parse(data)
    except ValueError as error:
        return None, f"{RESULT} is no result: {error}"
    return read_document(document)


def _events(folder: Path, files: list[FileDigest]) -> tuple[Told, Any]:
    data = _bytes(folder, EVENTS, files)
    if data is None:
        return Told(), None
    target: list[TargetChosen] = []
    steps: list[tuple[float, StepFinished]] = []
    notices: list[tuple[float, Notice]] = []
    happenings: list[tuple[float, ClusterEventSeen]] = []
    watches: list[tuple[float, WatchDropped | WatchRestored]] = []

    def take(at_s: float, _kind: str, event: Any) -> None:
        if isinstance(event, TargetChosen):
            target.append(event)
        elif isinstance(event, StepFinished):
            steps.append((at_s, event))
        elif isinstance(event, Notice):
            notices.append((at_s, event))
        elif isinstance(event, ClusterEventSeen) and event.warning and len(happenings) < _MOST_HAPPENINGS:
            happenings.append((at_s, event))
        elif isinstance(event, WatchDropped | WatchRestored):
            watches.append((at_s, event))

    recording = recording_of(folder.name, data.splitlines(), take)
    damaged = recording.damaged if recording is not None else data.count(b"\n")
    last = target[-1] if target else None
    return Told(last, tuple(steps), tuple(notices), tuple(happenings), tuple(watches), damaged=damaged), recording


def _lines(data: bytes | None) -> Iterator[dict[str, Any]]:
    for line in (data or b"").splitlines():
        try:
            row = parse(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            yield row


def _writes(folder: Path, files: list[FileDigest]) -> tuple[tuple[WriteOutcome, ...], int]:
    """The writes that have an outcome in the journal, and how many have none."""
    found: list[WriteOutcome] = []
    open_ids: set[str] = set()
    for row in _lines(_bytes(folder, WRITES, files)):
        id_ = str(row.get("id", ""))
        if row.get("kind") == "intent":
            open_ids.add(id_)
            continue
        try:
            sent_s, ended_s, saw = float(row["sent_s"]), float(row["ended_s"]), ClientSaw(row["saw"])
        except (KeyError, TypeError, ValueError):
            continue
        status = row.get("status")
        open_ids.discard(id_)
        found.append(WriteOutcome(id_, "", sent_s, ended_s, saw, status if isinstance(status, int) else None, str(row.get("detail", ""))))
    return tuple(found), len(open_ids)


def _entries(folder: Path, files: list[FileDigest]) -> Iterator[Entry]:
    """The account's lines that fail: the rest is counted in the result."""
    for row in _lines(_bytes(folder, ACCOUNT, files)):
        try:
            category = Category(row["category"])
            saw = ClientSaw(row["saw"]) if row.get("saw") is not None else None
        except (KeyError, ValueError):
            continue
        if category.fails:
            yield Entry(str(row.get("id", "")), category, saw, bool(row.get("present")), str(row.get("where", "")), str(row.get("how", "")))


def _objects(result: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The manifests of what the run created: its account of a new object is the whole of it."""
    applied = result.get("applied")
    changes = applied.get("changes") if isinstance(applied, dict) else None
    for change in changes if isinstance(changes, list) else ():
        diff = change.get("diff") if isinstance(change, dict) else None
        if not isinstance(diff, list) or change.get("change") != "created" or not 3 < len(diff) <= _LARGEST_DIFF:
            continue
        if str(diff[2]).startswith("@@ -0,0 "):
            found = _manifest("\n".join(str(line)[1:] for line in diff[3:] if str(line).startswith("+")))
            if found is not None:
                yield found


def _manifest(text: str) -> Mapping[str, Any] | None:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        # An alias may stand for itself over and over: none of ours has one.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=loader)):
            return None
        found = yaml.load(text, Loader=loader)  # noqa: S506 - a safe loader, the quick one where it is there
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def owner() -> Owner:
    """The names of this machine that no report may hold."""
    words = {socket.gethostname(), socket.gethostname().partition(".")[0], os.environ.get("USER", ""), os.environ.get("LOGNAME", "")}
    with suppress(KeyError, OSError):
        words.add(getpass.getuser())
    folders = [str(Path.home())] if str(Path.home()) not in ("/", "/root") else []
    return Owner(tuple(folders), tuple(sorted(word for word in words if word)))
