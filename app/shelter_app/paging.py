"""The query of ``GET /data``. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shelter_app.documents import MAX_ID_LENGTH, after_prefix

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1000
_KNOWN: Final = ("prefix", "after", "limit", "count")


class InvalidQuery(ValueError):
    """A query that the service refuses; the message says why."""


@dataclass(frozen=True, slots=True)
class ListQuery:
    """Which documents: ids that begin with ``prefix`` and are greater than ``after``; empty means all."""

    prefix: str = ""
    after: str = ""
    limit: int = DEFAULT_LIMIT
    count: bool = False

    def as_filter(self) -> dict[str, object]:
        """The filter on ``_id``, a range of its index."""
        bounds: dict[str, str] = {}
        if self.after and self.after >= self.prefix:
            bounds["$gt"] = self.after
        elif self.prefix:
            bounds["$gte"] = self.prefix
        end = after_prefix(self.prefix)
        if end is not None:
            bounds["$lt"] = end
        return {"_id": bounds} if bounds else {}


def parse_query(given: Mapping[str, Sequence[str]]) -> ListQuery:
    """The query, from each parameter's values. An empty value is the same as none.

    An unknown parameter is refused: a misspelt ``prefix`` would otherwise answer for every document.

    :raises InvalidQuery: a parameter is unknown, given twice, or out of its range.
    """
    for name, values in given.items():
        if name not in _KNOWN:
            raise InvalidQuery(f"unknown query parameter {name!r}; known are {', '.join(_KNOWN)}")
        if len(values) != 1:
            raise InvalidQuery(f"the query parameter {name!r} is given {len(values)} times")
    one = {name: values[0] for name, values in given.items()}
    for name in ("prefix", "after"):
        if len(one.get(name, "")) > MAX_ID_LENGTH:
            raise InvalidQuery(f"{name} must have at most {MAX_ID_LENGTH} characters")
    limit = one.get("limit") or str(DEFAULT_LIMIT)
    # 5.0 is an integer to JSON Schema, so to the contract.
    whole = re.fullmatch(r"([0-9]{1,9})(\.0{1,9})?", limit)
    if whole is None or not 1 <= int(whole[1]) <= MAX_LIMIT:
        raise InvalidQuery(f"limit must be a whole number from 1 to {MAX_LIMIT}")
    count = one.get("count") or "false"
    if count not in ("true", "false"):
        raise InvalidQuery("count must be true or false")
    return ListQuery(one.get("prefix", ""), one.get("after", ""), int(whole[1]), count == "true")
