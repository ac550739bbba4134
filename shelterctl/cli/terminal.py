"""The terminal: results go to standard output, everything else to standard error; data are never read as markup."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TextIO

from shelterctl.cli.text import Aim, harmless, harmless_json, may_name_a_command, wrapped
from shelterctl.core.serial import JsonValue
from shelterctl.errors import OutputLost

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.segment import Segment

#: Styles by what a line says. Colour only repeats what the words say already.
STYLES = {"good": "green", "bad": "bold red", "doubt": "bold yellow", "dim": "dim", "strong": "bold", "plain": ""}
#: The same as a terminal takes them.
_CODES = {"good": "32", "bad": "1;31", "doubt": "1;33", "dim": "2", "strong": "1"}
#: What sets whether there are colours, whatever the stream is.
_COLOUR_SETTINGS = ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "JUPYTER_COLUMNS")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text and what it says: good, bad, doubt, dim, strong or plain."""

    text: str
    style: str = "plain"


@dataclass
class Terminal:
    """Where a command writes. `output` is table, json or jsonl; with `quiet` progress is left out.

    `find_aim` gives what completes the commands that are shown; it is asked when the first one is.
    """

    output: str = "table"
    quiet: bool = False
    verbose: bool = False
    stdout: TextIO = sys.stdout
    stderr: TextIO = sys.stderr
    find_aim: Callable[[], Aim] = Aim

    def completed(self, text: str) -> str:
        """A text as it is shown: its commands mean what this run means."""
        return self._aim.text(text) if may_name_a_command(text) else text

    @cached_property
    def _aim(self) -> Aim:
        return self.find_aim()

    @property
    def live(self) -> bool:
        """Whether a display may be redrawn in place: a terminal, and no machine reading along."""
        return self.stderr.isatty() and not self.quiet and "CI" not in os.environ and os.environ.get("TERM") != "dumb"

    @property
    def interactive(self) -> bool:
        return sys.stdin.isatty() and self.stderr.isatty()

    @property
    def width(self) -> int:
        return max(20, shutil.get_terminal_size((100, 24)).columns)

    def _width_of(self, stream: TextIO) -> int:
        """The columns of a stream, as rich finds them."""
        if not stream.isatty():
            return max(self.width, 100)
        with suppress(OSError, ValueError):
            return int(os.environ.get("COLUMNS", 0)) or os.get_terminal_size(stream.fileno()).columns
        return 0

    def console(self, *, stderr: bool = False) -> Console:
        """A console without markup, emoji codes and guesses about what to highlight: pod names contain brackets."""
        from rich.console import Console
        from rich.segment import Segment

        class Plain(Console):
            def on_broken_pipe(self) -> None:
                # Called while the error is handled. Rich would exit with 1 whatever was found.
                raise

            def render(self, *arguments: Any, **options: Any) -> Iterator[Segment]:
                # Whatever is drawn, by whatever way: what others named or wrote commands no terminal.
                for segment in super().render(*arguments, **options):
                    yield segment if segment.control else Segment(harmless(segment.text), segment.style)

        stream = self.stderr if stderr else self.stdout
        width = None if stream.isatty() else self._width_of(stream)
        return Plain(file=stream, markup=False, emoji=False, highlight=False, width=width, no_color="NO_COLOR" in os.environ or None)

    def result(self, lines: Iterable[Line | RenderableType]) -> None:
        """Prints a result for people. Raises OutputLost, BrokenPipeError."""
        with self._writing():
            self._print(lines, stderr=False)

    def say(self, lines: Iterable[Line | RenderableType]) -> None:
        """Prints progress or a warning."""
        if not self.quiet:
            self._print(lines, stderr=True)

    def complain(self, lines: Iterable[Line]) -> None:
        """Prints an error: never left out."""
        self._print(lines, stderr=True)

    def json(self, document: Mapping[str, JsonValue]) -> None:
        """Prints a document: on one line for jsonl, readable for json. Raises OutputLost, BrokenPipeError."""
        indent = None if self.output == "jsonl" else 1
        with self._writing():
            self.stdout.write(harmless_json(json.dumps(document, ensure_ascii=False, indent=indent)) + "\n")
            self.stdout.flush()

    def text(self, text: str) -> None:
        """Prints text as it is, for a program that reads it. Raises OutputLost, BrokenPipeError."""
        with self._writing():
            self.stdout.write(text)
            self.stdout.flush()

    def line(self, text: str, *, stderr: bool = False) -> None:
        """Prints one line of a result at once, however long. Raises BrokenPipeError, OSError."""
        stream = self.stderr if stderr else self.stdout
        stream.write(harmless(text) + "\n")
        stream.flush()

    def reader_is_gone(self) -> None:
        """Whatever is printed from now on goes nowhere: nobody reads standard output any more."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.stdout.fileno())

    def confirm(self, question: str) -> bool:
        """Asks on the terminal; anything but y or yes is a no."""
        self.stderr.write(f"{harmless(question)} [y/N] ")
        self.stderr.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def choose(self, question: str, choices: Sequence[str]) -> str | None:
        """Asks which of several is meant; None for anything but one of their numbers."""
        options = "".join(f"  {number}  {harmless(choice)}\n" for number, choice in enumerate(choices, 1))
        self.stderr.write(f"{harmless(question)}\n{options}Which one? [1 to {len(choices)}] ")
        self.stderr.flush()
        given = sys.stdin.readline().strip()
        return choices[int(given) - 1] if given.isdigit() and 1 <= int(given) <= len(choices) else None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            self.reader_is_gone()
            raise OutputLost(
                "the result cannot be written to standard output",
                why=str(error.strerror),
                next_command="the same to another file; `shelterctl runs list` names what was kept",
            ) from error

    def _print(self, lines: Iterable[Line | RenderableType], *, stderr: bool) -> None:
        stream = self.stderr if stderr else self.stdout
        colours, width = _colours(stream), self._width_of(stream)
        console: Console | None = None
        for line in lines:
            whole = harmless(self.completed(line.text)) if isinstance(line, Line) else ""
            parts = _parts(whole, width) if isinstance(line, Line) and colours is not None and whole.isprintable() else None
            if isinstance(line, Line) and parts is not None:
                # Rich writes the same, and is a third of what a quick command imports.
                stream.write("".join(_coloured(part, line.style if colours else "plain") + "\n" for part in parts))
                stream.flush()
                continue
            console = console or self.console(stderr=stderr)
            if isinstance(line, Line):
                from rich.text import Text

                indent = len(whole) - len(whole.lstrip())
                text = Text(whole.lstrip(), style=STYLES[line.style])
                if console.width >= len(whole):
                    console.print(Text(" " * indent) + text, soft_wrap=True)
                else:
                    for part in text.wrap(console, max(10, console.width - indent - 2)):
                        part.rstrip()
                        console.print(Text(" " * indent) + part, soft_wrap=True)
                        indent = indent if indent >= 2 else indent + 2
            else:
                console.print(line)


def _parts(text: str, width: int) -> list[str] | None:
    """The lines that a line takes, each with its indent; None where rich is needed to tell."""
    if len(text) <= width:
        return [text]
    bare = text.lstrip()
    indent = len(text) - len(bare)
    parts = wrapped(bare, max(10, width - indent - 2))
    hung = indent if indent >= 2 else indent + 2
    return None if parts is None else [" " * (hung if number else indent) + part.rstrip() for number, part in enumerate(parts)]


def _colours(stream: TextIO) -> bool | None:
    """Whether a stream takes colours; None where that is for rich to find out."""
    if any(os.environ.get(name) for name in _COLOUR_SETTINGS) or (stream.isatty() and os.name != "posix"):
        return None
    if not stream.isatty():
        return False
    return None if os.environ.get("TERM", "").lower() in ("", "dumb", "unknown") else True


def _coloured(text: str, style: str) -> str:
    bare = text.lstrip()
    return f"{text[: len(text) - len(bare)]}\x1b[{_CODES[style]}m{bare}\x1b[0m" if bare and style in _CODES else text


def verdict_style(verdict: str) -> str:
    return {"PASS": "good", "FAIL": "bad", "UNKNOWN": "doubt"}.get(verdict, "plain")
