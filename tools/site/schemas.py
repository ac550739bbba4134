"""Writes docs/reference/schemas/: JSON Schema of results, events and journals, from the records. Named by the version of the schema.

Within a version a schema only grows: what would take something away, or change what it means, is not written (`broken`).

python -m tools.site.schemas
"""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Mapping, Sequence, Set
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from shelterctl.core import events
from shelterctl.core.serial import SCHEMA, to_json
from tools.site.compatible import broken
from tools.site.journals import JOURNALS
from tools.site.records import prose
from tools.site.results import RESULTS

Schema = dict[str, Any]
FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference" / "schemas"
DRAFT = "https://json-schema.org/draft/2020-12/schema"
_PLAIN: Mapping[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    # A number that is not finite is written as null.
    float: {"type": ["number", "null"]},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    object: {},
    Any: {},
}
_ERROR: Schema = {
    "type": ["object", "null"],
    "properties": {
        "type": {"type": "string"},
        "what": {"type": "string"},
        "why": {"type": "string"},
        "next_command": {"type": "string"},
        "details": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["type", "what", "why", "next_command", "details"],
}


class Definitions:
    """The schemas of the records that were mentioned, by their names in `$defs`."""

    def __init__(self) -> None:
        self.found: dict[str, Schema] = {}

    def of(self, kind: Any) -> Schema:
        """The schema of a type, as `to_json` writes its values. Raises TypeError for one that it does not write."""
        origin = get_origin(kind)
        if origin in (Union, types.UnionType):
            return {"anyOf": [self.of(part) for part in get_args(kind)]}
        if origin is tuple:
            parts = get_args(kind)
            if len(parts) == 2 and parts[1] is Ellipsis:
                return {"type": "array", "items": self.of(parts[0])}
            return {"type": "array", "prefixItems": [self.of(part) for part in parts], "minItems": len(parts), "maxItems": len(parts)}
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return {"type": "object", "additionalProperties": self.of(get_args(kind)[1])}
        if isinstance(origin, type) and issubclass(origin, Sequence | Set):
            return {"type": "array", "items": self.of(get_args(kind)[0])}
        if isinstance(kind, type) and issubclass(kind, Enum):
            return {"enum": [to_json(item) for item in kind]}
        if isinstance(kind, type) and is_dataclass(kind):
            return {"$ref": f"#/$defs/{self._record(kind)}"}
        if kind in _PLAIN:
            return dict(_PLAIN[kind])
        # A NewType.
        if hasattr(kind, "__supertype__"):
            return self.of(kind.__supertype__)
        raise TypeError(f"{kind} has no JSON")

    def _record(self, kind: type) -> str:
        name = f"{kind.__module__.removeprefix('shelterctl.').removeprefix('tools.site.')}.{kind.__name__}"
        if name not in self.found:
            self.found[name] = {}
            self.found[name] = self.record(kind)
        return name

    def record(self, kind: type, head: Schema | None = None) -> Schema:
        """An object with the record's fields after those of `head`.

        A field with a default is not required: what an earlier release wrote may not have it.
        """
        hints = get_type_hints(kind)
        always = {field.name: field.default is MISSING and field.default_factory is MISSING for field in fields(kind)}
        about = prose(kind)
        return {
            **({"description": about} if about else {}),
            "type": "object",
            "properties": {**(head or {}), **{name: self.of(hints[name]) for name in always}},
            "required": [*(head or {}), *(name for name, required in always.items() if required)],
        }


def result_schema() -> Schema:
    """Of `--output json` and `result.json`: `#/$defs/result.COMMAND` is what `result` holds."""
    known = Definitions()
    every = {words: [known.of(kind) for kind in kinds] for words, kinds in RESULTS.items()}
    results = {words: found[0] if len(found) == 1 else {"anyOf": found} for words, found in every.items()}
    chosen = [
        {
            "if": {"properties": {"command": {"const": words}}},
            "then": {"properties": {"result": {"anyOf": [{"$ref": f"#/$defs/result.{hyphened(words)}"}, {"type": "null"}]}}},
        }
        for words in results
    ]
    return {
        **_head("result", "What `--output json` prints, and result.json of a run's folder."),
        "type": "object",
        "properties": {
            "schema": {"const": SCHEMA},
            "command": {"type": "string"},
            "exit_code": {"type": "integer"},
            "result": {},
            "error": {"$ref": "#/$defs/error"},
            "run": {"type": "string"},
            "finished_wall_s": {"type": "number"},
        },
        "required": ["schema", "command", "exit_code", "result", "error"],
        "allOf": chosen,
        "$defs": {"error": _ERROR, **{f"result.{hyphened(words)}": found for words, found in results.items()}, **known.found},
    }


def event_schema() -> Schema:
    """Of a line of events.jsonl, and of `--output jsonl` but for the last: `#/$defs/event.KIND`."""
    known = Definitions()
    kinds = {}
    for kind in get_args(events.Event):
        head = {"schema": {"const": SCHEMA}, "wall_s": {"type": "number"}, "kind": {"const": kind.kind}}
        found = known.record(kind, head)
        found["properties"]["monotonic_s"] = {"type": "number"}
        kinds[kind.kind] = found
    return {
        **_head("event", "A line of events.jsonl; `--output jsonl` prints the same without `monotonic_s`, and last a result."),
        "type": "object",
        "properties": {"schema": {"const": SCHEMA}, "wall_s": {"type": "number"}, "kind": {"type": "string"}},
        "required": ["schema", "wall_s", "kind"],
        "allOf": [_where("kind", word, f"event.{word}") for word in kinds],
        "$defs": {**{f"event.{word}": found for word, found in kinds.items()}, **known.found},
    }


def journal_schema() -> Schema:
    """Of a line of the other journals: `#/$defs/line.FILE`."""
    known = Definitions()
    lines = {name: known.of(kind) for name, kind in JOURNALS.items()}
    return {
        **_head("journal", "A line of another journal of a run, by its file. It names no schema: that of the run's events is its own."),
        "$defs": {**{f"line.{name}": found for name, found in lines.items()}, **known.found},
    }


def hyphened(words: str) -> str:
    """A command's words as one: a reference has no spaces."""
    return words.replace(" ", "-")


def _head(name: str, about: str) -> Schema:
    return {"$schema": DRAFT, "$id": f"urn:{SCHEMA.replace('/', ':')}:{name}", "title": f"{SCHEMA}: {name}", "description": about}


def _where(field: str, word: str, definition: str) -> Schema:
    return {"if": {"properties": {field: {"const": word}}}, "then": {"$ref": f"#/$defs/{definition}"}}


def schemas() -> dict[str, Schema]:
    """Each schema by the name of its file."""
    made = {"result": result_schema(), "event": event_schema(), "journal": journal_schema()}
    return {schema_file(name): found for name, found in made.items()}


def schema_file(name: str) -> str:
    """The file's name: the version of the schema is in it."""
    return f"{SCHEMA.replace('/', '-')}-{name}.schema.json"


def text(schema: Schema) -> str:
    return json.dumps(schema, ensure_ascii=False, indent=1) + "\n"


def write() -> None:
    """Writes the schemas. Exits where one would break with what is published."""
    made = schemas()
    wrong = []
    for name, schema in made.items():
        if (FOLDER / name).is_file():
            wrong += broken(json.loads((FOLDER / name).read_text(encoding="utf-8")), schema)
    if wrong:
        sys.exit("\n".join((f"{SCHEMA} may only grow; this needs a new version (core/serial.py), or another way:", *wrong)))
    FOLDER.mkdir(exist_ok=True)
    for name, schema in made.items():
        (FOLDER / name).write_text(text(schema), encoding="utf-8")


if __name__ == "__main__":
    write()
