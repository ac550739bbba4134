"""Writes the manual page, man/shelterctl.1, from the parser and the explanations.

python -m tools.site.manual
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from shelterctl.adapters.explained import read
from shelterctl.cli.front_page import ABOUT
from shelterctl.core.explained import Topic
from shelterctl.settings import FILE_NAME, PREFIX
from tools.site.parser import Parameter, commands

FILE = Path(__file__).resolve().parents[2] / "man" / "shelterctl.1"


def page() -> str:
    """The page in the macros of man(7)."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    found = list(commands())
    yield '.\\" Written by `make man` from the parser: a change here is lost.'
    yield '.TH SHELTERCTL 1 "" "shelterctl" "User Commands"'
    yield from (".SH NAME", "shelterctl \\- deploy an application and prove that it scales, keeps its data and resolves its names")
    yield from (".SH SYNOPSIS", ".B shelterctl", ".I COMMAND", "[OPTIONS] [ARGUMENTS]")
    yield from (".SH DESCRIPTION", _text(ABOUT))
    yield _text("Results go to standard output, everything else to standard error. A verdict that cannot be proved is UNKNOWN.")
    yield ".SH COMMANDS"
    for command in found:
        yield from (f".SS {_text(command.usage)}", _text(command.text or command.summary))
        yield from _parameters(parameter for parameter in command.parameters if not parameter.common)
        if command.examples:
            yield from (".PP", "Examples:", ".PP", ".nf", ".RS", *(_text(line) for line in command.examples), ".RE", ".fi")
    yield from (".SH OPTIONS", "Those of every command:")
    every = {parameter.name: parameter for command in found for parameter in command.parameters if parameter.common}
    yield from _parameters(every.values())
    yield ".SH EXIT STATUS"
    for entry in read():
        if entry.topic is Topic.EXIT_CODES:
            yield from (".TP", f".B {entry.name}", _text(f"{entry.title}: {entry.means}"))
    yield from (".SH ENVIRONMENT", _text(f"Each setting is a variable, too: {PREFIX} and its name in capitals, such as {PREFIX}NAMESPACE."))
    yield from (".SH FILES", ".TP", f".I {FILE_NAME}", "Settings and what describes a stack, here or in a folder above.")
    yield from (".TP", ".I .shelterctl/runs/", "A folder for each run: events, result, journals.")
    yield from (".SH SEE ALSO", ".BR kubectl (1),", ".BR minikube (1)")


def _parameters(found: Iterable[Parameter]) -> Iterator[str]:
    for parameter in found:
        yield from (".TP", f".B {_text(parameter.spelled)}", _text(parameter.help or parameter.name))


def _text(text: str) -> str:
    """Escaped for roff: backslashes, hyphens that are typed, and a first character that would be a request."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "")
    escaped = "".join(letter if letter.isascii() else f"\\[u{ord(letter):04X}]" for letter in escaped)
    return f"\\&{escaped}" if escaped[:1] in (".", "'") else escaped


def write() -> None:
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    write()
