"""What a word means, and the list of the words."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby

from shelterctl.cli.terminal import Line
from shelterctl.core.explained import Explanation


def lines(found: Sequence[Explanation], *, width: int) -> Iterator[Line]:
    """Each entry with its topic; where one word names several, all of them."""
    for number, entry in enumerate(found):
        if number:
            yield Line("")
        title = f": {entry.title}" if entry.title != entry.name.replace("-", " ") else ""
        yield Line(f"{entry.name}{title}   ({entry.topic.value})", "strong")
        yield from _wrapped(entry.means, "  ", width)
        if entry.cause:
            yield from _wrapped(entry.cause, "  From: ", width)
        if entry.mend:
            yield from _wrapped(entry.mend.replace("`", ""), "  Mend: ", width)


def list_lines(known: Sequence[Explanation], *, width: int) -> Iterator[Line]:
    """The names under their topics, each with its title."""
    for topic, group in groupby(known, key=lambda entry: entry.topic):
        yield Line(topic.value, "strong")
        of_topic = list(group)
        if all(entry.title == entry.name.replace("-", " ") for entry in of_topic):
            # The names say it themselves.
            yield from _wrapped(", ".join(entry.name for entry in of_topic), "  ", width)
            continue
        widest = max(len(entry.name) for entry in of_topic)
        for entry in of_topic:
            yield Line(f"  {entry.name:<{widest}}  {entry.title}")
    yield Line("")
    yield Line("Next: shelterctl explain NAME", "strong")


def _wrapped(text: str, first: str, width: int) -> Iterator[Line]:
    rest = " " * len(first)
    wrapped = textwrap.wrap(text, width, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False)
    for line in wrapped:
        yield Line(line)
