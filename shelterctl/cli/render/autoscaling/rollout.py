"""A rollout under load: whether its users noticed, then the load."""

from __future__ import annotations

from collections.abc import Iterator

from shelterctl.cli.render import loadtest
from shelterctl.cli.terminal import Line, verdict_style
from shelterctl.ops.during import RolledOut


def rollout_lines(result: RolledOut, run: str) -> Iterator[Line]:
    """The verdict on the rollout first; the load's own is part of what follows."""
    verdict = result.judgement.verdict
    style = verdict_style(verdict.value)
    asked = f"{result.requests:,} requests while it was rolled out, {result.failures:,} failed"
    when = "" if result.from_s is None or result.until_s is None else f"; from {result.from_s:.0f} to {result.until_s:.0f} s of the load"
    yield Line(f"{verdict.value}  {asked}{when}", style)
    for reason in result.judgement.reasons:
        yield Line(f"  {reason.text}", style)
        if reason.next_command:
            yield Line(f"    Next: {reason.next_command}")
    if result.deployed is not None:
        changed = "rolled out" if result.deployed.changed else "unchanged"
        yield Line(f"  {result.deployed.chain.reference} {changed} in {result.deployed.elapsed_s:.1f} s")
    yield Line("  The load by itself:", "dim")
    for line in loadtest.lines(result.load, run):
        yield Line(f"  {line.text}", line.style)
