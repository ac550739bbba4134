"""Records to JSON values and back, in one way for the run folder, `--output json`, the embedded target and the tests."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from math import isfinite
from typing import Any, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

#: The schema of result.json, events.jsonl and `--output json`. It changes when a field changes its meaning or goes away.
SCHEMA = "shelterctl/1"


def unreadable(schema: object) -> str:
    """Why a document that names this schema is not read; empty where it is.

    A later schema may have given a field another meaning: nothing of it is guessed.
    """
    if schema == SCHEMA:
        return ""
    if not isinstance(schema, str) or not schema.startswith("shelterctl/"):
        return f"it names no schema of shelterctl, which is {SCHEMA}"
    return f"it is of schema {schema[:40]}, and this shelterctl reads {SCHEMA}: show it with the release that wrote it, or a later one"


def to_json(value: object) -> JsonValue:
    """Turns a record (dataclasses, enums, mappings, sequences, scalars) into plain JSON values.

    A number that is not finite becomes null: JSON has none. Raises TypeError for anything else: a record holds data only.
    """
    if value is None or isinstance(value, bool | int | str):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, float):
        return round(value, 6) if isfinite(value) else None
    if isinstance(value, Enum):
        return to_json(value.value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key.value if isinstance(key, Enum) else key): to_json(item) for key, item in value.items()}
    if isinstance(value, Set):
        return [to_json(item) for item in sorted(value, key=str)]
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return [to_json(item) for item in value]
    raise TypeError(f"{type(value).__name__} is not data")


def from_json(kind: type[T], value: Any) -> T:
    """The record that `to_json` made the value from.

    Fields that it does not have keep their defaults; those that the record does not know are left out. Raises ValueError.
    """
    try:
        found: T = _from(kind, value)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"this is no {getattr(kind, '__name__', kind)}: {error}") from error
    return found


@cache
def _hints(kind: type[Any]) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _from(kind: Any, value: Any) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        (other,) = (each for each in get_args(kind) if each is not type(None))
        return _from(other, value)
    if origin is tuple:
        parts = get_args(kind)
        if len(parts) == 2 and parts[1] is Ellipsis:
            return tuple(_from(parts[0], each) for each in value)
        return tuple(_from(part, each) for part, each in zip(parts, value, strict=True))
    if origin is not None and issubclass(origin, Mapping):
        return dict(value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    if is_dataclass(kind):
        hints = _hints(kind)  # type: ignore[arg-type]
        return kind(**{item.name: _from(hints[item.name], value[item.name]) for item in fields(kind) if item.name in value})  # type: ignore[operator]
    return float(value) if kind is float else value
