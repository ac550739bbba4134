"""The pieces of a figure: panels one above the other that share an axis of time, with lines, steps and marks in them.

Lines differ by their dashes as well as by their colour; colours are those of Okabe and Ito ("Color Universal Design", 2008), which people
with any kind of colour vision tell apart. Nothing is loaded from anywhere: fonts are the reader's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from xml.sax.saxutils import escape, quoteattr

from shelterctl.core.words import plain

WIDTH = 800
LEFT, RIGHT, TOP, GAP, BOTTOM = 64, 150, 34, 26, 44
BLUE, ORANGE, GREEN, RED, GREY, BLACK = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#767676", "#1a1a1a"
#: More points than this on 600 pixels show nothing more; extremes are kept when a line is thinned.
MOST_POINTS = 1200
#: The width of a letter of a mark, more or less.
_LETTER = 5.5

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """Points in order of time. `steps`: a value holds until the next one; `dots`: each point by itself. `dash` as in SVG."""

    label: str
    points: Sequence[Point]
    colour: str = BLACK
    dash: str = ""
    steps: bool = False
    width: float = 1.6
    dots: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment: a dotted line over the panel with a word at its top."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One axis: what it shows, in which unit. `most` is the least that its top is."""

    title: str
    unit: str
    lines: Sequence[Line]
    height: int = 130
    marks: Sequence[Mark] = ()
    most: float = 0.0
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """`until_s` is the end of the time axis (seconds), which counts from `since` and begins at `from_s`.

    `description` says in a sentence what is to be seen, for who cannot.
    """

    title: str
    panels: Sequence[Panel]
    until_s: float
    description: str = ""
    notes: Sequence[str] = field(default_factory=tuple)
    from_s: float = 0.0
    since: str = "the load began"


def svg(figure: Figure) -> str:
    """The figure as a document of its own, which may be put into a page as it is."""
    height = TOP + sum(panel.height for panel in figure.panels) + GAP * (len(figure.panels) - 1) + BOTTOM + 16 * len(figure.notes)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" '
        f"aria-label={quoteattr(plain(figure.description or figure.title))} "
        'font-family="system-ui, sans-serif" font-size="12">',
        f"<title>{escape(plain(figure.title))}</title>",
        f"<desc>{escape(plain(figure.description))}</desc>" if figure.description else "",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        text(LEFT, 20, figure.title, size=14, weight="600"),
    ]
    top = TOP
    span = (figure.from_s, max(figure.until_s, figure.from_s + 1.0), figure.since)
    for number, panel in enumerate(figure.panels):
        parts += _panel(panel, top, span, last=number == len(figure.panels) - 1)
        top += panel.height + GAP
    for number, note in enumerate(figure.notes):
        parts.append(text(LEFT, height - 16 * (len(figure.notes) - number) + 8, note, colour=GREY, size=11))
    parts.append("</svg>")
    return "\n".join(part for part in parts if part) + "\n"


def _panel(panel: Panel, top: int, span: tuple[float, float, str], *, last: bool) -> Iterator[str]:
    from_s, until_s, since = span
    values = [value for line in panel.lines for _, value in line.points]
    ticks = nice_ticks(max([panel.most, *values], default=1.0), whole=panel.whole)
    high = ticks[-1] or 1.0
    bottom, right = top + panel.height, WIDTH - RIGHT

    def x(at_s: float) -> float:
        return LEFT + (right - LEFT) * min(max((at_s - from_s) / (until_s - from_s), 0.0), 1.0)

    def y(value: float) -> float:
        return bottom - panel.height * min(max(value / high, 0.0), 1.0)

    for tick in ticks:
        yield f'<line x1="{LEFT}" y1="{y(tick):.1f}" x2="{right}" y2="{y(tick):.1f}" stroke="#dddddd" stroke-width="0.7"/>'
        yield text(LEFT - 6, y(tick) + 4, _number(tick), anchor="end", colour=GREY, size=11)
    for tick_s in time_ticks(until_s, from_s):
        yield f'<line x1="{x(tick_s):.1f}" y1="{top}" x2="{x(tick_s):.1f}" y2="{bottom}" stroke="#eeeeee" stroke-width="0.7"/>'
        if last:
            yield text(x(tick_s), bottom + 16, _clock(tick_s, until_s), anchor="middle", colour=GREY, size=11)
    if last:
        yield text((LEFT + right) / 2, bottom + 34, _time_unit(until_s, since), anchor="middle", colour=GREY, size=11)
    yield f'<line x1="{LEFT}" y1="{bottom}" x2="{right}" y2="{bottom}" stroke="{BLACK}" stroke-width="0.9"/>'
    yield (
        f'<text transform="translate(16 {(top + bottom) / 2:.1f}) rotate(-90)" text-anchor="middle" fill="{BLACK}" font-size="12">'
        f"{escape(plain(panel.title))} ({escape(plain(panel.unit))})</text>"
    )
    for mark in panel.marks:
        yield (
            f'<line x1="{x(mark.at):.1f}" y1="{top}" x2="{x(mark.at):.1f}" y2="{bottom}" stroke="{GREY}" stroke-width="1" '
            'stroke-dasharray="1.5 2.5"/>'
        )
    for line in panel.lines:
        yield from _line(line, x, y)
    for number, mark in enumerate(panel.marks):
        # Near the right edge its words stand on the other side, clear of the legend.
        before = x(mark.at) + 3 + _LETTER * len(mark.label) > right
        place, anchor = (x(mark.at) - 3, "end") if before else (x(mark.at) + 3, "start")
        yield text(place, top + 10 + 11 * (number % 3), mark.label, anchor=anchor, size=10, colour=BLACK, halo=True)
    yield from _legend(panel.lines, right + 10, top + 8)


