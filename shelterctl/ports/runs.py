"""The folder of one run."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class RunFolder(Protocol):
    """A run's folder: `events.jsonl`, `result.json` and what else the run writes."""

    @property
    def run_id(self) -> str: ...

    @property
    def path(self) -> Path: ...

    def append_journal(self, name: str, line: str) -> None:
        """Appends a line to a journal and hands it to the operating system before it returns."""
