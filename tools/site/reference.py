"""Writes docs/reference/: commands, settings, exit codes, verdicts, findings, events, results, all from the code.

python -m tools.site.reference
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

from shelterctl.adapters.explained import read
from shelterctl.adapters.runs.store import RunSummary
from shelterctl.adapters.stack.config import _TABLES
from shelterctl.cli.render.autoscaling.hpa import Applied
from shelterctl.cli.render.init import InitResult
from shelterctl.cli.render.new import NewResult
from shelterctl.cli.reporting import Made, Verified
from shelterctl.core import events
from shelterctl.core.autoscaling.check import Checked
from shelterctl.core.autoscaling.explain import Explanation as Explained
from shelterctl.core.autoscaling.replay import Replay
from shelterctl.core.checkup.check import Checkup
from shelterctl.core.dns.records import DnsReport
from shelterctl.core.endpoint import Endpoint
from shelterctl.core.explained import Explanation, Topic
from shelterctl.core.load.result import LoadResult
from shelterctl.core.stack.inspection import Inspection
from shelterctl.ops.chaos.result import KillDbResult
from shelterctl.ops.down import DownResult
from shelterctl.ops.during import RolledOut
from shelterctl.ops.hpa.simulate import Recommendation, Simulation
from shelterctl.ops.prove import Proof
from shelterctl.ops.status import StatusResult
from shelterctl.ops.up.up import UpResult
from shelterctl.ops.watch import WatchResult
from shelterctl.settings import _ALIASES, DEFAULTS, PREFIX, Settings
from tools.site.parser import Command, Parameter, commands
from tools.site.records import Records, prose

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference"
HEAD = "<!-- Written by `make docs-reference` from the code: a change here is lost. -->"
#: What `result` holds, by command; several where an option changes it.
RESULTS: Mapping[str, tuple[Any, ...]] = {
    "prove": (Proof,),
    "inspect": (Inspection,),
    "init": (InitResult,),
    "up": (UpResult,),
    "status": (StatusResult,),
    "status watch": (WatchResult,),
    "loadtest": (LoadResult, RolledOut),
    "hpa explain": (Explained,),
    "hpa replay": (Replay,),
    "hpa simulate": (Simulation,),
    "hpa recommend": (Recommendation, Applied, Checked),
    "chaos kill-db": (KillDbResult,),
    "dns check": (DnsReport,),
    "doctor": (Checkup,),
    "explain": (tuple[Explanation, ...],),
    "url": (Endpoint,),
    "runs list": (tuple[RunSummary, ...],),
    "report": (Made, Verified),
    "new": (NewResult,),
    "down": (DownResult,),
    "version": (Mapping[str, str],),
}


def pages() -> dict[str, str]:
    """The text of each page by its name."""
    known = read()
    made = {
        "commands.md": _commands(),
        "settings.md": _settings(),
        "exit-codes.md": _entries("Exit codes", "What a shell sees.", known, Topic.EXIT_CODES),
        "verdicts.md": _entries(
            "Verdicts", "The words that results use, and what becomes of a write.", known, Topic.VERDICTS, Topic.WRITES
        ),
        "doctor.md": _entries("Findings of doctor", "What each check of `shelterctl doctor` looks at.", known, Topic.DOCTOR),
        "inspect.md": _entries("Findings of inspect", "What `shelterctl inspect` finds in a stack's files.", known, Topic.INSPECT),
        "events.md": _events(),
        "results.md": _results(),
    }
    return {name: "\n".join((HEAD, "", *lines)).rstrip() + "\n" for name, lines in made.items()}


def write() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def _commands() -> Iterator[str]:
    found = list(commands())
    yield from ("# Commands", "", "Every command, as its parser has it. `--help` after a command prints the same.", "")
    for command in found:
        yield f"- [`{command.words}`](#{command.anchor}): {_text(command.summary)}"
    yield from ("", "## Options of every command", "")
    common = {parameter.name: parameter for command in found for parameter in command.parameters if parameter.common}
    yield from _parameters(common.values())
    for command in found:
        yield from _command(command, common)


def _command(command: Command, common: Mapping[str, Parameter]) -> Iterator[str]:
    yield from (f"## shelterctl {command.words}", "", f"`{command.usage}`", "", _text(command.text), "")
    yield from _parameters(parameter for parameter in command.parameters if not parameter.common)
    without = sorted(common.keys() - {parameter.name for parameter in command.parameters})
    if without:
        yield from (
            "It has no " + ", ".join(f"`{common[name].spelled.split(', ')[0].split()[0]}`" for name in without) + " of all commands.",
            "",
        )
    if command.examples:
        yield from (*(f"    {line}" for line in command.examples), "")


def _parameters(found: Iterable[Parameter]) -> Iterator[str]:
    rows = [f"| `{_cell(parameter.spelled)}` | {_text(_cell(parameter.help))} |" for parameter in found]
    if rows:
        yield from ("| option | meaning |", "|---|---|", *rows, "")


def _settings() -> Iterator[str]:
    yield from (
        "# Settings", "",
        "Flags come first, then variables, then `shelterctl.toml` (here or in a folder above), then defaults. An unknown key is an",
        "error that names the nearest one. `yes` is taken from no file, and `context`, `profile` and `target` from none that belongs to",
        "another user.", "",
        "| in shelterctl.toml | variable | default | meaning |", "|---|---|---|---|",
    )  # fmt: skip
    helps: dict[str, str] = {}
    # `prove` has defaults of its own for what a load takes.
    for command in sorted(commands(), key=lambda command: command.words == "prove"):
        for parameter in command.parameters:
            helps.setdefault(parameter.name, re.sub(r" \[[^]]*\]$", "", parameter.help))
    aliases = {field: public for public, field in _ALIASES.items()}
    for field in fields(Settings):
        public = aliases.get(field.name, field.name)
        default = getattr(DEFAULTS, field.name)
        number = f"{default:g}" if isinstance(default, float) else str(default).lower()
        told = "" if default is None else f"{number} s" if public != field.name else f"`{number}`"
        in_file = "(no)" if public == "yes" else f"`{public}`"
        meaning = helps.get(field.name, helps.get(public, ""))
        yield f"| {in_file} | `{PREFIX}{public.upper()}` | {told} | {_text(_cell(meaning))} |"
    yield from (
        "", "## Tables about a stack", "",
        "They stand in the same file, and say of [a stack of your own](../stacks.md) what its files do not. `shelterctl init` writes them.",
        "", "| table | keys |", "|---|---|",
    )  # fmt: skip
    for table, keys in _TABLES.items():
        yield f"| `[{table}]` | {', '.join(f'`{key}`' for key in keys)} |"
    yield "| `[stack.image]`, or several `[[stack.image]]` | `name`, `context`, `dockerfile`, `use` |"


def _entries(title: str, about: str, known: Iterable[Explanation], *topics: Topic) -> Iterator[str]:
    yield from (f"# {title}", "", f"{about} `shelterctl explain NAME` prints the same.", "")
    for topic in topics:
        if len(topics) > 1:
            yield from (f"## {topic.value}", "")
        for entry in known:
            if entry.topic is topic:
                yield from _entry(entry, "###" if len(topics) > 1 else "##")


def _entry(entry: Explanation, level: str) -> Iterator[str]:
    words = "" if entry.title == entry.name.replace("-", " ") else f"**{' or '.join(entry.titles)}.** "
    yield from (f"{level} {entry.name if entry.name != '-' else '–'}", "", f"{words}{_text(entry.means)}", "")
    if entry.cause:
        yield from (f"**From:** {_text(entry.cause)}", "")
    if entry.mend:
        yield from (f"**Mend:** {_text(entry.mend)}", "")


def _events() -> Iterator[str]:
    yield from (
        "# Events", "",
        "What `--output jsonl` prints while a command works, and what `events.jsonl` of a run's folder keeps. Each line is an object with",
        "`schema`, `wall_s` (seconds since 1970) and `kind`; in the folder also `monotonic_s`. The last line of `--output jsonl` has the",
        "kind `result`, and [the fields of a result](results.md).", "",
    )  # fmt: skip
    records = Records()
    for kind in get_args(events.Event):
        yield from (f"## {kind.kind}", "", prose(kind), "")
        yield from records.table(kind)
    yield from ("## Records in events", "")
    for kind in records.rest():
        yield from records.lines(kind, level="###")


def _results() -> Iterator[str]:
    yield from (
        "# JSON of every result", "",
        "`--output json` prints one object, and `result.json` of a run's folder is the same with `run` and `finished_wall_s`:", "",
        "| field | what it is |", "|---|---|",
        "| `schema` | `shelterctl/1`; it changes when a field changes its meaning or goes away |",
        "| `command` | the command's words |",
        "| `exit_code` | [its exit code](exit-codes.md) |",
        "| `result` | what follows here, or null where it ended with an error |",
        "| `error` | null, or an object: `type`, `what` happened, `why`, `next_command`, `details` (lines of evidence) |",
        "| `run` | the run's folder, where there is one |", "",
        "A number that is not finite is null. Fields may be added at any time.", "",
    )  # fmt: skip
    records = Records()
    for words, kinds in RESULTS.items():
        yield from (f"## {words}", "", " or ".join(records.mention(kind) for kind in kinds), "")
    yield from (
        "`logs` prints an object with `pod` and `line` for each line; `runs show` the result of that run.", "",
        "## Records", "",
    )  # fmt: skip
    for kind in records.rest():
        yield from records.lines(kind, level="###")


def field_names(kind: Any) -> dict[str, Any]:
    """The fields of a record and their types, for a test that holds real results to these pages."""
    return get_type_hints(kind)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _text(text: str) -> str:
    """Angle brackets are no markup, and an asterisk no emphasis; what is code stays as it is."""
    parts = text.split("`")
    parts[::2] = [part.replace("<", "&lt;").replace(">", "&gt;").replace("*", "\\*") for part in parts[::2]]
    return "`".join(parts)


if __name__ == "__main__":
    write()
