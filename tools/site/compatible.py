"""Whether a schema still says what an earlier one of its version said: fields, words and commands may be added, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]
#: What people look up by name in `$defs`; other definitions may be called as the code calls them.
_ENTRIES = ("result.", "event ", "line of ")
_BOUNDS = ("const", "minItems", "maxItems")


def broken(old: Schema, new: Schema) -> list[str]:
    """What a reader who was written for `old` no longer finds in `new`, each with its place; empty where nothing.

    New are allowed: properties that are not required, words of an enum, commands, events, journals. Another type, a value that may now be
    null, a property that is gone, required or no longer always there are not.
    """
    found = list(_differences(old, new, old, new, "document", ()))
    for name, kept in old.get("$defs", {}).items():
        if name.startswith(_ENTRIES):
            now = new.get("$defs", {}).get(name)
            found += [f"{name}: gone"] if now is None else list(_differences(kept, now, old, new, name, ()))
    return found


def _differences(old: Schema, new: Schema, old_root: Schema, new_root: Schema, at: str, seen: tuple[str, ...]) -> Iterator[str]:
    reference = old.get("$ref", "")
    if reference and reference in seen:
        return
    old, new = _resolved(old, old_root), _resolved(new, new_root)
    inside = (*seen, reference) if reference else seen
    if _types(old) != _types(new):
        yield f"{at}: {_told(old)} is now {_told(new)}"
        return
    for bound in _BOUNDS:
        if old.get(bound) != new.get(bound):
            yield f"{at}: {bound} was {old.get(bound)} and is {new.get(bound)}"
    if gone := [word for word in old.get("enum", ()) if word not in new.get("enum", ())]:
        yield f"{at}: no longer one of its words: {', '.join(map(str, gone))}"
    before, now = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(before - now):
        yield f"{at}.{name}: was always there and may be missing"
    for name in sorted(now - before):
        yield f"{at}.{name}: is required, and earlier documents do not have it (give it a default)"
    for name, kept in old.get("properties", {}).items():
        if name in new.get("properties", {}):
            yield from _differences(kept, new["properties"][name], old_root, new_root, f"{at}.{name}", inside)
        else:
            yield f"{at}.{name}: gone"
    for part in ("items", "additionalProperties"):
        if part in old:
            yield from _differences(old[part], new.get(part, {}), old_root, new_root, f"{at}[]", inside)
    for part in ("prefixItems", "anyOf"):
        yield from _lists(old.get(part, ()), new.get(part, ()), part, old_root, new_root, at, inside)


def _lists(old: Any, new: Any, part: str, old_root: Schema, new_root: Schema, at: str, seen: tuple[str, ...]) -> Iterator[str]:
    """In the order of the code: what stands there first stays first."""
    if len(old) != len(new):
        yield f"{at}: {len(old)} of {part} are now {len(new)}"
        return
    for number, (kept, now) in enumerate(zip(old, new, strict=True)):
        yield from _differences(kept, now, old_root, new_root, f"{at}({number})", seen)


def _resolved(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return schema


def _types(schema: Schema) -> set[str]:
    """The JSON types that are named; `(enum)` and `(any of)` for schemas that name none."""
    if "type" in schema:
        named = schema["type"]
        return {named} if isinstance(named, str) else set(named)
    return {word for word in ("enum", "anyOf", "const") if word in schema}


def _told(schema: Schema) -> str:
    return " or ".join(sorted(_types(schema))) or "any value"
