"""The writes through a fault as a figure: what was acknowledged and what was not, over the time since the kill."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from shelterctl.core.faults.ledger import ClientSaw, WriteOutcome
from shelterctl.core.figures.svg import BLUE, GREEN, ORANGE, RED, Figure, Line, Mark, Panel, Point

#: The moments that stand in the figure; all of them are in the table beside it.
_MARKED = ("process back", "pod ready", "first acknowledged write")
_BEFORE_S = 5.0
_MOST_BINS = 240


def writes_figure(writes: Sequence[WriteOutcome], fault_s: float, milestones: Sequence[tuple[str, float]]) -> Figure | None:
    """From five seconds before the kill (`fault_s`, by the clock of the writes) to the last answer; None where nothing was answered."""
    ended = [write.ended_at_s - fault_s for write in writes]
    if not ended:
        return None
    from_s, until_s = max(min(ended), -_BEFORE_S), max(max(ended), 1.0)
    bin_s = next((size for size in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0) if (until_s - from_s) / size <= _MOST_BINS), 60.0)
    first = int(from_s // bin_s)
    bins = range(first, int(until_s // bin_s) + 1)
    lines = []
    for saw, colour, dash in ((ClientSaw.ACK, GREEN, ""), (ClientSaw.INDETERMINATE, ORANGE, "5 2"), (ClientSaw.REJECTED, RED, "2 2")):
        counts = Counter(int((write.ended_at_s - fault_s) // bin_s) for write in writes if write.saw is saw)
        points: list[Point] = [(number * bin_s, counts[number] / bin_s) for number in bins]
        word = "unknown outcome" if saw is ClientSaw.INDETERMINATE else saw.value
        if saw is ClientSaw.ACK or any(value for _, value in points):
            lines.append(Line(word, points, colour, dash, steps=True))
    marks = [Mark(0.0, "kill")]
    marks += [Mark(at_s, name) for name, at_s in milestones if name in _MARKED and 0 <= at_s <= until_s]
    delays = [(write.ended_at_s - fault_s, 1000 * (write.ended_at_s - write.sent_at_s)) for write in writes]
    delays = sorted(point for point in delays if point[0] >= from_s)
    panels = [
        Panel("answers", f"1/s, by {bin_s:g} s", lines, marks=marks, height=150),
        Panel("time to answer", "ms", [Line("each write", delays, BLUE, dots=True)], marks=[Mark(0.0, "")], height=90),
    ]
    acks = sum(write.saw is ClientSaw.ACK for write in writes)
    described = f"{len(writes):,} writes were answered, {acks:,} of them acknowledged; the kill is at 0 s"
    return Figure("Writes through the kill", panels, until_s, described, from_s=from_s, since="the kill")
