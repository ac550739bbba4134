"""The id that an application gives to what it stored: where it stands in the answer to a write, and the address that takes it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

#: What stands in a path for the id, as Flask and as people write it.
_PARAMETER = re.compile(r"<[^>]*>|\{[^}]*\}")
#: Names of an id, the likelier first; MongoDB's extended JSON wraps its own.
_NAMES = ("id", "_id", "uuid", "uid", "key", "slug")
_NAMED = re.compile(r"(?:^|[a-z0-9])(?:_id|Id|ID)$")
_WRAPPED = "$oid"


class NoId(ValueError):
    """There is no id in an answer; the text says what is there instead."""


def at(document: Any, pointer: str) -> Any:
    """What a JSON pointer (RFC 6901) leads to. Raises LookupError where it leads nowhere."""
    found = document
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list):
            if not re.fullmatch(r"0|[1-9][0-9]*", name):
                raise LookupError(name)
            found = found[int(name)]
        elif isinstance(found, dict):
            found = found[name]
        else:
            raise LookupError(name)
    return found


def is_pointer(text: str) -> bool:
    """Whether a text is a JSON pointer: empty for the whole document, else each step begins with a slash."""
    return (not text or text.startswith("/")) and not re.search(r"~(?![01])", text)


def likely(document: Any) -> str | None:
    """The pointer to what is named like an id, at the top or one step below; None where there is nothing like it."""
    found = list(_named(document, "", 2))
    return min(found)[-1] if found else None


def _named(document: Any, path: str, depth: int) -> Iterator[tuple[int, int, str]]:
    """(depth, rank of the name, pointer)."""
    if not isinstance(document, dict):
        return
    for key, value in document.items():
        pointer = f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}"
        rank = _NAMES.index(key) if key in _NAMES else len(_NAMES) if _NAMED.search(key) else None
        wrapped = isinstance(value, dict) and isinstance(value.get(_WRAPPED), str)
        if rank is not None and (wrapped or _spoken(value)):
            yield 2 - depth, rank, f"{pointer}/{_WRAPPED}" if wrapped else pointer
        elif depth > 1:
            yield from _named(value, pointer, depth - 1)


def _spoken(value: Any) -> str:
    """An id as a text, empty where a value is none. A path of dots would lead elsewhere, however it is quoted."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return "" if value in (".", "..") else str(value)


def template(path: str) -> str | None:
    """A route's path with `{id}` in the place of its parameter; None where it has none, or several."""
    return _PARAMETER.sub("{id}", path) if len(_PARAMETER.findall(path)) == 1 else None


@dataclass(frozen=True, slots=True)
class OneRule:
    """How a write is read by its id: `path` has `{id}`; `pointer` leads to it in the write's answer, None where that is to be found out."""

    path: str
    pointer: str | None = None

    def id_in(self, body: bytes) -> str:
        """The id in the answer to a write. Raises NoId."""
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            raise NoId("the answer to a write is no JSON") from None
        pointer = likely(document) if self.pointer is None else self.pointer
        if pointer is None:
            raise NoId(f"the answer to a write has nothing that is named like an id ({_shape(document)})")
        try:
            value = at(document, pointer)
        except LookupError:
            raise NoId(f"the answer to a write has no {pointer} ({_shape(document)})") from None
        if found := _spoken(value):
            return found
        raise NoId(f"what the answer to a write has at {pointer or 'its top'} is no id: {json.dumps(value)[:60]}")

    def address(self, id_: str) -> str:
        """The path that shows what has this id."""
        return self.path.replace("{id}", quote(id_, safe=""))


def _shape(document: Any) -> str:
    """What an answer has at its top, without values."""
    if isinstance(document, dict):
        return f"it has {', '.join(list(document)[:6]) or 'no key at all'}"
    return "it is a list" if isinstance(document, list) else "it is no object"
