"""The commands by name, each imported when it is run: a list of commands should not cost the building of every one of them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import typer
from typer.core import TyperGroup

CONTEXT_SETTINGS = {"help_option_names": ["-h", "--help"]}


@dataclass(frozen=True, slots=True)
class Entry:
    """A command: its module under `commands`, its function there, its line in the list. `subcommands` maps names to functions.

    With `alone`, a group does something without a subcommand too.
    """

    module: str
    function: str
    summary: str
    subcommands: Mapping[str, str] = field(default_factory=dict)
    alone: bool = False


#: In the order in which a newcomer needs them.
ENTRIES: Mapping[str, Entry] = {
    "up": Entry("up", "command", "Build, load, apply, wait, and prove that what was built answers."),
    "status": Entry("status", "command", "The stack in one screen; `watch` follows it live.", {"watch": "watch"}, alone=True),
    "loadtest": Entry("loadtest", "command", "A Locust swarm, and what the HPA does under it."),
    "chaos": Entry("chaos", "group", "Faults, with an account of every write: kill-db.", {"kill-db": "kill_db"}),
    "dns": Entry("dns", "group", "DNS, asked from a pod of the application: check.", {"check": "check"}),
    "doctor": Entry("doctor", "command", "Every prerequisite and every known trap, and what mends it."),
    "url": Entry("url", "command", "Where the service answers."),
    "logs": Entry("logs", "command", "The logs of the application or the database."),
    "runs": Entry("runs", "group", "What earlier runs found: list, show.", {"list": "list_", "show": "show"}),
    "down": Entry("down", "command", "Remove what `up` made; the data stay."),
    "version": Entry("version", "command", "The versions of shelterctl and of what it works with."),
}


class LazyGroup(TyperGroup):
    """A group whose commands are built when they are asked for."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        # The names alone: suggestions for a mistyped command read them.
        self.commands = dict.fromkeys(ENTRIES)  # type: ignore[assignment]

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the parser's signature, here and below
        return list(ENTRIES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        entry = ENTRIES.get(cmd_name)
        return None if entry is None else build(cmd_name, entry)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in ENTRIES.items()])


def build(name: str, entry: Entry) -> Any:
    """The command, or the group with its commands."""
    module = importlib.import_module(f"shelterctl.cli.commands.{entry.module}")
    function = getattr(module, entry.function)
    part = typer.Typer(
        name=name, context_settings=CONTEXT_SETTINGS, rich_markup_mode=None, add_completion=False, no_args_is_help=not entry.alone
    )
    if not entry.subcommands:
        part.command(name)(function)
        return typer.main.get_command(part)
    part.callback(invoke_without_command=entry.alone)(function)
    for command, attribute in entry.subcommands.items():
        part.command(command)(getattr(module, attribute))
    return typer.main.get_command(part)
