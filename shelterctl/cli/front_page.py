"""`shelterctl --help`, and the list of commands behind it.

The page is written here rather than by typer, whose import alone takes longer than a front page may: people ask for it to find their way.
It is the page that typer writes, letter for letter, as a test holds it to. Imports no more than text needs.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from textwrap import fill, wrap
from typing import NamedTuple

ABOUT = "Deploy a Flask and MongoDB application to a cluster and prove that it scales, that its data survives, that its names resolve."
FIRST_STEPS = "First: shelterctl up   Then: shelterctl loadtest --users 200, shelterctl chaos kill-db, shelterctl dns check"

_WIDEST = 80
_NARROWEST = 50
_INDENT = "  "

_OPTIONS = (
    ("-V, --version", "Print the version and exit."),
    ("--install-completion", "Install completion for the current shell."),
    ("--show-completion", "Show completion for the current shell, to copy it or customize the installation."),
    ("-h, --help", "Show this message and exit."),
)


class Entry(NamedTuple):
    """A command: its module under `commands`, its function there, its line in the list. `subcommands` maps names to functions.

    With `alone`, a group does something without a subcommand too.
    """

    module: str
    function: str
    summary: str
    subcommands: Mapping[str, str] | None = None
    alone: bool = False


#: In the order in which a newcomer needs them.
ENTRIES: Mapping[str, Entry] = {
    "prove": Entry("prove", "command", "The whole job in one command: deploys, scales, keeps its data, resolves its names."),
    "inspect": Entry("inspect", "inspect", "What was understood of the stack in this folder, and what is wrong with it."),
    "init": Entry("inspect", "init", "The same as shelterctl.toml, with the evidence as comments."),
    "up": Entry("up", "command", "Build, load, apply, wait, and prove that what was built answers."),
    "status": Entry("status", "command", "The stack in one screen; `watch` follows it live.", {"watch": "watch"}, alone=True),
    "loadtest": Entry("loadtest", "command", "A Locust swarm, and what the HPA does under it."),
    "hpa": Entry(
        "hpa",
        "group",
        "The autoscaler: explain, replay, simulate, recommend.",
        {"explain": "explain", "replay": "replay", "simulate": "simulate", "recommend": "recommend"},
    ),
    "chaos": Entry("chaos", "group", "Faults, with an account of every write: kill-db.", {"kill-db": "kill_db"}),
    "dns": Entry("dns", "group", "DNS, asked from a pod of the application: check.", {"check": "check"}),
    "doctor": Entry("doctor", "command", "Every prerequisite and every known trap, and what mends it."),
    "explain": Entry("explain", "command", "What an exit code, a finding or a verdict means, and what mends it."),
    "url": Entry("url", "command", "Where the service answers."),
    "logs": Entry("logs", "command", "The logs of the application or the database."),
    "runs": Entry("runs", "group", "What earlier runs found: list, show.", {"list": "list_", "show": "show"}),
    "report": Entry("report", "command", "One file to hand in, of what runs recorded; --verify holds it to them."),
    "new": Entry("new", "command", "Copy app, manifests and Locust file into a folder, to be changed."),
    "down": Entry("down", "command", "Remove what `up` made; the data stay."),
    "version": Entry("version", "command", "The versions of shelterctl and of what it works with."),
}


def front_page() -> str:
    """The whole page, as wide as the terminal (50 to 80 columns)."""
    width = max(min(shutil.get_terminal_size().columns, _WIDEST) - 2, _NARROWEST)

    def paragraph(text: str) -> str:
        return fill(text, width, initial_indent=_INDENT, subsequent_indent=_INDENT, replace_whitespace=False)

    parts = [
        "Usage: shelterctl [OPTIONS] COMMAND [ARGS]...\n",
        paragraph(ABOUT) + "\n",
        "Options:\n" + _table(_OPTIONS, width),
        "Commands:\n" + _table([(name, entry.summary) for name, entry in ENTRIES.items()], width),
        paragraph(FIRST_STEPS) + "\n",
    ]
    return "\n".join(parts)


def _table(rows: Sequence[tuple[str, str]], width: int) -> str:
    """Two columns, the second wrapped."""
    column = max(len(name) for name, _ in rows) + len(_INDENT)
    text_width = width - column - len(_INDENT)
    lines = []
    for name, text in rows:
        first, *more = wrap(text, text_width, replace_whitespace=False)
        lines.append(f"{_INDENT}{name:<{column}}{first}\n")
        lines += [f"{_INDENT}{'':<{column}}{line}\n" for line in more]
    return "".join(lines)
