"""Where the fields of a rendered object are written: in its own file, in a patch, or in the line of a kustomization that set them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shelterctl.core.stack.documents import Document, Origin, Path

#: What tells the items of a list apart, the most telling first: two mounts may have one volume's name.
_KEYS = ("mountPath", "name", "containerPort", "port", "key", "ip", "path")

#: The line of a transformer that set a value at a path; None where none did.
Said = Callable[[Path, object], Origin | None]


@dataclass(frozen=True, slots=True)
class Held:
    """A written value that a rendered one may have come from, at `path` of its document."""

    document: Document
    path: Path
    value: Any

    @property
    def origin(self) -> Origin:
        return self.document.at(*self.path)

    def child(self, key: str | int) -> Held:
        return Held(self.document, (*self.path, key), self.value[key])


@dataclass(frozen=True, slots=True)
class Operation:
    """A step of a JSON patch: what it puts at `path` of the object. A last part of `-` is the end of a list."""

    path: tuple[str, ...]
    held: Held

    def made(self, path: Path, value: object) -> bool:
        told = tuple(str(part) for part in path)
        if self.path[-1:] == ("-",):
            return told[:-1] == self.path[:-1] and value == self.held.value
        return told == self.path


def placed(body: Mapping[str, Any], written: Sequence[Document], operations: Sequence[Operation], said: Said, fallback: Origin) -> Document:
    """A rendered object with the place of each field. `written` are its own document and the patches over it, the last to act last."""
    walk = _Walk({}, operations, said)
    walk.go((), body, [Held(document, (), document.body) for document in written])
    return Document(body, written[0].file if written else fallback.file, {}, {(): fallback, **walk.places})


@dataclass(frozen=True, slots=True)
class _Walk:
    places: dict[Path, Origin]
    operations: Sequence[Operation]
    said: Said

    def go(self, path: Path, value: Any, held: list[Held]) -> None:
        held = held + [each.held for each in self.operations if each.made(path, value)]
        if isinstance(value, Mapping):
            inner = [each for each in held if isinstance(each.value, Mapping)]
            self._note(path, value, inner)
            for key, item in value.items():
                self.go((*path, key), item, [each.child(key) for each in inner if key in each.value])
        elif isinstance(value, list):
            lists = [each for each in held if isinstance(each.value, list)]
            self._note(path, value, lists)
            for index, item in enumerate(value):
                self.go((*path, index), item, [match for each in lists if (match := _match(each, item, index, value)) is not None])
        else:
            same = [each for each in held if each.value == value]
            self._note(path, value, [same[-1]] if same else [], otherwise=held)

    def _note(self, path: Path, value: object, held: list[Held], otherwise: Sequence[Held] = ()) -> None:
        origin = held[0].origin if held else self.said(path, value) or (otherwise[0].origin if otherwise else None)
        if origin is not None:
            self.places[path] = origin


def _match(held: Held, item: object, index: int, items: Sequence[object]) -> Held | None:
    """The written item of a list that a rendered one is: by what names it, else the same value, else the same place."""
    written = held.value
    if isinstance(item, Mapping):
        for key in _KEYS:
            if key in item and not isinstance(item[key], Mapping | list):
                alike = [n for n, other in enumerate(written) if isinstance(other, Mapping) and other.get(key) == item[key]]
                if alike:
                    return held.child(alike[0])
    for number, other in enumerate(written):
        if other == item:
            return held.child(number)
    return held.child(index) if len(written) == len(items) else None
