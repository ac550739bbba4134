"""The replicas over time as a small graph: what was desired and what was ready, downsampled to the columns that there are.

A history is a step function: a sample holds until the next one. Times are seconds since the epoch by the clock of who watches.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil
from typing import Literal, TypeAlias

#: The spans that a graph may have, and the distance of the ticks on its axis, in seconds.
SPANS_S = ((60.0, 30.0), (120.0, 60.0), (180.0, 60.0), (300.0, 60.0), (600.0, 120.0), (900.0, 300.0))
KEPT_S = SPANS_S[-1][0]
#: What an autoscaler may differ in its target's percentage without a change that is worth telling.
NOTICEABLE_POINTS = 5

#: The columns left of a graph: a reading such as 184%, a space and the axis.
MARGIN = 6
_BLOCKS = "▁▂▃▄▅▆▇█"

Part: TypeAlias = Literal["axis", "desired", "ready", "cpu", "target"]


@dataclass(frozen=True, slots=True)
class HistorySample:
    """The replicas and the autoscaler's reading from `at_s` on."""

    at_s: float
    desired: int | None
    ready: int
    cpu_percent: int | None


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a graph's line and what it shows."""

    text: str
    part: Part


@dataclass(frozen=True, slots=True)
class GraphLine:
    """A line of the graph, as wide as it was asked for."""

    segments: tuple[Segment, ...]

    @property
    def text(self) -> str:
        return "".join(segment.text for segment in self.segments)


def remember(history: Sequence[HistorySample], sample: HistorySample) -> tuple[HistorySample, ...]:
    """The history with the sample, if it says something new, and without what no graph reaches any more."""
    last = history[-1] if history else None
    if last is not None and (last.desired, last.ready, last.cpu_percent) == (sample.desired, sample.ready, sample.cpu_percent):
        return tuple(history)
    # The sample that held at the edge stays.
    kept = max(0, bisect_right(history, sample.at_s - KEPT_S - SPANS_S[0][0], key=lambda item: item.at_s) - 1)
    return (*history[kept:], sample)


def span_s(watched_s: float) -> float:
    """The shortest span that shows all that was watched; the longest where that is too long."""
    return next((span for span, _ in SPANS_S if watched_s <= span), KEPT_S)


def replica_graph(
    history: Sequence[HistorySample], now_s: float, span: float, columns: int, rows: int, limits: tuple[int, int]
) -> tuple[GraphLine, ...]:
    """The graph as `rows` lines of replicas and one of time, each `columns` wide.

    Desired is solid, ready dotted, and hidden where both are equal. A column shows the most that was desired and the least that was
    ready in its time, so that no gap between them is lost. There is a line for each number of replicas from the lowest to the highest
    of `limits` and of what was seen, or fewer lines, on a scale, where `rows` does not suffice.
    """
    values = [value for sample in history for value in (sample.desired, sample.ready) if value is not None]
    low, high = min([limits[0], *values]), max([limits[1], *values])
    rows = max(2, min(rows, high - low + 1))
    margin = max(MARGIN, len(str(high)) + 2)
    width = max(1, columns - margin)

    def row_of(value: int) -> int:
        return round((value - low) * (rows - 1) / max(1, high - low))

    desired = [max(found, default=None) for found in _buckets(history, now_s, span, width, lambda sample: sample.desired)]
    ready = [min(found, default=None) for found in _buckets(history, now_s, span, width, lambda sample: sample.ready)]
    cells: dict[tuple[int, int], tuple[str, Part]] = {}
    _draw(cells, [None if value is None else row_of(value) for value in ready], "╌╎", "ready")
    _draw(cells, [None if value is None else row_of(value) for value in desired], "─│", "desired")
    lines = []
    for row in reversed(range(rows)):
        label = low + round(row * (high - low) / max(1, rows - 1))
        row_cells = [cells.get((row, column), (" ", "axis")) for column in range(width)]
        lines.append(_line([(f"{label:>{margin - 2}} ┤", "axis"), *row_cells]))
    return (*lines, _line([(" " * (margin - 1) + "└" + _time_axis(span, width), "axis")]))


