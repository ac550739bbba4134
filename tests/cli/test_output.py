"""Where output goes: to readers who leave, to full disks, to narrow terminals and to none at all."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from shelterctl.cli.app import app
from shelterctl.cli.front_page import front_page
from tests.cli.running import TIMEOUT_S, CommandLine, Ran

pytestmark = pytest.mark.local

FULL = Path("/dev/full")


def unread(shelterctl: CommandLine, arguments: list[str]) -> tuple[int, str]:
    """Runs a command whose output nobody reads; its exit code and what it said on standard error."""
    process = subprocess.Popen(
        [sys.executable, "-c", f"import time; time.sleep(0.5); from shelterctl.cli.app import main; raise SystemExit(main({arguments!r}))"],
        cwd=shelterctl.folder / "work",
        env=shelterctl.environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process.stderr:
        said = process.stderr.read()
    return process.wait(timeout=TIMEOUT_S), said


@pytest.mark.parametrize("arguments", [["runs", "list"], ["runs", "list", "-o", "json"]])
def test_a_reader_who_has_read_enough(shelterctl: CommandLine, arguments: list[str]) -> None:
    """`| head` closes the pipe; that is no error, and no traceback."""
    assert unread(shelterctl, arguments) == (0, "")


def test_an_operation_that_nobody_reads_is_broken_off_and_is_no_success(shelterctl: CommandLine) -> None:
    code, said = unread(shelterctl, ["down", "--context", "gone", "--yes", "-o", "jsonl"])
    assert code == 130
    assert "✗ down was broken off: nobody reads its output any more" in said
    assert "Traceback" not in said


def test_signs_that_a_terminal_cannot_show(shelterctl: CommandLine) -> None:
    ran = shelterctl.run("runs", "show", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert ran == Ran(2, "", "\\u2717 there is no run in .shelterctl/runs\n  Next: shelterctl prove\n")


# On a terminal.


def test_forty_columns(shelterctl: CommandLine) -> None:
    ran = shelterctl.on_terminal("loadtest", "--users", "200", "--duration", "5s", columns=40)
    assert ran.code == 2
    assert re.sub(r"\x1b\[[0-9;]*m", "", ran.out) == (
        "✗ --users 200 at --spawn-rate 20 take\n"
        "  10 s to start, and the run ends after\n"
        "  5 s: ask for a longer --duration or a\n"
        "  higher --spawn-rate\n"
        "  Next: shelterctl loadtest --help\n"
    )


def test_help_on_forty_columns(shelterctl: CommandLine) -> None:
    """The parser itself never writes narrower than 50 columns."""
    ran = shelterctl.on_terminal("chaos", "kill-db", "--help", columns=40)
    assert ran.code == 0
    assert max(len(line) for line in ran.out.splitlines()) <= 55


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["up", "--help"], ["runs", "list"], ["runs", "list", "-o", "json"], ["version", "-o", "jsonl"]]
)
def test_a_full_disk_behind_standard_output(shelterctl: CommandLine, arguments: list[str]) -> None:
    ran = shelterctl.run(*arguments, stdout=FULL)
    assert ran.code == 3
    assert "cannot be written" in ran.err
    assert "No space left on device" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("arguments", ["--help", "--version", "up --help", "runs list", "runs list -o json"])
def test_standard_output_that_the_shell_closed(shelterctl: CommandLine, arguments: str) -> None:
    command = f"exec {sys.executable} -m shelterctl {arguments} >&-"
    done = subprocess.run(
        ["sh", "-c", command], cwd=shelterctl.folder / "work", env=shelterctl.environment({}), stderr=subprocess.PIPE, check=False,
        timeout=TIMEOUT_S,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("columns", [20, 40, 52, 53, 60, 79, 80, 81, 200])
def test_the_front_page_is_the_page_that_typer_writes(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert shutil.get_terminal_size().columns == columns
    command = typer.main.get_command(app)
    with command.make_context("shelterctl", [], resilient_parsing=True) as context:
        assert front_page() == command.get_help(context) + "\n"
