"""Reads along in the run folder of a load that another process runs."""

from __future__ import annotations

import time
from dataclasses import fields
from pathlib import Path
from typing import Any

from shelterctl.adapters.runs.store import EVENTS, RESULT, parse
from shelterctl.core.events import LoadTick
from shelterctl.core.serial import unreadable

#: A journal that is first seen is read from here before its end: the last seconds, whatever its size.
_TAIL_BYTES = 65_536
_LOOKED_AT = 5


class LoadTail:
    """The seconds of load that the newest `*-loadtest` run on one stack has written since the last look.

    Whatever cannot be read is no load.
    """

    def __init__(self, state_dir: Path, fresh_s: float, context: str, namespace: str) -> None:
        self._stack = (context, namespace)
        self._runs = state_dir / "runs"
        self._fresh_s = fresh_s
        self._journal: Path | None = None
        self._offset = 0
        self._rest = b""

    def new(self) -> list[tuple[float, LoadTick]]:
        """The new ones that are fresh, each with its wall time (epoch seconds)."""
        journal = self._newest()
        if journal is None:
            return []
        try:
            with journal.open("rb") as file:
                if journal != self._journal:
                    size = file.seek(0, 2)
                    self._journal, self._offset, self._rest = journal, max(0, size - _TAIL_BYTES), b""
                file.seek(self._offset)
                data = file.read()
        except OSError:
            return []
        self._offset += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        oldest_s = time.time() - self._fresh_s
        return [found for line in lines if (found := _tick(line)) is not None and found[0] >= oldest_s]

    def _newest(self) -> Path | None:
        """The newest load on the stack that has not ended."""
        try:
            folders = sorted(self._runs.glob("*-loadtest*"), key=lambda path: path.name, reverse=True)
        except OSError:
            return None
        # The newest few: of those that were killed every one stays without a result.
        going = (folder / EVENTS for folder in folders[:_LOOKED_AT] if not (folder / RESULT).exists())
        return next((journal for journal in going if _target(journal) == self._stack), None)


def _target(journal: Path) -> tuple[str, str] | None:
    """Where a load goes, by its first event; None for a service that is no stack's."""
    try:
        with journal.open("rb") as file:
            entry: Any = parse(file.readline(4096))
        known = entry["kind"] == "target_chosen" and not unreadable(entry["schema"])
        return (str(entry["context"]), str(entry["namespace"])) if known else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _tick(line: bytes) -> tuple[float, LoadTick] | None:
    """None for another event, a line that was cut off, or one of another version."""
    if b'"load_tick"' not in line:
        return None
    try:
        entry: Any = parse(line)
        if unreadable(entry["schema"]):
            return None
        return float(entry["wall_s"]), LoadTick(**{field.name: entry[field.name] for field in fields(LoadTick)})
    except (ValueError, KeyError, TypeError):
        return None
