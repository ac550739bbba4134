"""What acknowledges a write by the owner's word: `[writes] ok` of shelterctl.toml. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class OkRule:
    """`statuses` (any below 400 where there are none), and what the answer must say: `text` anywhere in it, `fields` of its JSON.

    `{token}` in either stands for the write's token. What is not named is not looked at.
    """

    statuses: tuple[int, ...] = ()
    text: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)

    def holds(self, status: int, body: bytes, mark: str) -> bool:
        """Whether an answer acknowledges the write of a token."""
        if status not in self.statuses if self.statuses else status >= 400:
            return False
        if self.text.replace("{token}", mark) not in body.decode("utf-8", "replace"):
            return False
        if not self.fields:
            return True
        try:
            return _within(self.fields, json.loads(body), mark)
        except (ValueError, RecursionError):
            return False

    def spoken(self) -> str:
        """The rule in words."""
        said = [f"status {' or '.join(map(str, self.statuses))}"] if self.statuses else []
        said += [f"{json.dumps(self.text, ensure_ascii=False)} in it"] if self.text else []
        said += [f"{json.dumps(dict(self.fields), ensure_ascii=False)} in its JSON"] if self.fields else []
        return ", ".join(said)


def of(given: Mapping[str, Any]) -> OkRule | None:
    """The rule of the setting's table; None where it is empty."""
    if not given:
        return None
    status, body = given.get("status", ()), given.get("body", "")
    statuses = (status,) if isinstance(status, int) else tuple(status)
    return OkRule(statuses, body, {}) if isinstance(body, str) else OkRule(statuses, "", body)


def _within(wanted: Any, found: Any, mark: str) -> bool:
    """Whether what is wanted is part of what is there; truth values are no numbers."""
    if isinstance(wanted, Mapping):
        return isinstance(found, dict) and all(key in found and _within(value, found[key], mark) for key, value in wanted.items())
    if isinstance(wanted, str):
        return bool(found == wanted.replace("{token}", mark))
    return isinstance(found, bool) == isinstance(wanted, bool) and bool(found == wanted)
