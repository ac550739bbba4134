"""Every command's help, word for word. `python -m tests.cli.test_help` writes the expected texts anew; read the difference."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from shelterctl import __version__
from tests.cli.running import CommandLine, Ran

pytestmark = pytest.mark.local

EXPECTED = Path(__file__).with_name("help")
COMMANDS = (
    (),
    ("inspect",),
    ("init",),
    ("up",),
    ("prove",),
    ("status",),
    ("status", "watch"),
    ("loadtest",),
    ("hpa",),
    ("hpa", "explain"),
    ("hpa", "replay"),
    ("hpa", "simulate"),
    ("hpa", "recommend"),
    ("chaos",),
    ("chaos", "kill-db"),
    ("dns",),
    ("dns", "check"),
    ("doctor",),
    ("explain",),
    ("url",),
    ("logs",),
    ("report",),
    ("runs",),
    ("runs", "list"),
    ("runs", "show"),
    ("new",),
    ("down",),
    ("version",),
)


def expected(command: tuple[str, ...]) -> Path:
    return EXPECTED / ("-".join(("shelterctl", *command)) + ".txt")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command) or "shelterctl")
def test_help(shelterctl: CommandLine, command: tuple[str, ...]) -> None:
    assert shelterctl.run(*command, "--help") == Ran(0, expected(command).read_text(encoding="utf-8"), "")


def test_the_short_flag_is_the_same(shelterctl: CommandLine) -> None:
    assert shelterctl.run("up", "-h") == shelterctl.run("up", "--help")


@pytest.mark.parametrize("command", [(), ("hpa",), ("chaos",), ("dns",), ("runs",)])
def test_a_group_without_a_command_shows_its_help_as_a_usage_error(shelterctl: CommandLine, command: tuple[str, ...]) -> None:
    ran = shelterctl.run(*command)
    assert ran.code == 2
    assert ran.err.rstrip() == expected(command).read_text(encoding="utf-8").rstrip()


def test_every_command_is_here() -> None:
    """A command that is added gets its help tested."""
    listed = {
        line.split()[0]
        for line in expected(()).read_text(encoding="utf-8").partition("Commands:\n")[2].splitlines()
        if line.startswith("  ") and line[2].islower()
    }
    assert listed == {command[0] for command in COMMANDS if command}


def test_examples_are_of_the_command_itself() -> None:
    for command in COMMANDS:
        if command and command not in (("chaos",), ("dns",), ("runs",)):
            examples = [line.strip() for line in expected(command).read_text().splitlines() if line.strip().startswith("shelterctl ")]
            assert all(example.startswith(f"shelterctl {command[0]}") for example in examples), command


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_version(shelterctl: CommandLine, flag: str) -> None:
    assert shelterctl.run(flag) == Ran(0, f"shelterctl {__version__}\n", "")


def write() -> None:
    """Writes what the commands say now."""
    EXPECTED.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        command_line = CommandLine(Path(folder))
        for command in COMMANDS:
            ran = command_line.run(*command, "--help")
            assert ran.code == 0, ran.err
            expected(command).write_text(ran.out, encoding="utf-8")


if __name__ == "__main__":
    write()