def cpu_graph(
    history: Sequence[HistorySample], now_s: float, span: float, columns: int, rows: int, target_percent: int | None
) -> tuple[GraphLine, ...]:
    """The autoscaler's CPU readings as bars of `rows` lines, each `columns` wide: the highest in each column's time.

    They stand on 0 and reach to the highest or the target; with two lines or more, that and the target are written beside them, and the
    target is dotted where no bar hides it.
    """
    width = max(1, columns - MARGIN)
    peaks = [max(found, default=None) for found in _buckets(history, now_s, span, width, lambda sample: sample.cpu_percent)]
    top = max([target_percent or 100, 1, *(peak for peak in peaks if peak is not None)])
    eighths = [0 if peak is None else max(1, round(8 * rows * peak / top)) for peak in peaks]
    # The line that a reading at the target just fills.
    target_row = None if target_percent is None or rows < 2 else max(0, ceil(rows * target_percent / top) - 1)
    lines = []
    for row in reversed(range(rows)):
        label = "cpu " if rows < 2 else f"{target_percent}%" if row == target_row else f"{top}%" if row == rows - 1 else ""
        cells: list[tuple[str, Part]] = [(f"{label:>{MARGIN - 2}} {'┤' if label and rows > 1 else ' '}", "axis")]
        for height in eighths:
            filled = min(8, height - 8 * row)
            if filled > 0:
                cells.append((_BLOCKS[filled - 1], "cpu"))
            else:
                cells.append(("┄", "target") if row == target_row else (" ", "axis"))
        lines.append(_line(cells))
    return tuple(lines)


def _buckets(
    history: Sequence[HistorySample], now_s: float, span: float, columns: int, value: Callable[[HistorySample], int | None]
) -> list[list[int]]:
    """The values that held in each column's time, the last column being now; empty where nothing is known."""
    step_s = span / columns
    # The edges stand on whole steps: the graph moves by columns, and does not change its shape from one drawing to the next.
    end_s = ceil(now_s / step_s) * step_s
    times = [sample.at_s for sample in history]
    found = []
    for column in range(columns):
        from_s = end_s - step_s * (columns - column)
        first = bisect_right(times, from_s)
        last = bisect_left(times, from_s + step_s) if column < columns - 1 else bisect_right(times, now_s)
        held = history[max(0, first - 1) : last]
        found.append([item for sample in held if (item := value(sample)) is not None])
    return found


def _draw(cells: dict[tuple[int, int], tuple[str, Part]], rows: Sequence[int | None], strokes: str, part: Part) -> None:
    flat, upright = strokes[0], strokes[1]
    before: int | None = None
    for column, row in enumerate(rows):
        if row is None:
            before = None
            continue
        if before is None or before == row:
            cells[row, column] = (flat, part)
        else:
            cells[before, column] = ("╯" if row > before else "╮", part)
            cells[row, column] = ("╭" if row > before else "╰", part)
            for between in range(min(before, row) + 1, max(before, row)):
                cells[between, column] = (upright, part)
        before = row


def _line(parts: Sequence[tuple[str, Part]]) -> GraphLine:
    grouped = groupby(parts, key=lambda item: item[1])
    return GraphLine(tuple(Segment("".join(text for text, _ in group), part) for part, group in grouped))


def _time_axis(span: float, width: int) -> str:
    """─────── -2 min ─────── -1 min ───────: a label stands around its moment; one that would touch another is left out."""
    tick_s = next(tick for reach, tick in SPANS_S if span <= reach)
    axis = ["─"] * width
    free = width
    for number in range(1, ceil(span / tick_s)):
        ago_s = number * tick_s
        label = f" -{ago_s:.0f} s " if ago_s < 60 else f" -{ago_s / 60:g} min "
        start = round(width * (1 - ago_s / span)) - len(label) // 2
        if start >= 0 and start + len(label) < free:
            axis[start : start + len(label)] = label
            free = start
    return "".join(axis)
