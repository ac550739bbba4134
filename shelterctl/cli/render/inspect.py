"""What `inspect` understood: facts with their lines, the claims, the questions and the findings, the next command last."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from itertools import groupby

from shelterctl.cli.terminal import Line
from shelterctl.core.stack.inspection import Inspection
from shelterctl.core.stack.model import Weight
from shelterctl.core.words import counted

_MARKS = {Weight.BLOCKS: ("✗", "bad"), Weight.RISK: ("!", "doubt"), Weight.NOTE: ("-", "dim")}


def lines(result: Inspection, *, width: int, verbose: bool) -> Iterator[Line]:
    """Notes are counted unless `verbose`."""
    where = ", ".join(result.manifests) or "no folder"
    head = f"{result.folder}: {counted(result.objects, 'object')} in {where}; {counted(result.files, 'Python file')} read"
    yield Line(f"{head}; namespace {', '.join(result.namespaces) or 'default'}", "strong")
    for topic, facts in groupby(result.facts, key=lambda fact: fact.topic):
        yield Line(topic[:1].upper() + topic[1:], "strong")
        for fact in facts:
            yield from _told(f"{fact.text}{f': {fact.why}' if fact.why else ''}", str(fact.origin), "  ", width)
    yield Line("What can be proved", "strong")
    for claim in result.claims:
        yield from _wrapped(
            f"{claim.claim:<19}{claim.text}", f"  {'✓' if claim.possible else '✗'} ", width, "plain" if claim.possible else "bad"
        )
        for limit in claim.limits:
            yield from _wrapped(limit, " " * 23, width, "dim")
    for question in result.questions:
        yield from _wrapped(
            f"{question.text}: {', '.join(question.choices)}   ({question.setting} in shelterctl.toml)", "? ", width, "doubt"
        )
    shown = [finding for finding in result.findings if verbose or finding.weight is not Weight.NOTE]
    if shown:
        yield Line("Findings", "strong")
    for finding in shown:
        mark, style = _MARKS[finding.weight]
        yield from _told(finding.what, str(finding.origin), f"  {mark} ", width, style)
        if finding.why:
            yield from _wrapped(finding.why, "      Why:  ", width, "plain")
        if finding.mend:
            yield Line(f"      Mend: {finding.mend}")
        yield Line(f"      More: shelterctl explain {finding.code}", "dim")
    notes = len(result.findings) - len(shown)
    yield Line("")
    rest = f"{counted(notes, 'note')} more with --verbose.   " if notes else ""
    yield Line(f"{rest}Next: {_next(result)}", "strong")


def _next(result: Inspection) -> str:
    stop = next((finding for finding in result.findings if finding.weight is Weight.BLOCKS), None)
    if result.blocked and stop is not None:
        return f"mend {stop.origin}, then shelterctl inspect"
    return "shelterctl init" if result.questions else "shelterctl up"


def _told(text: str, origin: str, first: str, width: int, style: str = "plain") -> Iterator[Line]:
    """A sentence with its origin at the end of its last line, or on one of its own."""
    found = list(_wrapped(text, first, width, style))
    if len(found[-1].text) + len(origin) + 3 <= width:
        found[-1] = Line(f"{found[-1].text}   {origin}", style)
    else:
        found.append(Line(" " * (len(first) + 2) + origin, "dim"))
    yield from found


def _wrapped(text: str, first: str, width: int, style: str) -> Iterator[Line]:
    rest = " " * (len(first) + 2)
    for line in textwrap.wrap(text, width, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False):
        yield Line(line, style)
