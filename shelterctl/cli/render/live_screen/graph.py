"""The graph of the screen: replicas and CPU against one axis of time, told apart by their strokes, and by colour besides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from shelterctl.core.watch.history import GraphLine, cpu_graph, replica_graph, span_s
from shelterctl.core.watch.model import WatchModel

if TYPE_CHECKING:
    from rich.text import Text

#: Lines of replicas at most, where there are many; of CPU, and where there is room; the columns of what stands right of them.
_ROWS, _CPU_ROWS, _LEGEND = 8, 3, 14
_PARTS = {"axis": "dim", "desired": "cyan", "ready": "green", "cpu": "yellow", "target": "dim"}


def graph_lines(model: WatchModel) -> int:
    """How many lines the graph would like; 0 where there is nothing to draw."""
    levels = _levels(model)
    return levels + 1 + (_CPU_ROWS if _measured(model) else 0) if levels else 0


def _levels(model: WatchModel) -> int:
    if not model.history or model.empty:
        return 0
    low, high = _limits(model)
    values = [v for sample in model.history for v in (sample.desired, sample.ready) if v is not None]
    return max(2, min(_ROWS, max([high, *values]) - min([low, *values]) + 1))


def _measured(model: WatchModel) -> bool:
    return any(sample.cpu_percent is not None for sample in model.history)


def _limits(model: WatchModel) -> tuple[int, int]:
    """The least range of the graph: the autoscaler's own, where that is small enough to be seen whole."""
    seen = model.autoscaler
    if seen is None:
        return model.ready, model.ready
    return seen.minimum, seen.maximum if seen.maximum - seen.minimum < _ROWS else seen.desired


def graph(model: WatchModel, now_s: float, width: int, lines: int) -> Iterator[Text]:
    """At most `lines` lines: the CPU gives way before the replicas do."""

    measured = _measured(model)
    if lines < (4 if measured else 3) or not _levels(model):
        return
    # One line of CPU, the replicas as they would like, then the rest of the CPU.
    levels = min(_levels(model), lines - (2 if measured else 1))
    cpu_rows = min(_CPU_ROWS, lines - 1 - levels) if measured else 0
    columns = min(width, 100) - _LEGEND
    span = span_s(now_s - model.history[0].at_s)
    *drawn, axis = replica_graph(model.history, now_s, span, columns, levels, _limits(model))
    last = model.history[-1]
    apart = any(_ends(line) == "ready" for line in drawn)
    for line in drawn:
        legend = {"ready": f" {last.ready} ready", "desired": f" {last.desired} desired", "": ""}[_ends(line)]
        if legend and not apart and last.desired is not None:
            # The lines are one at their end.
            legend = f" {last.ready} of {last.desired} ready"
        yield _text(line, legend, _PARTS[line.segments[-1].part])
    yield _text(axis)
    if cpu_rows:
        target = model.autoscaler.cpu_target_percent if model.autoscaler is not None else None
        bars = cpu_graph(model.history, now_s, span, columns, cpu_rows, target)
        for row, line in enumerate(bars):
            reading = "" if last.cpu_percent is None else f" cpu {last.cpu_percent}%"
            yield _text(line, reading if row == len(bars) - 1 else "", "")


def _text(line: GraphLine, legend: str = "", style: str = "") -> Text:
    from rich.text import Text

    text = Text()
    for segment in line.segments:
        text.append(segment.text, style=_PARTS[segment.part])
    text.append(legend, style=style)
    text.rstrip()
    return text


def _ends(line: GraphLine) -> str:
    """Which of the two ends in this line, if any does; a line that only passes through it does not."""
    end = line.segments[-1]
    return end.part if end.part != "axis" and end.text[-1] in "─╌╭╰" else ""


_ASCII = str.maketrans(
    {
        **dict.fromkeys("─", "-"), **dict.fromkeys("╌", "."), **dict.fromkeys("┄", "~"), **dict.fromkeys("│┤", "|"), "╎": ":",
        **dict.fromkeys("╭╮╰╯└", "+"), **dict(zip("▁▂▃▄▅▆▇█", "_.-=+*%#", strict=True)), "→": "->", "…": "~", "×": "x",
    }
)  # fmt: skip


def in_ascii(lines: Sequence[Text], width: int) -> list[Text]:
    """The lines for a terminal whose encoding lacks these signs; what it lacks else is a question mark."""
    from rich.text import Text

    found = []
    for line in lines:
        text = Text(style=line.style)
        edges = sorted({0, len(line.plain), *(edge for span in line.spans for edge in (span.start, span.end))})
        for start, end in pairwise(edges):
            style = next((span.style for span in line.spans if span.start <= start and span.end >= end), "")
            plain = line.plain[start:end].translate(_ASCII).encode("ascii", "replace").decode()
            text.append(plain, style=style)
        text.truncate(width)
        found.append(text)
    return found
