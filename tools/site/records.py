"""Records told as tables for the reference: what each field is, by its type, and what its docstring says."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

_PLAIN = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    type(None): "null",
    object: "any value",
    Any: "any value",
}


class Records:
    """Every record that was mentioned, so that each is told once and links lead to it."""

    def __init__(self) -> None:
        self._waiting: list[type] = []
        self._told: set[type] = set()

    def mention(self, kind: Any) -> str:
        """The type in words, with a link for a record."""
        origin = get_origin(kind)
        if origin in (Union, types.UnionType):
            return " or ".join(self.mention(part) for part in get_args(kind))
        if origin is tuple:
            parts = get_args(kind)
            if len(parts) == 2 and parts[1] is Ellipsis:
                return f"list of {self.mention(parts[0])}"
            return f"list: {', '.join(self.mention(part) for part in parts)}"
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return f"object, each value {self.mention(get_args(kind)[1])}"
        if isinstance(origin, type) and issubclass(origin, Sequence | Set):
            return f"list of {self.mention(get_args(kind)[0])}"
        if isinstance(kind, type) and issubclass(kind, Enum):
            return "one of " + ", ".join(f"`{item.value}`" for item in kind)
        if is_dataclass(kind) and isinstance(kind, type):
            if kind not in self._told and kind not in self._waiting:
                self._waiting.append(kind)
            return f"[{kind.__name__}](#{self.anchor(kind)})"
        return _PLAIN.get(kind, getattr(kind, "__name__", str(kind)))

    def heading(self, kind: type) -> str:
        """Modules tell records of one name apart."""
        return f"{kind.__name__} ({kind.__module__.removeprefix('shelterctl.')})"

    def anchor(self, kind: type) -> str:
        """As both the site and GitHub make it of a heading: small letters, no signs, hyphens for spaces."""
        return re.sub(r"[^\w\s-]", "", self.heading(kind)).lower().replace(" ", "-")

    def rest(self) -> Iterator[type]:
        """The records that were mentioned and not told yet, until there is none."""
        while self._waiting:
            yield self._waiting.pop(0)

    def lines(self, kind: type, *, level: str) -> Iterator[str]:
        """A heading, what it is, and a row for each field."""
        self._told.add(kind)
        yield f"{level} {self.heading(kind)}"
        yield ""
        yield prose(kind)
        yield ""
        yield from self.table(kind)

    def table(self, kind: type) -> Iterator[str]:
        hints = get_type_hints(kind)
        rows = [(f"`{field.name}`", self.mention(hints[field.name])) for field in fields(kind)]
        if not rows:
            return
        yield "| field | what it is |"
        yield "|---|---|"
        for name, words in rows:
            yield f"| {name} | {words} |"
        yield ""


def prose(kind: type) -> str:
    """Its docstring, with angle brackets as text."""
    text = inspect.cleandoc(kind.__doc__ or "")
    if text.startswith(f"{kind.__name__}("):
        # dataclasses write a signature where nobody wrote a word.
        return ""
    return re.sub(r"<([^>`]*)>", r"&lt;\1&gt;", text)
