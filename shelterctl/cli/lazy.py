"""The commands by name, each imported when it is run: a list of commands should not cost the building of every one of them."""

from __future__ import annotations

import importlib
from typing import Any

import typer
from typer.core import TyperGroup

from shelterctl.cli.front_page import ENTRIES, Entry

CONTEXT_SETTINGS = {"help_option_names": ["-h", "--help"]}


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
    for command, attribute in (entry.subcommands or {}).items():
        part.command(command)(getattr(module, attribute))
    return typer.main.get_command(part)