def _line(line: Line, x: Callable[[float], float], y: Callable[[float], float]) -> Iterator[str]:
    points = thinned(line.points, MOST_POINTS)
    if not points:
        return
    if line.dots:
        # A line between two answers would show times that nobody measured.
        spots = "".join(f"M{x(at):.1f} {y(value):.1f}h0" for at, value in points)
        yield f'<path d="{spots}" fill="none" stroke="{line.colour}" stroke-width="{2 * line.width}" stroke-linecap="round"/>'
        return
    path = [f"M{x(points[0][0]):.1f} {y(points[0][1]):.1f}"]
    for (_, before), (at, value) in pairwise(points):
        if line.steps and value != before:
            path.append(f"L{x(at):.1f} {y(before):.1f}")
        path.append(f"L{x(at):.1f} {y(value):.1f}")
    dash = f' stroke-dasharray="{line.dash}"' if line.dash else ""
    yield f'<path d="{"".join(path)}" fill="none" stroke="{line.colour}" stroke-width="{line.width}"{dash} stroke-linejoin="round"/>'


def _legend(lines: Iterable[Line], left: float, top: float) -> Iterator[str]:
    for number, line in enumerate(lines):
        y = top + 17 * number
        dash = f' stroke-dasharray="{line.dash}"' if line.dash else ""
        yield f'<line x1="{left}" y1="{y:.1f}" x2="{left + 22}" y2="{y:.1f}" stroke="{line.colour}" stroke-width="{line.width}"{dash}/>'
        yield text(left + 28, y + 4, line.label, size=11)


def text(
    x: float, y: float, words: str, *, anchor: str = "start", colour: str = BLACK, size: int = 12, weight: str = "400", halo: bool = False
) -> str:
    """With a halo what lies under the words does not strike them through."""
    around = ' paint-order="stroke" stroke="#ffffff" stroke-width="3" stroke-linejoin="round"' if halo else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="{size}" font-weight="{weight}"{around}>'
        f"{escape(plain(words))}</text>"
    )


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """At most so many points, with the smallest and the largest of each stretch that is put together: no peak goes."""
    if len(points) <= most:
        return list(points)
    size = math.ceil(len(points) / (most // 2))
    found: list[Point] = []
    for begin in range(0, len(points), size):
        stretch = points[begin : begin + size]
        low, high = min(stretch, key=lambda point: point[1]), max(stretch, key=lambda point: point[1])
        found += sorted({low, high})
    return found


def nice_ticks(most: float, *, whole: bool = False) -> list[float]:
    """From 0 to at least `most`, in three to six steps of 1, 2 or 5 times a power of ten."""
    if most <= 0:
        return [0.0, 1.0]
    rough = most / 4
    power = 10 ** math.floor(math.log10(rough))
    step = next((factor * power for factor in (1, 2, 5, 10) if factor * power >= rough - 1e-12), 10 * power)
    if whole:
        step = 1.0 if most <= 6 else max(1.0, math.ceil(step))
    count = math.ceil(most / step - 1e-9)
    return [round(step * number, 10) for number in range(count + 1)]


def time_ticks(until_s: float, from_s: float = 0.0) -> list[float]:
    """Every second, 10 s, 30 s, minute, 5 minutes …, so that there are at most ten; 0 is one where it is in sight."""
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800)
    step = next((step for step in steps if (until_s - from_s) / step <= 8), steps[-1])
    return [float(step * number) for number in range(math.ceil(from_s / step), int(until_s // step) + 1)]


def _time_unit(until_s: float, since: str) -> str:
    return f"{'seconds' if until_s <= 180 else 'minutes'} since {since}"


def _clock(at_s: float, until_s: float) -> str:
    if until_s <= 180:
        return f"{at_s:.0f}"
    minutes, seconds = divmod(round(at_s), 60)
    return f"{minutes}" if not seconds else f"{minutes}:{seconds:02d}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:g}"
