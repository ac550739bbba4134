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
from shelterctl.adapters.stack.config import _TABLES
from shelterctl.core import events
from shelterctl.core.explained import Explanation, Topic
from shelterctl.core.serial import SCHEMA
from shelterctl.settings import _ALIASES, DEFAULTS, PREFIX, Settings
from tools.site.journals import JOURNALS
from tools.site.parser import Command, Parameter, commands
from tools.site.records import Records, prose
from tools.site.results import RESULTS
from tools.site.schemas import schema_file

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference"
HEAD = "<!-- Written by `make docs-reference` from the code: a change here is lost. -->"


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
        "run-folder.md": _run_folder(),
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
    yield "| `[stack.secret]`, or several `[[stack.secret]]` | `name`, `keys`, `namespace` |"


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
        "kind `result`, and [the fields of a result](results.md). As JSON Schema:",
        f"[{schema_file('event')}](schemas/{schema_file('event')}).", "",
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
        "A number that is not finite is null. Fields may be added at any time, and words to those that a field is one of: what stays, and",
        f"how long, is in [Upgrade](../how-to/upgrade.md). As JSON Schema: [{schema_file('result')}](schemas/{schema_file('result')}).", "",
    )  # fmt: skip
    records = Records()
    for words, kinds in RESULTS.items():
        yield from (f"## {words}", "", " or ".join(records.mention(kind) for kind in kinds), "")
    yield from (
        "`logs` prints an object with `pod` and `line` for each line; `runs show` the document of that run, and where it cannot be read",
        "`result` as null and why in `damage`.", "",
        "## Records", "",
    )  # fmt: skip
    for kind in records.rest():
        yield from records.lines(kind, level="###")


def _run_folder() -> Iterator[str]:
    yield from (
        "# A run's folder", "",
        "Each run of a command that changes or measures something has a folder of its own, `.shelterctl/runs/TIME-COMMAND`",
        "(`--state-dir`), for its user alone. `shelterctl runs list`, `runs show`, `report` and `hpa replay` read it.", "",
        "| file | what it is |", "|---|---|",
        "| `events.jsonl` | [the events](events.md), each as it came |",
        "| `result.json` | [the result](results.md); not there while the run is under way, or where it was killed |",
        "| `result.txt` | the result as it was printed, to be shown again by later releases |",
        "| `tag.txt` | what the user called the run |",
        *(f"| `{name}` | {prose(kind).splitlines()[0]} |" for name, kind in JOURNALS.items()),
        "| `load-samples.jsonl`, `locust.log` | what the generator counted each second, and printed; nothing reads them again |", "",
        f"`result.json` and each line of `events.jsonl` name their schema, `{SCHEMA}`; the other journals are of the same one. Every",
        "release reads the folders of earlier ones; those of a later schema are told to be so, and nothing of them is guessed.",
        "As JSON Schema:",
        f"[{schema_file('result')}](schemas/{schema_file('result')}), [{schema_file('event')}](schemas/{schema_file('event')}),",
        f"[{schema_file('journal')}](schemas/{schema_file('journal')}).", "",
    )  # fmt: skip
    records = Records()
    for name, kind in JOURNALS.items():
        yield from (f"## {name}", "", prose(kind), "")
        yield from records.table(kind)
    yield from ("## Records in journals", "")
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
