"""A stack as a picture: its parts in columns from who asks to what is stored, and the ways between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from shelterctl.core.figures.svg import BLACK, BLUE, GREY, WIDTH, text
from shelterctl.core.words import counted, plain

_BOX, _GAP_X, _GAP_Y, _TOP, _EDGE = 176, 62, 30, 50, 10
_HEAD, _LINE = 40, 15
_LETTERS = 26
#: What each kind is drawn like, beside its name: the picture says the same in black and white.
_DASHES = {"HorizontalPodAutoscaler": "5 3", "PersistentVolumeClaim": "2 2", "claim": "2 2"}


@dataclass(frozen=True, slots=True)
class Part:
    """A part: `column` is from 1 (in front) to 5 (storage); `lines` stand under its name."""

    key: str
    kind: str
    name: str
    lines: tuple[str, ...]
    column: int


@dataclass(frozen=True, slots=True)
class Link:
    """A way from one part to another, by their keys."""

    from_key: str
    to_key: str
    word: str


@dataclass(frozen=True, slots=True)
class StackPicture:
    """`policies` are sentences about which ways the network allows."""

    parts: tuple[Part, ...]
    links: tuple[Link, ...]
    policies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Box:
    part: Part
    x: float
    y: float
    height: float

    @property
    def right(self) -> float:
        return self.x + _BOX

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


def stack_svg(picture: StackPicture) -> str:
    """The picture as a document of its own."""
    boxes, width, height = _placed(picture)
    description = f"{counted(len(picture.parts), 'part')}: {', '.join(f'{part.kind} {part.name}' for part in picture.parts)}"
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
        f'role="img" aria-label={quoteattr(plain(description))} font-family="system-ui, sans-serif" font-size="12">',
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
        text(_EDGE, 22, "The stack, from who asks to what is stored", size=14, weight="600"),
    ]
    for link in picture.links:
        if link.from_key in boxes and link.to_key in boxes:
            drawn += _way(boxes[link.from_key], boxes[link.to_key], link.word)
    for box in boxes.values():
        drawn += _box(box)
    drawn.append("</svg>")
    return "\n".join(drawn) + "\n"


def _placed(picture: StackPicture) -> tuple[dict[str, _Box], float, float]:
    """Columns without a part take no room."""
    used = sorted({part.column for part in picture.parts})
    boxes: dict[str, _Box] = {}
    lowest = 0.0
    for place, column in enumerate(used):
        y = float(_TOP)
        for part in _ordered(picture, column):
            height = _HEAD + _LINE * min(len(part.lines), 4)
            boxes[part.key] = _Box(part, _EDGE + place * (_BOX + _GAP_X), y, height)
            y += height + _GAP_Y
        lowest = max(lowest, y)
    # Short columns stand in the middle of the longest.
    centred = {}
    for key, box in boxes.items():
        column_end = max(each.y + each.height for each in boxes.values() if each.x == box.x) + _GAP_Y
        centred[key] = _Box(box.part, box.x, box.y + (lowest - column_end) / 2, box.height)
    width = max(WIDTH, 2 * _EDGE + len(used) * _BOX + (len(used) - 1) * _GAP_X)
    return centred, float(width), lowest + 6


def _ordered(picture: StackPicture, column: int) -> list[Part]:
    """The parts of a column, each near those that it has to do with: ways cross where they must only.

    The application's column stands as it is; the others follow the mean place of their neighbours in it.
    """
    own = [part for part in picture.parts if part.column == column]
    anchor = [part.key for part in picture.parts if part.column == 2]
    if column == 2 or not anchor:
        return own
    reached = {part.key: _places(picture, part.key, anchor) for part in own}
    return sorted(own, key=lambda part: reached[part.key])


def _places(picture: StackPicture, key: str, anchor: list[str]) -> float:
    near = {link.to_key if link.from_key == key else link.from_key for link in picture.links if key in (link.from_key, link.to_key)}
    if not near & set(anchor):
        near |= {link.from_key for link in picture.links if link.to_key in near} | {
            link.to_key for link in picture.links if link.from_key in near
        }
    places = [anchor.index(each) for each in near if each in anchor]
    return sum(places) / len(places) if places else float(len(anchor))


def _box(box: _Box) -> Iterator[str]:
    part = box.part
    dash = f' stroke-dasharray="{_DASHES[part.kind]}"' if part.kind in _DASHES else ""
    yield (
        f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{_BOX}" height="{box.height:.1f}" rx="5" fill="#f6f8fa" stroke="{BLACK}" '
        f'stroke-width="1.2"{dash}/>'
    )
    yield text(box.x + 10, box.y + 15, part.kind, size=10, colour=GREY)
    yield text(box.x + 10, box.y + 31, _cut(part.name, 22), weight="600")
    for number, line in enumerate(part.lines[:4]):
        yield text(box.x + 10, box.y + 31 + _LINE * (number + 1), _cut(line, _LETTERS), size=11)


def _way(one: _Box, other: _Box, word: str) -> Iterator[str]:
    if one.x == other.x:
        # Neighbours in one column: from edge to edge.
        down = other.y > one.y
        x = one.x + _BOX / 2
        x1, y1, x2, y2 = x, one.y + one.height if down else one.y, x, other.y if down else other.y + other.height
    else:
        right = other.x > one.x
        x1, y1, x2, y2 = one.right if right else one.x, one.middle, other.x if right else other.right, other.middle
    length = max(((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5, 1.0)
    ux, uy = (x2 - x1) / length, (y2 - y1) / length
    bx, by = x2 - 8 * ux, y2 - 8 * uy
    yield f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{bx:.1f}" y2="{by:.1f}" stroke="{BLUE}" stroke-width="1.4"/>'
    yield (f'<polygon points="{x2:.1f},{y2:.1f} {bx - 4 * uy:.1f},{by + 4 * ux:.1f} {bx + 4 * uy:.1f},{by - 4 * ux:.1f}" fill="{BLUE}"/>')
    if one.x != other.x:
        x, y = (x1 + x2) / 2, (y1 + y2) / 2
        wide = 6.2 * len(word)
        yield f'<rect x="{x - wide / 2:.1f}" y="{y - 16:.1f}" width="{wide:.1f}" height="13" fill="#ffffff" opacity="0.85"/>'
        yield text(x, y - 6, word, anchor="middle", size=10, colour=BLACK)


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 9]}…{words[-8:]}"
