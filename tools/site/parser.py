"""The commands as the real parser has them: for the reference pages, the manual page, and the test that holds pages to it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import typer

from shelterctl.cli.app import app
from shelterctl.cli.front_page import ENTRIES
from shelterctl.cli.lazy import build

_VALUES = {"str": "TEXT", "int": "INTEGER", "float": "NUMBER"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """An argument or an option. `spelled` is as people write it, with its value's name; `common` is one that every command has."""

    name: str
    spelled: str
    help: str
    argument: bool
    common: bool


@dataclass(frozen=True, slots=True)
class Command:
    """One command, `words` as it is called; `examples` are lines of its help."""

    words: str
    summary: str
    text: str
    examples: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    parsed: Any

    @property
    def usage(self) -> str:
        arguments = " ".join(parameter.spelled for parameter in self.parameters if parameter.argument)
        return f"shelterctl {self.words} [OPTIONS]{' ' if arguments else ''}{arguments}"

    @property
    def anchor(self) -> str:
        """Of its heading, `shelterctl WORDS`, in a page."""
        return f"shelterctl-{self.words.replace(' ', '-')}"


def commands() -> Iterator[Command]:
    """Every command that does something by itself, in the order of `shelterctl --help`."""
    for name, entry in ENTRIES.items():
        built = build(name, entry)
        if entry.alone or not entry.subcommands:
            yield _command(name, entry.summary, built)
        for word in entry.subcommands or {}:
            sub = built.commands[word]
            yield _command(f"{name} {word}", "", sub)


def _command(words: str, summary: str, parsed: Any) -> Command:
    prose, _, rest = inspect.cleandoc(parsed.help or "").partition("\b")
    # Some have a second block of lines, such as what a mix may be.
    examples = tuple(line.strip() for line in rest.splitlines() if line.strip().startswith("shelterctl "))
    text = " ".join(prose.split())
    parameters = tuple(_parameter(one) for one in parsed.params if one.name not in ("help", "install_completion", "show_completion"))
    return Command(words, summary or text.partition(". ")[0].rstrip(".") + ".", text, examples, parameters, parsed)


def _parameter(one: Any) -> Parameter:
    argument = one.param_type_name == "argument"
    if argument:
        spelled = one.metavar or (one.name.upper() if one.required else f"[{one.name.upper()}]")
    else:
        value = "" if one.is_flag else f" {one.metavar or _VALUES.get(one.type.name, one.type.name.upper())}"
        spelled = ", ".join((*sorted(one.opts, key=len), *one.secondary_opts)) + value
    text = " ".join((getattr(one, "help", "") or "").split())
    default = getattr(one, "default", None)
    if getattr(one, "show_default", False) and default not in (None, False, "", ()) and not getattr(one, "is_flag", False):
        text += f" [{default}]"
    return Parameter(one.name, spelled, text, argument, getattr(one, "rich_help_panel", None) == "Common options")


def check(words: list[str]) -> str:
    """Why the parser refuses a command line (without the program's name), or an empty text. Nothing is run."""
    name, *rest = words or [""]
    if name.startswith("-"):
        return "" if name in ("--help", "-h", "--version", "-V", "--install-completion", "--show-completion") else f"no option {name}"
    entry = ENTRIES.get(name)
    if entry is None:
        return f"no command {name}"
    command = build(name, entry)
    if entry.subcommands and rest and not rest[0].startswith("-"):
        if rest[0] not in entry.subcommands:
            return f"{name} has no command {rest[0]}"
        command, rest = command.commands[rest[0]], rest[1:]
    if any(word in ("--help", "-h") for word in rest):
        return ""
    try:
        command.make_context(name, rest, resilient_parsing=False)
    except typer.Exit:
        return ""
    except Exception as error:  # noqa: BLE001 - the parser's own classes are not exported by every release of typer
        return str(getattr(error, "message", error) or type(error).__name__)
    return ""


def root() -> Any:
    """The whole of it."""
    return typer.main.get_command(app)
