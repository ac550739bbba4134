"""What a code, a finding or a verdict means, as `shelterctl explain` and the reference pages tell it: records, and how one is found."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Topic(Enum):
    """What an entry is about, in the order in which they are listed; the value heads its list."""

    VERDICTS = "Verdicts"
    EXIT_CODES = "Exit codes"
    WRITES = "What became of a write"
    DOCTOR = "Findings of doctor"
    INSPECT = "Findings of inspect"


@dataclass(frozen=True, slots=True)
class Explanation:
    """One entry. `name` is the code, the finding or the word; `titles` are the words that results show for it, the first leads.

    `means` says what it is, `cause` where it comes from, `mend` what to do; the last two may be empty.
    """

    topic: Topic
    name: str
    titles: tuple[str, ...]
    means: str
    cause: str = ""
    mend: str = ""

    @property
    def title(self) -> str:
        return self.titles[0]


_KEYS = {"title", "means", "cause", "mend"}


def entries(topic: Topic, tables: Mapping[str, Any]) -> tuple[Explanation, ...]:
    """The entries of one file's tables. A finding without a title has its name's words. Raises ValueError for a key that is none."""
    found = []
    for name, table in tables.items():
        if unknown := table.keys() - _KEYS:
            raise ValueError(f"{name}: {', '.join(sorted(unknown))}")
        titles = table.get("title", name.replace("-", " "))
        found.append(
            Explanation(
                topic,
                name,
                (titles,) if isinstance(titles, str) else tuple(titles),
                table["means"],
                table.get("cause", ""),
                table.get("mend", ""),
            )
        )
    return tuple(found)


def find(known: Iterable[Explanation], word: str) -> tuple[Explanation, ...]:
    """Those that a word names: by its name, else by a title as a result shows it. Case, and hyphens for spaces, do not matter."""
    wanted, all_of_them = _plain(word), tuple(known)
    by_name = tuple(entry for entry in all_of_them if _plain(entry.name) == wanted)
    return by_name or tuple(entry for entry in all_of_them if wanted in map(_plain, entry.titles))


def nearest(known: Iterable[Explanation], word: str) -> tuple[str, ...]:
    """Up to three names that are near, or that hold the word."""
    names = list(dict.fromkeys(entry.name for entry in known))
    holding = [name for name in names if len(word) > 2 and _plain(word) in _plain(name)]
    close = difflib.get_close_matches(word, names, n=3, cutoff=0.6)
    return tuple(dict.fromkeys([*close, *holding]))[:3]


def _plain(text: str) -> str:
    return " ".join(text.lower().replace("-", " ").replace("_", " ").split()) or text
