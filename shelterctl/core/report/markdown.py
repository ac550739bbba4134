"""A document as Markdown (GitHub's), its figures as files beside it. Every text goes through `_text`, which leaves nothing to be markup."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shelterctl.core.report.document import Block, Card, Command, Document, Listing, Paragraph, Picture, Section, Table
from shelterctl.core.report.html import MARK
from shelterctl.core.verdict import Verdict
from shelterctl.core.words import plain

_SIGNS = {Verdict.PASS: "✓ PASS", Verdict.FAIL: "✗ FAIL", Verdict.UNKNOWN: "? UNKNOWN"}
#: What CommonMark and GitHub give a meaning anywhere in a line, with what makes links of names and addresses;
_MARKUP = re.compile(r"([\\`*_\[\]!|~$>@]|:(?=//)|(?<=www)\.)", re.IGNORECASE)
#: and what has one where a line begins.
_AT_START = re.compile(r"^(\d{1,9})?([.)+\-=#:])")
_ENTITIES = {"&": "&amp;", "<": "&lt;"}


def text(document: Document, folder: str) -> str:
    """The text. `folder` is where its figures are, relative to it."""
    return "\n".join(_lines(document, folder)) + "\n"


def _text(words: str) -> str:
    one_line = " ".join(plain(words).split())
    marked = _MARKUP.sub(r"\\\1", "".join(_ENTITIES.get(letter, letter) for letter in one_line))
    return _AT_START.sub(lambda found: f"{found.group(1) or ''}\\{found.group(2)}", marked)


def _heading(words: str) -> str:
    """As `_text`; number signs at the end of a heading would close it, and not be shown."""
    # One that begins the line has its backslash already.
    return re.sub(r"(?<!\\)#(?=#*$)", r"\\#", _text(words))


def _lines(document: Document, folder: str) -> Iterator[str]:
    yield f"<!-- {MARK}{document.stamp} -->"
    yield ""
    yield f"# {_heading(document.title)}"
    yield ""
    for name, value in document.about:
        yield f"- {_text(name)}: {_text(value)}"
    for section in document.sections:
        yield from _section(section, folder)


def _section(section: Section, folder: str) -> Iterator[str]:
    yield ""
    yield f"{'#' * section.level} {_heading(section.title)}"
    for block in section.blocks:
        yield ""
        yield from _block(block, folder)


def _block(block: Block, folder: str) -> Iterator[str]:
    if isinstance(block, Paragraph):
        yield f"> {_text(block.text)}" if block.doubt else _text(block.text)
    elif isinstance(block, Command):
        yield f"{_text(block.what)} {_code(block.line)}"
    elif isinstance(block, Listing):
        yield _text(block.what)
        yield ""
        yield from (f"- {_text(item)}" for item in block.items)
    elif isinstance(block, Picture):
        yield f"![{_text(block.caption)}]({folder}/{block.name}.svg)"
    elif isinstance(block, Card):
        yield from _card(block)
    else:
        yield from _table(block)


def _card(card: Card) -> Iterator[str]:
    sign = "not shown" if card.verdict is None else _SIGNS[card.verdict]
    yield f"### {sign}: {_heading(card.title)}"
    yield ""
    yield _text(card.sentence)
    yield ""
    yield from (f"- {_text(name)}: {_text(value)}" for name, value in card.numbers)
    if card.command:
        yield f"- {'again' if card.verdict is not None else 'to show it'}: {_code(card.command)}"
    if card.run:
        yield f"- {'run' if card.verdict is None else 'shown by run'} {_text(card.run)}"


def _code(line: str) -> str:
    """A command as code; with a backtick in it as text."""
    shown = " ".join(plain(line).split())
    return f"`{shown}`" if shown and "`" not in shown else _text(line)


def _table(table: Table) -> Iterator[str]:
    yield f"**{_text(table.caption)}**"
    yield ""
    yield f"| {' | '.join(_text(name) for name in table.head)} |"
    yield "|" + "|".join("---:" if column in table.numbers else "---" for column in range(len(table.head))) + "|"
    for row in table.rows:
        yield f"| {' | '.join(_cell(table, column, value) for column, value in enumerate(row))} |"


def _cell(table: Table, column: int, value: str) -> str:
    return _SIGNS[Verdict(value)] if column == table.verdicts and value in Verdict.__members__ else _text(value)
