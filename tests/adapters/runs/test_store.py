"""Run folders on a real disk: whole lines, whole results, and plain words where the disk says no."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from shelterctl.adapters.runs.store import (
    RunFolderOnDisk,
    RunSummary,
    damage,
    find_run,
    list_runs,
    read_journal,
    read_result,
    read_text,
)
from shelterctl.core.events import Notice
from shelterctl.core.serial import SCHEMA
from shelterctl.errors import StateFolderError, UsageError
from tests.core.stack_examples import NOW

pytestmark = pytest.mark.local


def made(tmp_path: Path, name: str, document: object = None) -> Path:
    folder = tmp_path / "runs" / name
    folder.mkdir(parents=True)
    if document is not None:
        named = {"schema": SCHEMA, **document} if isinstance(document, dict) else document
        (folder / "result.json").write_text(json.dumps(named))
    return folder


def test_a_run_leaves_its_events_and_its_result(tmp_path: Path) -> None:
    folder = RunFolderOnDisk(tmp_path, "up")
    folder.record(Notice("ü [pod]"))
    folder.finish("up", 0, {"changed": True})
    folder.close()
    (event,) = read_journal(folder.path, "events.jsonl")
    assert {k: v for k, v in event.items() if k not in ("wall_s", "monotonic_s")} == {
        "schema": "shelterctl/1",
        "kind": "notice",
        "text": "ü [pod]",
        "level": "info",
    }
    result = read_result(folder.path)
    assert result is not None
    assert {k: result[k] for k in ("schema", "run", "command", "exit_code", "result", "error")} == {
        "schema": "shelterctl/1",
        "run": folder.run_id,
        "command": "up",
        "exit_code": 0,
        "result": {"changed": True},
        "error": None,
    }
    assert sorted(path.name for path in folder.path.iterdir()) == ["events.jsonl", "result.json", "result.txt"]


def test_two_runs_in_one_second_have_folders_of_their_own(tmp_path: Path) -> None:
    folders = [RunFolderOnDisk(tmp_path, "up") for _ in range(4)]
    assert len({folder.run_id for folder in folders}) == 4


def test_a_line_is_with_the_operating_system_at_once(tmp_path: Path) -> None:
    folder = RunFolderOnDisk(tmp_path, "up")
    folder.append_journal("writes.jsonl", '{"id": 1}')
    assert (folder.path / "writes.jsonl").read_bytes() == b'{"id": 1}\n'


def test_lines_of_many_threads_stay_whole(tmp_path: Path) -> None:
    folder = RunFolderOnDisk(tmp_path, "up")

    def write(number: int) -> None:
        for sequence in range(200):
            folder.append_journal("writes.jsonl", json.dumps({"w": number, "s": sequence, "padding": "x" * 300}))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [(line["w"], line["s"]) for line in read_journal(folder.path, "writes.jsonl")]
    assert sorted(found, key=str) == sorted(((w, s) for w in range(8) for s in range(200)), key=str)


def test_a_text_that_is_no_unicode_is_kept_readable(tmp_path: Path) -> None:
    folder = RunFolderOnDisk(tmp_path, "up")
    folder.record(Notice("file \udce9"))
    folder.finish("up", 0, "file \udce9")
    (event,) = (folder.path / "events.jsonl").read_text().splitlines()
    assert "file \\udce9" in event
    assert read_result(folder.path) is not None


@pytest.mark.parametrize("tail", [b'{"id": 2', '{"id": "ü'.encode()[:-1], b"\xff\n", b"\x00\x00", b"[]\n", b"\n"])
def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path, tail: bytes) -> None:
    (tmp_path / "j.jsonl").write_bytes(b'{"id": 0}\n{"id": 1}\n' + tail)
    assert list(read_journal(tmp_path, "j.jsonl")) == [{"id": 0}, {"id": 1}]


def test_a_journal_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    assert list(read_journal(tmp_path, "writes.jsonl")) == []


def test_a_journal_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "writes.jsonl").mkdir()
    with pytest.raises(StateFolderError, match="cannot be read"):
        list(read_journal(tmp_path, "writes.jsonl"))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'"text"'])
def test_a_result_that_cannot_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "result.json").write_bytes(content)
    assert read_result(tmp_path) is None


def test_what_a_run_writes_is_its_users_alone(tmp_path: Path) -> None:
    folder = RunFolderOnDisk(tmp_path, "up")
    folder.append_journal("writes.jsonl", "{}")
    folder.finish("up", 0, None, text=["done"])
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in folder.path.iterdir()} == {
        "writes.jsonl": "0o600",
        "result.txt": "0o600",
        "result.json": "0o600",
    }


DAMAGED = {
    "no UTF-8": (b'{"exit_code": 0, "command": "\xff"}', "it is not UTF-8"),
    "deep": (b"[" * 200_000, "it is nested too deeply"),
    "no number": (b'{"finished_wall_s": NaN}', "NaN is no number"),
    "endless": (b'{"finished_wall_s": 1e999}', "1e999 is no number"),
    "long": (b'{"exit_code": ' + b"9" * 5000 + b"}", "Exceeds the limit"),
    "cut off": (b'{"exit_code": 0', "Expecting"),
    "something else": (b"[]", "not an object"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_run_is_named_and_passed_over(tmp_path: Path, kind: str) -> None:
    content, why = DAMAGED[kind]
    broken, well = RunFolderOnDisk(tmp_path, "up"), RunFolderOnDisk(tmp_path, "status")
    well.finish("status", 0, None)
    (broken.path / "result.json").write_bytes(content)
    (broken.path / "result.txt").write_bytes(b"\xff")
    (broken.path / "events.jsonl").write_bytes(content + b'\n{"kind": "notice"}\n')
    by_run = {run.run: run for run in list_runs(tmp_path)}
    assert why in by_run[broken.run_id].damage
    assert (by_run[broken.run_id].exit_code, by_run[well.run_id].damage) == (None, "")
    assert why in damage(broken.path)
    assert read_result(broken.path) is None
    assert read_text(broken.path) == ("\\xff",)
    assert list(read_journal(broken.path, "events.jsonl")) == [{"kind": "notice"}]


def test_the_list_of_runs(tmp_path: Path) -> None:
    judged = {"judgement": {"verdict": "FAIL"}}
    made(tmp_path, "20261121-120655-kill-db", {"command": "chaos kill-db", "exit_code": 6, "finished_wall_s": NOW, "result": judged})
    made(tmp_path, "20261121-120000-up-2")
    made(tmp_path, "20261121-120700-down", {"exit_code": 0, "result": None})
    assert list_runs(tmp_path) == [
        RunSummary("20261121-120000-up-2", "up", None, "", None),
        RunSummary("20261121-120655-kill-db", "chaos kill-db", 6, "FAIL", NOW),
        RunSummary("20261121-120700-down", "down", 0, "", None),
    ]
    assert list_runs(tmp_path / "absent") == []


def test_finding_a_run(tmp_path: Path) -> None:
    first, second = made(tmp_path, "20261121-120000-up"), made(tmp_path, "20261121-120655-kill-db")
    assert find_run(tmp_path, "last") == second
    assert find_run(tmp_path, "20261121-120000-up") == first
    assert find_run(tmp_path, "20261121-1206") == second


def tagged(tmp_path: Path, name: str, tag: str) -> Path:
    folder = made(tmp_path, name)
    (folder / "tag.txt").write_text(f"{tag}\n")
    return folder


def test_a_run_is_found_by_its_tag_and_of_several_the_newest(tmp_path: Path) -> None:
    tagged(tmp_path, "20261121-120000-loadtest", "before")
    # A load that was killed has its tag, too, and one of an earlier release has it in its result.
    second = tagged(tmp_path, "20261121-120100-loadtest", "before")
    third = made(tmp_path, "20261121-120200-loadtest-2", {"command": "loadtest", "exit_code": 0, "result": {"plan": {"tag": "after"}}})
    made(tmp_path, "20261121-120300-hpa-simulate", {"result": {"plan": {"tag": "after"}}})
    made(tmp_path, "20261121-120400-loadtest", {"result": {"plan": None}})
    assert find_run(tmp_path, "before") == second
    assert find_run(tmp_path, "after") == third
    assert [run.tag for run in list_runs(tmp_path)] == ["before", "before", "after", "", ""]


def test_a_name_that_is_a_runs_own_is_that_run(tmp_path: Path) -> None:
    first = made(tmp_path, "20261121-120000-up")
    second = tagged(tmp_path, "20271121-120100-loadtest", "20261121-120000-up")
    tagged(tmp_path, "20281121-120100-loadtest", "2026")
    third = tagged(tmp_path, "20281121-120200-loadtest", "2028")
    assert find_run(tmp_path, "20261121-120000-up") == first
    assert find_run(tmp_path, "2026") == first
    assert find_run(tmp_path, "2027") == second
    # Two begin so, and one is called so.
    assert find_run(tmp_path, "2028") == third


def test_the_tag_is_there_before_anything_is_done(tmp_path: Path) -> None:
    folder = RunFolderOnDisk(tmp_path, "loadtest")
    folder.tag("über-1")
    folder.close()
    assert find_run(tmp_path, "über-1") == folder.path
    assert (folder.path / "tag.txt").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("befor", "no run is called “befor” (did you mean before?)"),
        ("", "2 runs are called “”"),
        ("2026", "2 runs are called “2026”"),
        ("20261121-120001-up", "no run is called “20261121-120001-up” (did you mean 20261121-120000-up?)"),
        ("zzz", "no run is called “zzz”"),
    ],
)
def test_a_run_that_is_not_found(tmp_path: Path, name: str, words: str) -> None:
    made(tmp_path, "20261121-120000-up")
    tagged(tmp_path, "20261121-120655-kill-db", "before")
    with pytest.raises(UsageError) as caught:
        find_run(tmp_path, name)
    assert caught.value.what == words


def test_where_there_is_no_run_none_is_found(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no run in"):
        find_run(tmp_path, "last")


def test_a_state_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(StateFolderError, match="state cannot be written") as caught:
        RunFolderOnDisk(tmp_path / "state", "up")
    assert caught.value.next_command == "name another folder with --state-dir"


def test_a_run_folder_that_went_away(tmp_path: Path) -> None:
    folder = RunFolderOnDisk(tmp_path, "up")
    folder.path.rmdir()
    with pytest.raises(StateFolderError):
        folder.append_journal("events.jsonl", "{}")
    with pytest.raises(StateFolderError):
        folder.finish("up", 0, None)


#: A process in which no file may grow beyond 1000 bytes: what a full disk does, without filling one.
FULL = """
import resource, signal, sys
from pathlib import Path
from shelterctl.adapters.runs.store import RunFolderOnDisk, read_journal
from shelterctl.errors import StateFolderError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
folder = RunFolderOnDisk(Path(sys.argv[1]), "kill-db")
written = 0
try:
    while True:
        folder.append_journal("writes.jsonl", '{"padding": "%s"}' % ("x" * 60))
        written += 1
except StateFolderError as error:
    print(error.what.endswith("cannot be written"), error.why, written, len(list(read_journal(folder.path, "writes.jsonl"))))
try:
    folder.finish("kill-db", 0, ["x" * 2000])
except StateFolderError as error:
    print(error.why, (folder.path / "result.json").exists())
"""


def test_a_disk_that_is_full_is_told_and_loses_no_line_that_was_written(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "True File too large 13 13\nFile too large False\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(StateFolderError, match="Permission denied"):
        RunFolderOnDisk(tmp_path / "state", "up")
