"""MongoDB, asked by a program that answers in JSON, wherever that program runs."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from shelterctl.adapters.documents.tokens import Place, is_at
from shelterctl.core.faults.summary import DatabaseSummary, TableSummary

#: What was written last is looked for among so many of each collection. Else it may be a part of one that was there before: among
#: so many, for so long.
_LOOK_AT, _LOOK_AT_MOST, _LOOK_S = 500, 20_000, 8.0
#: Up to so many documents of a database the server makes its own hash (dbHash, which keeps writers out meanwhile), and up to so many of a
#: collection they are read one by one where the server has none; of more they are counted.
_SERVER_HASHES, _READ_HASHES = 1_000_000, 20_000


class MongoDocuments(ABC):
    """Fulfils `documents.tokens.Shell`. A place is (database, collection, path of the field)."""

    @abstractmethod
    def ask(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """One of `{op: "locate", mark, wanted, limit, most, most_s}`, `{op: "read", place, prefix, limit}`,
        `{op: "summary", most, limit}`, `{op: "identity"}`.

        Raises ClusterError.
        """

    def locate(self, mark: str, wanted: str = "") -> list[Place]:
        asked = {"op": "locate", "mark": mark, "wanted": wanted, "limit": _LOOK_AT, "most": _LOOK_AT_MOST, "most_s": _LOOK_S}
        places = self.ask(asked)["places"]
        return [place for place in ((str(base), str(name), str(path)) for base, name, path in places) if is_at(place, wanted)]

    def read(self, place: Sequence[str], prefix: str, limit: int) -> list[tuple[str, Mapping[str, Any]]]:
        """Documents in the order of their ids, each with its id as text; one more than `limit` where there are more."""
        texts = self.ask({"op": "read", "place": list(place), "prefix": prefix, "limit": limit})["documents"]
        documents = [json.loads(text) for text in texts]
        return [(json.dumps(item.get("_id"), sort_keys=True), _plain(item)) for item in documents]

    def field(self, item: Mapping[str, Any], place: Sequence[str]) -> tuple[object, Mapping[str, Any]]:
        """The text at the place, and the object that it lies in."""
        parent: Any = item
        *above, last = place[2].split(".")
        for part in above:
            parent = _part(parent, part)
        return _part(parent, last), parent if isinstance(parent, Mapping) else {}

    def summary(self) -> DatabaseSummary:
        found = self.ask({"op": "summary", "most": _SERVER_HASHES, "limit": _READ_HASHES})["collections"]
        tables = [
            TableSummary(f"{base}.{name}", int(count), str(checksum), "a TTL index" if expires else "")
            for base, name, count, checksum, expires in found
        ]
        return DatabaseSummary(tuple(sorted(tables, key=lambda table: table.name)), "document", "collection")

    def identity(self) -> tuple[str, float | None, str]:
        told = self.ask({"op": "identity"})
        started_s = told.get("started")
        return str(told.get("process") or ""), None if started_s is None else float(started_s), str(told.get("server") or "")


def _part(value: Any, name: str) -> Any:
    """A field of an object, or an entry of a list by its number."""
    if isinstance(value, Mapping):
        return value.get(name)
    return value[int(name)] if isinstance(value, list) and name.isdigit() and int(name) < len(value) else None


def _plain(value: Any) -> Any:
    """Canonical extended JSON as it was sent (https://www.mongodb.com/docs/manual/reference/mongodb-extended-json/)."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((kind, inner),) = value.items()
        if kind in ("$numberInt", "$numberLong"):
            return int(inner)
        if kind == "$numberDouble":
            number = float(inner)
            return int(number) if number.is_integer() else number
    return {key: _plain(item) for key, item in value.items()}
