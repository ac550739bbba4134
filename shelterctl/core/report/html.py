"""A document as one page of HTML: no script, nothing from elsewhere. Every text goes through `_text`, and nothing else makes markup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from shelterctl.core.report.document import Block, Card, Command, Document, Listing, Paragraph, Picture, Section, Table
from shelterctl.core.report.style import STYLE
from shelterctl.core.verdict import Verdict
from shelterctl.core.words import plain

MARK = "shelterctl-report:"
_SIGNS = {Verdict.PASS: "✓ PASS", Verdict.FAIL: "✗ FAIL", Verdict.UNKNOWN: "? UNKNOWN"}
#: A browser holds the page to what it says of itself, whatever text it was made of.
#: From here on names are broken, so that the last column is on the page.
_MANY_COLUMNS = 6
_LABEL_END = re.compile(r"(?<=[a-z_])\.(?=[a-z_])")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(document: Document) -> str:
    """The page. Lines end with \\n."""
    return "\n".join(_page(document)) + "\n"


def _text(text: str) -> str:
    return escape(plain(text), quote=True)


def _page(document: Document) -> Iterator[str]:
    yield "<!DOCTYPE html>"
    yield f"<!-- {MARK}{document.stamp} -->"
    yield '<html lang="en">'
    yield "<head>"
    yield '<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="color-scheme" content="light dark">'
    yield f"<title>{_text(document.title)}</title>"
    yield f"<style>\n{STYLE}\n</style>"
    yield "</head>"
    yield "<body>"
    yield "<main>"
    yield f"<h1>{_text(document.title)}</h1>"
    yield '<dl class="about">'
    for name, value in document.about:
        yield f"<div><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>"
    yield "</dl>"
    for section in document.sections:
        yield from _section(section)
    yield "</main>"
    yield "</body>"
    yield "</html>"


def _section(section: Section) -> Iterator[str]:
    yield "<section>"
    yield f"<h{section.level}>{_text(section.title)}</h{section.level}>"
    for block in section.blocks:
        yield from _block(block)
    yield "</section>"


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Paragraph):
        yield f'<p class="doubt">{_text(block.text)}</p>' if block.doubt else f"<p>{_text(block.text)}</p>"
    elif isinstance(block, Command):
        yield f"<p>{_text(block.what)} <code>{_text(block.line)}</code></p>"
    elif isinstance(block, Listing):
        yield f'<p class="what">{_text(block.what)}</p>'
        yield "<ul>"
        yield from (f"<li>{_text(item)}</li>" for item in block.items)
        yield "</ul>"
    elif isinstance(block, Picture):
        kind = ' class="wide"' if block.wide else ""
        yield f"<figure{kind}>\n{block.svg.rstrip()}\n<figcaption>{_text(block.caption)}</figcaption>\n</figure>"
    elif isinstance(block, Card):
        yield from _card(block)
    else:
        yield from _table(block)


def _card(card: Card) -> Iterator[str]:
    kind = "none" if card.verdict is None else card.verdict.value.lower()
    sign = "not shown" if card.verdict is None else _SIGNS[card.verdict]
    yield f'<article class="card {kind}">'
    yield f'<header><h3>{_text(card.title)}</h3><span class="verdict">{sign}</span></header>'
    yield f"<p>{_text(card.sentence)}</p>"
    if card.numbers:
        yield '<ul class="numbers">'
        yield from (f"<li><span>{_text(name)}</span>{_text(value)}</li>" for name, value in card.numbers)
        yield "</ul>"
    if card.command:
        yield f'<p class="small">{"Again" if card.verdict is not None else "To show it"}: <code>{_text(card.command)}</code></p>'
    if card.run:
        yield f'<p class="small">{"Run" if card.verdict is None else "Shown by run"} {_text(card.run)}</p>'
    yield "</article>"


def _table(table: Table) -> Iterator[str]:
    kind = ' class="files"' if "SHA-256" in table.head else ' class="wide"' if len(table.head) >= _MANY_COLUMNS else ""
    yield '<div class="scroll">'
    yield f"<table{kind}>"
    yield f"<caption>{_text(table.caption)}</caption>"
    if any(table.head):
        cells = "".join(f'<th scope="col"{_class(table, column)}>{_text(name)}</th>' for column, name in enumerate(table.head))
        yield f"<thead><tr>{cells}</tr></thead>"
    yield "<tbody>"
    for row in table.rows:
        yield f"<tr>{''.join(_cell(table, column, value) for column, value in enumerate(row))}</tr>"
    yield "</tbody>"
    yield "</table>"
    yield "</div>"


def _class(table: Table, column: int) -> str:
    return ' class="n"' if column in table.numbers else ""


def _cell(table: Table, column: int, value: str) -> str:
    if column == table.verdicts and value in Verdict.__members__:
        return f'<td><span class="verdict {value.lower()}">{_SIGNS[Verdict(value)]}</span></td>'
    shown = _text(value)
    if len(table.head) >= _MANY_COLUMNS:
        # A name may break after its dots.
        shown = _LABEL_END.sub(".<wbr>", shown)
    return f"<td{_class(table, column)}>{shown}</td>"
