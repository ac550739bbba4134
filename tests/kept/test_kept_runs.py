"""Runs that earlier releases left are read by this one; what a later release left is told, and nothing of it is guessed."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from pathlib import Path

import pytest

from shelterctl.adapters.runs.evidence import read_run
from tests.cli.running import CommandLine

pytestmark = pytest.mark.local

HERE = Path(__file__).resolve().parent
VERSIONS = sorted(path.name for path in HERE.glob("shelterctl-*"))
#: The load on minikube: 2 → 4 replicas, an autoscaler with a measurement a minute.
LOAD = "20261130-032812-loadtest"
#: Kills under writes, with an account, and where nothing can be written.
KILL, KILL_UNWRITTEN = "20261130-042644-kill-db", "20261130-095036-kill-db"


def unpack(version: str, state: Path) -> Path:
    """A state folder with the kept runs of a version; returns the folder of the runs."""
    shutil.copytree(HERE / version, state / "runs")
    for packed in (state / "runs").rglob("*.gz"):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    return state / "runs"


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path)


@pytest.fixture(params=VERSIONS)
def runs(request: pytest.FixtureRequest, line: CommandLine) -> Path:
    return unpack(request.param, line.folder / "work" / ".shelterctl")


def test_every_kind_is_kept() -> None:
    for version in VERSIONS:
        kinds = {path.name[16:] for path in (HERE / version).iterdir()}
        assert kinds >= {"prove", "up", "loadtest", "kill-db", "dns-check", "hpa-simulate", "down"}


def test_they_hold_nothing_of_the_machine_that_made_them() -> None:
    for file in (path for path in HERE.rglob("*") if path.is_file() and path.suffix != ".py"):
        text = (gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()).decode("utf-8")
        strange = set(re.findall(r"(?<![\w.:/-])/(?:home|root|work|farm|Users|tmp/)[\w/.-]*", text))
        assert {path for path in strange if not path.startswith("/home/user/")} == set(), file
        assert set(re.findall(r'"node": "([^"]*)"', text)) <= {"minikube", "host", ""}, file


def test_the_list_has_each_with_its_end(line: CommandLine, runs: Path) -> None:
    ran = line.run("runs", "list", "--output", "json")
    assert ran.code == 0, ran.err
    listed = {row["run"]: row for row in json.loads(ran.out)["result"]}
    assert listed.keys() == {path.name for path in runs.iterdir()}
    for name, row in listed.items():
        document = json.loads((runs / name / "result.json").read_text())
        judgement = (document["result"] or {}).get("judgement", {"verdict": ""})
        assert (row["exit_code"], row["verdict"], row["damage"]) == (document["exit_code"], judgement["verdict"], "")
        assert row["command"] == document["command"]


def test_each_is_shown_as_it_was_printed(line: CommandLine, runs: Path) -> None:
    for run in sorted(runs.iterdir()):
        ran = line.run("runs", "show", run.name, COLUMNS="400")
        assert ran.code == 0, ran.err
        first = next(text for text in (run / "result.txt").read_text().splitlines() if text.strip())
        assert first.strip() in ran.out
        assert "damaged" not in ran.out
    ran = line.run("runs", "show", KILL, "--writes")
    assert ran.code == 0
    assert ran.out.count("acknowledged  there  ok") == 169
    # The newest of all has none: `last` is the newest that has what is asked for.
    assert max(run.name for run in runs.iterdir()) != KILL
    assert line.run("runs", "show", "last", "--writes") == ran
    assert line.run("runs", "show", LOAD, "--writes").out.startswith("This run has no account of writes.   Next: ")
    last_load = max(run.name for run in runs.iterdir() if run.name.endswith("-loadtest"))
    assert line.run("runs", "show", "last", "--output", "csv") == line.run("runs", "show", last_load, "--output", "csv")
    ran = line.run("runs", "show", LOAD, "--output", "csv")
    assert (ran.code, len(ran.out.splitlines()) > 200) == (0, True)


def test_a_report_tells_all_of_them(line: CommandLine, runs: Path) -> None:
    ran = line.run("report", "--format", "markdown", *(path.name for path in sorted(runs.iterdir())))
    assert ran.code == 0, ran.err
    page = (line.folder / "work" / "shelterctl-report.md").read_text()
    assert all(run.name in page.replace("\\", "") for run in runs.iterdir())
    assert "28,120 requests" in page
    assert "169" in page
    assert "44 of 44 as expected" in page
    assert "cannot be read" not in page
    assert line.run("report", "--verify", "shelterctl-report.md").code == 0


def test_every_event_and_write_is_read(runs: Path) -> None:
    for run in runs.iterdir():
        found = read_run(run)
        assert (found.damage, found.told.damaged) == ("", 0)
        if run.name == KILL:
            assert (len(found.writes), found.unanswered) == (170, 0)


def test_the_load_goes_through_the_controllers_rules(line: CommandLine, runs: Path) -> None:
    ran = line.run("hpa", "replay", LOAD, "--output", "json")
    assert ran.code == 0, ran.err
    result = json.loads(ran.out)["result"]
    assert result["run"] == LOAD
    assert "2 of 2 decisions" in line.run("hpa", "replay", LOAD).out
    assert line.run("hpa", "simulate", LOAD, "--target", "50").code == 0


@pytest.fixture
def later(line: CommandLine) -> Path:
    """The newest kept runs as a later schema would name itself, and a field that means something else in it."""
    runs = unpack(VERSIONS[-1], line.folder / "work" / ".shelterctl")
    for file in [*runs.rglob("*.json"), *runs.rglob("*.jsonl")]:
        text = re.sub(r'"schema": "shelterctl/\d+"', '"schema": "shelterctl/99"', file.read_text())
        file.write_text(text.replace('"verdict": "UNKNOWN"', '"verdict": "PASS"'))
    return runs


def test_a_later_schema_is_told_by_the_list_and_by_show(line: CommandLine, later: Path) -> None:
    listed = json.loads(line.run("runs", "list", "--output", "json").out)["result"]
    assert {(row["exit_code"], row["verdict"]) for row in listed} == {(None, "")}
    assert all("schema shelterctl/99, and this shelterctl reads shelterctl/1" in row["damage"] for row in listed)
    for run in sorted(later.iterdir())[:3]:
        ran = line.run("runs", "show", run.name, COLUMNS="400")
        assert (ran.code, "damaged: result.json is not read: it is of schema shelterctl/99" in ran.out) == (0, True)
        assert "PASS" not in ran.out
        assert "shelterctl/99" in json.loads(line.run("runs", "show", run.name, "--output", "json").out)["damage"]
    ran = line.run("runs", "show", KILL, "--writes")
    assert (ran.code, "shelterctl/99" in ran.err) == (2, True)


def test_a_later_schema_is_not_replayed(line: CommandLine, later: Path) -> None:
    ran = line.run("hpa", "replay", LOAD)
    assert (ran.code, "schema shelterctl/99" in ran.err) == (2, True)
    assert line.run("runs", "show", LOAD, "--output", "csv").code == 2


def test_a_report_of_a_later_schema_passes_nothing(line: CommandLine, later: Path) -> None:
    ran = line.run("report", "--format", "markdown", *(path.name for path in sorted(later.iterdir())))
    assert ran.code == 0, ran.err
    page = (line.folder / "work" / "shelterctl-report.md").read_text()
    assert "PASS" not in page
    assert "schema shelterctl/99" in page
    found = [read_run(run) for run in later.iterdir()]
    assert {(run.result is None, run.recording, run.writes, run.entries) for run in found} == {(True, None, (), ())}
