"""A report as blocks, before it is HTML or Markdown. Every number in it is text already: whoever draws a block computes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from shelterctl.core.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A sentence or more. `doubt` marks what qualifies the rest."""

    text: str
    doubt: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A command line, and what it is for."""

    what: str
    line: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells as wide as `head`; `numbers` are the columns that hold numbers. `verdicts` is the one that holds
    verdicts, if one does."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[int] = frozenset()
    verdicts: int | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """Sentences, one under the other."""

    what: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure: the name of its file (letters, digits and hyphens), what it shows, and the drawing.

    A `wide` one is not made as narrow as the page: its words would be too small.
    """

    name: str
    caption: str
    svg: str
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """One claim: what was found of it, or why nothing was shown of it; both have the same size.

    `verdict` is None where nothing was shown.
    """

    title: str
    verdict: Verdict | None
    sentence: str
    numbers: tuple[tuple[str, str], ...] = ()
    command: str = ""
    run: str = ""


Block: TypeAlias = Paragraph | Command | Table | Listing | Picture | Card


@dataclass(frozen=True, slots=True)
class Section:
    """`level` is 2 for a part of the report, 3 within one."""

    title: str
    blocks: tuple[Block, ...]
    level: int = 2


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report. `about` has what stands under its title, `stamp` what `report --verify` reads (letters, digits, + / and = only)."""

    title: str
    about: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    stamp: str

    @property
    def pictures(self) -> tuple[Picture, ...]:
        return tuple(block for section in self.sections for block in section.blocks if isinstance(block, Picture))


def numbered(sections: Sequence[Section]) -> tuple[Section, ...]:
    """The sections, with a picture's name made its own where two have the same."""
    seen: dict[str, int] = {}
    found = []
    for section in sections:
        blocks: list[Block] = []
        for block in section.blocks:
            if isinstance(block, Picture):
                seen[block.name] = seen.get(block.name, 0) + 1
                if seen[block.name] > 1:
                    block = replace(block, name=f"{block.name}-{seen[block.name]}")
            blocks.append(block)
        found.append(Section(section.title, tuple(blocks), section.level))
    return tuple(found)
