"""A report that was written, or held to its folders."""

from __future__ import annotations

from collections.abc import Iterator

from shelterctl.cli.reporting import Made, Verified
from shelterctl.cli.terminal import Line
from shelterctl.core.words import counted


def lines(made: Made) -> Iterator[Line]:
    """The file first."""
    yield Line(f"Report: {made.file}", "strong")
    yield Line(f"  of {counted(len(made.runs), 'run')}: {', '.join(made.runs)}")
    yield Line(f"  {made.size_bytes / 1000:,.0f} kB, from files with the digest sha256:{made.digest[:16]}…")
    for figure in made.figures:
        yield Line(f"  figure {figure}")
    for note in made.notes:
        yield Line(f"  {note}", "doubt")
    yield Line(f"Next: shelterctl report --verify {made.file}")


def verified(checked: Verified) -> Iterator[Line]:
    """The verdict first, then each file that differs."""
    if checked.held:
        yield Line(f"PASS  {checked.file} is what its {counted(checked.files, 'file')} give", "good")
        yield Line(f"  sha256:{checked.digest}")
        return
    word, style = ("FAIL", "bad") if checked.held is False else ("UNKNOWN", "doubt")
    what = f"{counted(len(checked.changes), 'file')} of its runs differ" if checked.changes else checked.why
    yield Line(f"{word}  {checked.file}: {what}", style)
    for change in checked.changes:
        yield Line(f"  {change.path} {change.how}", style)
    if checked.changes and checked.why:
        yield Line(f"  {checked.why}", style)
