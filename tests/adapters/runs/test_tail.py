"""Reading along in the run folder of a load that another process runs: only of the stack that is looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelterctl.adapters.runs.store import RunFolderOnDisk
from shelterctl.adapters.runs.tail import LoadTail
from shelterctl.core.events import LoadTick, TargetChosen

pytestmark = pytest.mark.local

TICK = LoadTick(1.0, 5, 9, 0, 1.0, 2.0, 3.0, 4.0, 0.5, {"app-1": 9})


def load(folder: Path, namespace: str | None) -> RunFolderOnDisk:
    run = RunFolderOnDisk(folder, "loadtest")
    if namespace is not None:
        run.record(TargetChosen("minikube", namespace, "minikube"))
    run.record(TICK)
    return run


def told(folder: Path, namespace: str) -> list[LoadTick]:
    return [tick for _, tick in LoadTail(folder, 60, "minikube", namespace).new()]


def test_the_load_of_another_namespace_is_not_shown(tmp_path: Path) -> None:
    own = load(tmp_path, "one")
    load(tmp_path, "two")
    load(tmp_path, None)
    assert told(tmp_path, "one") == told(tmp_path, "two") == [TICK]
    assert told(tmp_path, "three") == []
    own.finish("loadtest", 0, None)
    assert told(tmp_path, "one") == []


def test_a_damaged_journal_is_no_load(tmp_path: Path) -> None:
    run = load(tmp_path, "one")
    (run.path / "events.jsonl").write_bytes(b"[" * 100_000)
    assert told(tmp_path, "one") == []


def test_a_load_of_a_later_schema_is_not_guessed_at(tmp_path: Path) -> None:
    journal = load(tmp_path, "one").path / "events.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b"shelterctl/1", b"shelterctl/99"))
    assert told(tmp_path, "one") == []
