"""Records as JSON and back: what the supervisor and the commands tell each other."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def decode(kind: type[T], value: Any) -> T:
    """The record that `core.serial.to_json` made the value from.

    Fields that it does not have keep their defaults; those that the record does not know are left out. Raises ValueError.
    """
    try:
        found: T = _decode(kind, value)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"this is no {getattr(kind, '__name__', kind)}: {error}") from error
    return found


@cache
def _hints(kind: type[Any]) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _decode(kind: Any, value: Any) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        (other,) = (each for each in get_args(kind) if each is not type(None))
        return _decode(other, value)
    if origin is tuple:
        parts = get_args(kind)
        if len(parts) == 2 and parts[1] is Ellipsis:
            return tuple(_decode(parts[0], each) for each in value)
        return tuple(_decode(part, each) for part, each in zip(parts, value, strict=True))
    if origin is not None and issubclass(origin, Mapping):
        return dict(value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    if is_dataclass(kind):
        hints = _hints(kind)  # type: ignore[arg-type]
        return kind(**{item.name: _decode(hints[item.name], value[item.name]) for item in fields(kind) if item.name in value})  # type: ignore[operator]
    return float(value) if kind is float else value
