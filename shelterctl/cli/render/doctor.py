"""The findings of `doctor`: a line for each check, what matters under it, the summary and the next command last."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby

from shelterctl.cli.terminal import Line
from shelterctl.core.checkup.check import Area, CheckState, Checkup, Finding
from shelterctl.core.duration import format_duration
from shelterctl.errors import ExitCode

_MARKS = {
    CheckState.OK: "✓", CheckState.WARNING: "!", CheckState.PROBLEM: "✗", CheckState.UNKNOWN: "?", CheckState.SKIPPED: "-",
}  # fmt: skip
_STYLES = {
    CheckState.OK: "plain", CheckState.WARNING: "doubt", CheckState.PROBLEM: "bad", CheckState.UNKNOWN: "doubt", CheckState.SKIPPED: "dim",
}  # fmt: skip
_TITLE_WIDTH = 22
_NARROW = 60


def exit_code(result: Checkup) -> ExitCode:
    """A missing prerequisite outweighs a broken stack, and a broken stack what is unknown."""
    if result.missing_prerequisites:
        return ExitCode.PREREQUISITE
    if result.broken_stack:
        return ExitCode.CHECK_FAILED
    return ExitCode.UNDECIDED if result.open_questions else ExitCode.OK


def lines(result: Checkup, *, width: int, verbose: bool, fix: bool) -> Iterator[Line]:
    """All checks by area. With `verbose` each check that was not made has a line of its own, with its reason."""
    for area in Area:
        own = [finding for finding in result.findings if finding.area is area]
        if own:
            yield Line(area.value, "strong")
        for finding in own if verbose else _gathered(own, result.findings):
            yield from _finding(finding, width)
    yield Line("")
    for item in result.mended:
        took = format_duration(item.elapsed_s)
        if item.proven:
            yield Line(f"Mended: {item.repair.value}, well after {took}", "good")
        else:
            yield from _wrapped(f"Not mended after {took}: {item.repair.value}: {item.remains}", "", "  ", width, "bad")
    yield from _wrapped(_summary(result, fix=fix), "", "  ", width, "strong")


def _gathered(findings: Iterable[Finding], everything: Iterable[Finding]) -> Iterator[Finding]:
    """Checks that were not made for one and the same reason become one line, at the place of the first."""
    titles = {finding.check: finding.title for finding in everything}
    for _, group in groupby(findings, key=_reason):
        same = list(group)
        first = same[0]
        names = ", ".join(finding.title for finding in same)
        if len(same) == 1:
            yield first
        elif first.blocked_by:
            found = f"{names}: first mend {titles.get(first.blocked_by, first.blocked_by)}"
            yield Finding(first.check, first.area, "not checked", first.state, found)
        else:
            yield Finding(
                first.check, first.area, first.found if len(first.found) <= _TITLE_WIDTH else "nothing to check", first.state, names
            )


def _reason(finding: Finding) -> tuple[CheckState, str, str]:
    """Equal for checks that may share a line."""
    if finding.state is CheckState.SKIPPED:
        return finding.state, "", finding.found
    if finding.state is CheckState.UNKNOWN and finding.blocked_by:
        return finding.state, finding.blocked_by, ""
    return finding.state, finding.check, ""


def _finding(finding: Finding, width: int) -> Iterator[Line]:
    head = f"  {_MARKS[finding.state]} {finding.title:<{_TITLE_WIDTH}}  "
    style = _STYLES[finding.state]
    if width < _NARROW:
        yield Line(head.rstrip(), style)
        yield from _wrapped(finding.found, "    ", "    ", width, style)
    else:
        yield from _wrapped(finding.found, head, " " * len(head), width, style)
    if finding.state in (CheckState.OK, CheckState.SKIPPED):
        return
    if finding.why:
        yield from _wrapped(finding.why, "      Why:  ", " " * 12, width, "plain")
    if finding.mend:
        # A command on one line, whatever its length, so that it can be copied.
        yield Line(f"      Mend: {finding.mend}" + ("   (--fix does it)" if finding.repair else ""))


def _wrapped(text: str, first: str, rest: str, width: int, style: str) -> Iterator[Line]:
    wrapped = textwrap.wrap(
        text, max(width, len(rest) + 12), initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
    for text_line in wrapped or [first.rstrip()]:
        yield Line(text_line, style)


def _summary(result: Checkup, *, fix: bool) -> str:
    counts = result.counts
    words = [
        f"{counts[state.value]} {word if counts[state.value] == 1 else plural}"
        for state, word, plural in (
            (CheckState.PROBLEM, "problem", "problems"),
            (CheckState.WARNING, "warning", "warnings"),
            (CheckState.UNKNOWN, "unknown", "unknown"),
        )
        if counts[state.value]
    ]
    well = "1 check is well" if counts[CheckState.OK.value] == 1 else f"{counts[CheckState.OK.value]} checks are well"
    summary = f"{', '.join(words)}; {well}." if words else f"All is well: {counts[CheckState.OK.value]} checks."
    if result.open_questions and not (result.missing_prerequisites or result.broken_stack):
        summary += f" Undecided: {', '.join(finding.title for finding in result.open_questions)}."
    return f"{summary}   Next: {_next(result, fix=fix)}"


def _next(result: Checkup, *, fix: bool) -> str:
    problems = (*result.missing_prerequisites, *result.broken_stack)
    if not fix and any(finding.fixable for finding in (*problems, *result.of(CheckState.WARNING))):
        return "shelterctl doctor --fix"
    first = next((finding.mend for finding in (*problems, *result.open_questions) if finding.mend), "")
    if first:
        return first
    return "shelterctl up" if result.nothing_deployed else "shelterctl status"
