"""Records to JSON values, in one way for the run folder, `--output json` and the tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from enum import Enum
from math import isfinite
from typing import TypeAlias

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

#: The schema of result.json, events.jsonl and `--output json`. It changes when a field changes its meaning or goes away.
SCHEMA = "shelterctl/1"


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
