"""A run's folder as it was read: its result, its events, its account of writes, and what its files hashed to."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shelterctl.core.autoscaling.recording import Recording
from shelterctl.core.events import ClusterEventSeen, Notice, StepFinished, TargetChosen, WatchDropped, WatchRestored
from shelterctl.core.faults.ledger import Entry, WriteOutcome
from shelterctl.core.serial import SCHEMA, from_json


@dataclass(frozen=True, slots=True)
class FileDigest:
    """A file that was read: `run/name`, its size in bytes and the SHA-256 of its bytes."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Told:
    """What a run's events say beside the load, each with its wall time (epoch seconds)."""

    target: TargetChosen | None = None
    steps: tuple[tuple[float, StepFinished], ...] = ()
    notices: tuple[tuple[float, Notice], ...] = ()
    happenings: tuple[tuple[float, ClusterEventSeen], ...] = ()
    watches: tuple[tuple[float, WatchDropped | WatchRestored], ...] = ()
    first_s: float | None = None
    last_s: float | None = None
    damaged: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `result` and `error` are those of result.json; `finished_s` is None where there is no result, and `damage` says why one
    that is there cannot be read.

    `objects` are the manifests that the run created, as its account of the changes has them.
    """

    name: str
    command: str
    exit_code: int | None
    finished_s: float | None
    result: Mapping[str, Any] | None
    error: Mapping[str, Any] | None
    damage: str
    recording: Recording | None
    told: Told
    writes: tuple[WriteOutcome, ...] = ()
    unanswered: int = 0
    entries: tuple[Entry, ...] = ()
    objects: tuple[Mapping[str, Any], ...] = ()
    files: tuple[FileDigest, ...] = ()

    @property
    def kind(self) -> str:
        """The command in one word: up, loadtest, kill-db, dns-check, prove, hpa-simulate, down."""
        return {"chaos kill-db": "kill-db"}.get(self.command, self.command.replace(" ", "-"))

    @property
    def missing(self) -> str:
        """Why there is no result to tell of; empty where there is one."""
        if self.damage:
            return self.damage
        if self.exit_code is None:
            return "it left no result: it is under way, or it was killed"
        if self.error is not None:
            what, why = str(self.error.get("what", "")), str(self.error.get("why", ""))
            return f"{what}: {why}" if why else what or "it ended with an error"
        return "" if self.result is not None else "its result is empty"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a report was made from, and how: enough to make it again. `digest` is over the files' own.

    `version` is that of shelterctl. `format` is html or markdown.
    """

    version: str
    format: str
    title: str
    author: str
    runs: tuple[str, ...]
    compared: tuple[str, ...]
    files: tuple[FileDigest, ...]
    digest: str
    schema: str = SCHEMA


def digest_of(files: Iterable[FileDigest]) -> str:
    """SHA-256 over names, sizes and contents' digests, sorted by name: the same for the same folders."""
    total = hashlib.sha256()
    for file in sorted(files, key=lambda item: item.path):
        total.update(f"{file.path}\0{file.size}\0{file.sha256}\n".encode("utf-8", "surrogatepass"))
    return total.hexdigest()


def written(stamp: Stamp) -> str:
    """The stamp in a form that no page can be broken by."""
    from shelterctl.core.serial import to_json

    return base64.b64encode(json.dumps(to_json(stamp), sort_keys=True, separators=(",", ":")).encode("ascii")).decode("ascii")


def read_stamp(text: str) -> Stamp:
    """Raises ValueError for what is none."""
    try:
        value = json.loads(base64.b64decode(text, validate=True))
    except (ValueError, RecursionError) as error:
        raise ValueError("its stamp cannot be read") from error
    stamp = from_json(Stamp, value)
    texts: Sequence[object] = (stamp.version, stamp.format, stamp.title, stamp.author, stamp.digest, *stamp.runs, *stamp.compared)
    if stamp.schema != SCHEMA or not all(isinstance(item, str) for item in texts):
        raise ValueError("its stamp is not of this version")
    if not all(isinstance(file.path, str) and isinstance(file.sha256, str) and isinstance(file.size, int) for file in stamp.files):
        raise ValueError("its stamp is not of this version")
    return stamp


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that is not what it was: `how` says in which way."""

    path: str
    how: str


def changes(then: Iterable[FileDigest], now: Iterable[FileDigest]) -> tuple[FileChange, ...]:
    """What differs between the files that a report was made from and those that are there."""
    before, after = {file.path: file for file in then}, {file.path: file for file in now}
    found = []
    for path in sorted(before.keys() | after.keys()):
        if path not in after:
            found.append(FileChange(path, "is not there any more"))
        elif path not in before:
            found.append(FileChange(path, "was not there when the report was made"))
        elif before[path].sha256 != after[path].sha256:
            size = f", {before[path].size:,} bytes then and {after[path].size:,} now" if before[path].size != after[path].size else ""
            found.append(FileChange(path, f"has another content{size}"))
    return tuple(found)
