"""What every run folder does: on disk, and in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from shelterctl.adapters.runs.store import RunFolderOnDisk
from shelterctl.errors import StateFolderError
from shelterctl.ports.runs import RunFolder
from tests.fakes import FolderInMemory

pytestmark = pytest.mark.local

Lines = Callable[[str], list[str]]


class OnDisk:
    """A folder in a temporary folder; a full disk is a journal that cannot be opened."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder = RunFolderOnDisk(tmp_path, "kill-db")

    def lines(self, name: str) -> list[str]:
        path = self.folder.path / name
        return path.read_text().splitlines() if path.exists() else []

    def fill(self) -> None:
        (self.folder.path / "blocked.jsonl").mkdir()


class InMemory:
    def __init__(self, _tmp_path: Path) -> None:
        self.folder = FolderInMemory()

    def lines(self, name: str) -> list[str]:
        return self.folder.journals.get(name, [])

    def fill(self) -> None:
        self.folder.full = True


@pytest.fixture(params=[OnDisk, InMemory])
def held(request: pytest.FixtureRequest, tmp_path: Path) -> OnDisk | InMemory:
    made: OnDisk | InMemory = request.param(tmp_path)
    return made


def test_lines_are_there_at_once_and_in_order(held: OnDisk | InMemory) -> None:
    folder: RunFolder = held.folder
    for number in range(3):
        folder.append_journal("writes.jsonl", f'{{"n": {number}}}')
        assert held.lines("writes.jsonl")[-1] == f'{{"n": {number}}}'
    assert len(held.lines("writes.jsonl")) == 3


def test_journals_are_apart(held: OnDisk | InMemory) -> None:
    held.folder.append_journal("a.jsonl", "1")
    held.folder.append_journal("b.jsonl", "2")
    assert (held.lines("a.jsonl"), held.lines("b.jsonl"), held.lines("c.jsonl")) == (["1"], ["2"], [])


def test_threads_do_not_cut_each_others_lines(held: OnDisk | InMemory) -> None:
    def write(number: int) -> None:
        for _ in range(100):
            held.folder.append_journal("writes.jsonl", str(number) * 200)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(held.lines("writes.jsonl")) == sorted(str(number) * 200 for number in range(4) for _ in range(100))


def test_what_cannot_be_written_is_an_error(held: OnDisk | InMemory) -> None:
    held.fill()
    with pytest.raises(StateFolderError, match="cannot be written"):
        held.folder.append_journal("blocked.jsonl", "1")


def test_a_run_has_a_name(held: OnDisk | InMemory) -> None:
    assert held.folder.run_id.endswith("-kill-db")
    assert isinstance(held.folder.path, Path)
