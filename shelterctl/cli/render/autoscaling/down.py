"""The way down after a load for people."""

from __future__ import annotations

from collections.abc import Iterator

from shelterctl.cli.terminal import Line
from shelterctl.core.load.course.way_down import WayDown
from shelterctl.core.load.course.words import elastic, moments


def way_lines(way: WayDown) -> Iterator[Line]:
    """Its moments, and its elasticity by itself."""
    yield Line("  Way down, from the last request on")
    for at_s, words in moments(way):
        yield Line(f"  {at_s:>6.1f} s  {words}", "plain")
    if way.elasticity is not None:
        yield Line(f"  Elastic  {elastic(way.elasticity, way.minimum)}")
