"""Places times that a node told by its own clock on this machine's: only then is it known whether a measurement lies under a load.

A node writes its own time into its lease every 10 s. What was told by `answered_s` was written before it; what had changed since the
question before was written after that one. Each round narrows the difference of the two clocks from both sides. Where the two sides
contradict each other by no more than a lease is on its way, that is what it was; by more, the clock was set.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

#: From the node's look at its clock until its lease says so: what was on its way while the question before was answered. On a busy node it
#: takes half a second and more.
WRITING_S = 2.0
_SAME_S = 0.001


@dataclass(frozen=True, slots=True)
class ClockReading:
    """A node's own time as it last told it (`told_s`), and when it was asked for and answered by this machine's clock (epoch seconds)."""

    node: str
    told_s: float
    asked_s: float
    answered_s: float


@dataclass(slots=True)
class _Difference:
    """How far a node's clock is ahead, between `least_s` and `most_s`; `most_s` is None until its lease was seen to change."""

    told_s: float
    asked_s: float
    least_s: float
    most_s: float | None = None

    @property
    def bound_s(self) -> float | None:
        """The most that the clock can be ahead."""
        if self.most_s is None or self.least_s <= self.most_s + _SAME_S:
            return self.most_s
        return self.most_s + WRITING_S


class Clocks:
    """The differences of the nodes' clocks, as far as they are known."""

    def __init__(self) -> None:
        self._nodes: dict[str, _Difference] = {}

    def add(self, readings: Iterable[ClockReading]) -> None:
        """Takes in one round of readings."""
        for reading in readings:
            known = self._nodes.get(reading.node)
            least_s = reading.told_s - reading.answered_s
            if known is None:
                self._nodes[reading.node] = _Difference(reading.told_s, reading.asked_s, least_s)
                continue
            known.least_s = max(known.least_s, least_s)
            if reading.told_s != known.told_s:
                most_s = reading.told_s - known.asked_s
                known.most_s = most_s if known.most_s is None else min(known.most_s, most_s)
            known.told_s, known.asked_s = reading.told_s, reading.asked_s

    def earliest_s(self, node: str, told_s: float) -> float | None:
        """The earliest that a time of the node's can have been, by this machine's clock; None where that cannot be known."""
        known = self._nodes.get(node)
        bound_s = None if known is None else known.bound_s
        return None if bound_s is None or self.problem(node) else told_s - bound_s

    def likely_s(self, node: str, told_s: float) -> float:
        """The node's time by this machine's clock, as near as is known."""
        known = self._nodes.get(node)
        if known is None or known.bound_s is None or self.problem(node):
            return told_s
        # Clocks that may agree are taken to: the bounds are seconds apart.
        return told_s if known.least_s <= 0 <= known.bound_s else told_s - (known.least_s + known.bound_s) / 2

    def problem(self, node: str) -> str:
        """Why the node's times cannot be placed; empty where they can."""
        known = self._nodes.get(node)
        if known is None:
            return f"the clock of node {node or 'unknown'} could not be read"
        if known.most_s is None:
            return f"the clock of node {node} was not seen to move"
        set_meanwhile = known.least_s > known.most_s + WRITING_S + _SAME_S
        return f"the clock of node {node} was set while the load ran" if set_meanwhile else ""
