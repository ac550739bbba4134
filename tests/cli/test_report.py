"""`shelterctl report` as users run it, on run folders of a folder of their own."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import CommandLine
from tests.core.report import folders

pytestmark = pytest.mark.local


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    """A command line in a folder with four runs."""
    found = CommandLine(tmp_path)
    folders.every(found.folder / "work" / ".shelterctl")
    return found


def work(line: CommandLine) -> Path:
    return line.folder / "work"


def runs(line: CommandLine) -> Path:
    return work(line) / ".shelterctl" / "runs"


def verdict(line: CommandLine, file: str) -> tuple[int, str]:
    ran = line.run("report", "--verify", file)
    return ran.code, ran.out


def test_a_page_and_what_holds_it(line: CommandLine) -> None:
    ran = line.run("report", "--author", "A. Student", "--title", "My <stack>")
    assert (ran.code, ran.out.splitlines()[0]) == (0, "Report: shelterctl-report.html"), ran.err
    page = (work(line) / "shelterctl-report.html").read_text()
    assert "<h1>My &lt;stack&gt;</h1>" in page
    assert "A. Student" in page
    assert verdict(line, "shelterctl-report.html")[0] == 0
    # Again, and the same, letter by letter: a report has no time of its own.
    assert line.run("report", "--author", "A. Student", "--title", "My <stack>").code == 0
    assert (work(line) / "shelterctl-report.html").read_text() == page
    # Renamed, it is the same report.
    (work(line) / "shelterctl-report.html").rename(work(line) / "handed in.html")
    assert verdict(line, "handed in.html")[0] == 0


def test_an_edited_folder_is_named(line: CommandLine) -> None:
    assert line.run("report").code == 0
    result = runs(line) / folders.KILL / "result.json"
    result.write_text(result.read_text().replace('"acknowledged": 3', '"acknowledged": 4'))
    (runs(line) / folders.LOAD / "events.jsonl").unlink()
    code, out = verdict(line, "shelterctl-report.html")
    assert code == 6
    assert "2 files of its runs differ" in out
    assert f"{folders.KILL}/result.json has another content" in out
    assert f"{folders.LOAD}/events.jsonl is not there any more" in out


def test_an_edited_report_is_told(line: CommandLine) -> None:
    assert line.run("report").code == 0
    file = work(line) / "shelterctl-report.html"
    page = file.read_text()
    file.write_text(page.replace("3 acknowledged writes", "3,000 acknowledged writes"))
    code, out = verdict(line, "shelterctl-report.html")
    assert (code, "its text is not what they give" in out.replace("\n  ", " ")) == (6, True)
    file.write_text(page.replace("</html>", ""))
    assert verdict(line, "shelterctl-report.html")[0] == 6
    file.write_text(page.replace("shelterctl-report:", "shelterctl-report:AAAA"))
    assert verdict(line, "shelterctl-report.html")[0] == 2


def test_a_report_of_another_machine_holds_here(line: CommandLine) -> None:
    """Its names are left out there, and others here: that is no other text."""
    result = runs(line) / folders.UP / "result.json"
    document = json.loads(result.read_text())
    document["result"]["caveats"] = ["it ran for bertha here, and for carla too"]
    result.write_text(json.dumps(document))
    assert line.run("report", USER="bertha", LOGNAME="bertha").code == 0
    page = (work(line) / "shelterctl-report.html").read_text()
    assert "for (this machine) here" in page
    assert "bertha" not in page
    assert line.run("report", "--verify", "shelterctl-report.html", USER="carla", LOGNAME="carla").code == 0
    (work(line) / "shelterctl-report.html").write_text(page.replace("3 of 3", "4 of 4"))
    assert line.run("report", "--verify", "shelterctl-report.html", USER="carla", LOGNAME="carla").code == 6


def test_a_report_of_another_version_is_not_decided(line: CommandLine) -> None:
    import base64

    assert line.run("report").code == 0
    file = work(line) / "shelterctl-report.html"
    page = file.read_text()
    stamp = page.partition("shelterctl-report:")[2].partition(" ")[0]
    other = json.loads(base64.b64decode(stamp)) | {"version": "99.0"}
    file.write_text(page.replace(stamp, base64.b64encode(json.dumps(other).encode()).decode()))
    code, out = verdict(line, "shelterctl-report.html")
    assert code == 7
    assert out.startswith("UNKNOWN")


def test_markdown_with_its_figures(line: CommandLine) -> None:
    assert line.run("report", "--format", "markdown", "--file", "out/my report.md").code == 0
    figures = sorted(path.name for path in (work(line) / "out" / "my-report-figures").iterdir())
    assert figures == sorted(["stack.svg", f"load-{folders.LOAD}.svg", f"latency-{folders.LOAD}.svg", f"writes-{folders.KILL}.svg"])
    assert "](my-report-figures/stack.svg)" in (work(line) / "out" / "my report.md").read_text()
    assert verdict(line, "out/my report.md")[0] == 0
    figure = work(line) / "out" / "my-report-figures" / "stack.svg"
    figure.write_text(figure.read_text().replace("app", "api"))
    assert "figure stack.svg is not what the run folders give" in verdict(line, "out/my report.md")[1].replace("\n  ", " ")


def test_figures_as_svg_and_png_where_there_is_a_program(line: CommandLine) -> None:
    bin_ = line.folder / "bin"
    bin_.mkdir()
    program = bin_ / "rsvg-convert"
    program.write_text('#!/bin/sh\nfor last; do :; done\nwhile [ "$1" != --output ]; do shift; done\n/bin/cp "$last" "$2"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    ran = line.run("report", "--figures", "drawn", PATH=str(bin_))
    assert ran.code == 0, ran.err
    assert len(list((work(line) / "drawn").glob("*.svg"))) == len(list((work(line) / "drawn").glob("*.png"))) == 4
    without = line.run("report", "--figures", "bare", PATH=str(line.folder))
    assert without.code == 0
    assert "no PNG: rsvg-convert is not on the PATH" in without.out
    assert not list((work(line) / "bare").glob("*.png"))


def test_two_loads_side_by_side(line: CommandLine) -> None:
    other = "20261130-050000-loadtest"
    folders.write(work(line) / ".shelterctl", other, "loadtest", folders.load(), events=folders.load_events())
    ran = line.run("report", "--compare", folders.LOAD, other)
    assert ran.code == 0, ran.err
    assert "Side by side" in (work(line) / "shelterctl-report.html").read_text()
    assert verdict(line, "shelterctl-report.html")[0] == 0
    assert line.run("report", "--compare", other, other).code == 2


def test_the_next_command_means_the_same_runs(line: CommandLine) -> None:
    (work(line) / ".shelterctl").rename(work(line) / "kept")
    ran = line.run("report", "--state-dir", "kept")
    assert "shelterctl report --state-dir kept --verify shelterctl-report.html" in " ".join(ran.out.split())


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--format", "pdf"), 2, "html or markdown"),
        (("nothing-of-that-name",), 2, "no run is called"),
        (("--verify", "absent.html"), 2, "cannot be read"),
        (("--verify", "other.html"), 2, "it has no stamp"),
        (("--verify", "other.html", "--title", "x", folders.UP), 2, "takes no runs"),
        (("--file", "other.html"), 2, "is no report of shelterctl"),
        (("--file", "."), 2, "a folder is in its place"),
        (("--file", "other.html/x.html"), 3, "cannot be written"),
        (("--state-dir", "empty"), 2, "there is no run"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant(line: CommandLine, arguments: tuple[str, ...], code: int, said: str) -> None:
    (work(line) / "other.html").write_text("<p>mine</p>")
    ran = line.run("report", *arguments)
    assert (ran.code, said in " ".join(ran.err.split())) == (code, True), ran.err
    assert (work(line) / "other.html").read_text() == "<p>mine</p>"


PROVING = """
import sys
from types import SimpleNamespace
from shelterctl.cli.commands import prove
from shelterctl.cli.terminal import Terminal
from shelterctl.settings import Settings
session = SimpleNamespace(
    settings=Settings(state_dir=sys.argv[1]),
    folder=SimpleNamespace(run_id=sys.argv[2]),
    terminal=Terminal("table", stdout=sys.stdout, stderr=sys.stderr)
)
prove._report(session)
sys.exit(6)
"""


@pytest.mark.parametrize(("run", "said"), [(folders.PROVE, "Report: "), ("absent", "no report was written (no run is called “absent”")])
def test_prove_ends_as_it_ended_whatever_becomes_of_its_report(line: CommandLine, run: str, said: str) -> None:
    state = work(line) / ".shelterctl"
    claims = [{"claim": "deploy", "verdict": "PASS", "text": "", "run": folders.UP}]
    proof = {
        "context": "minikube",
        "namespace": "shelter",
        "judgement": {"verdict": "PASS", "reasons": []},
        "claims": claims,
        "elapsed_s": 1.0,
    }
    folders.write(state, folders.PROVE, "prove", proof)
    command = [sys.executable, "-c", PROVING, str(state), run]
    ran = subprocess.run(command, env=line.environment({}), cwd=work(line), capture_output=True, text=True, check=False, timeout=60)
    assert (ran.returncode, said in ran.stdout, ran.stderr) == (6, True, ""), ran
    # Nor where nobody reads it any more.
    reader, writer = os.pipe()
    os.close(reader)
    ran = subprocess.run(
        command, env=line.environment({}), cwd=work(line), stdout=writer, stderr=subprocess.PIPE, text=True, check=False, timeout=60
    )
    os.close(writer)
    assert (ran.returncode, ran.stderr) == (6, "")
    if run == folders.PROVE:
        report = ".shelterctl/runs/" + folders.PROVE + "/report.html"
        assert verdict(line, report)[0] == 0
