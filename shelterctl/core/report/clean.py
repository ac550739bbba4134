"""Texts of runs as a report may show them: nothing of the machine's owner, nothing secret, nothing that a page would obey.

What is left out is told by its form (a home folder, a password in a URL) or by its name (the user, the host), so that a report that is
passed on says no more than the experiment.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from shelterctl.core.words import plain

_HOME = re.compile(r"(?:/home/|/Users/|/root(?=[/\s\"',;:)]|$)|[A-Za-z]:\\Users\\)(?:[^\s/\\\"',;:)]*)")
_FOLDERS = re.compile(r"(?<![\w.:/~-])/(?:[^\s/\"',;:()<>|]+/)+(\.shelterctl|locustfiles|app|manifests|runs|local)(?=[/\s\"',;:)]|$)")
_IN_URL = re.compile(r"(?<=://)[^\s/@\"']+@")
#: The name is taken whole and never tried again: a log's line may be as long as it likes.
_NAMED = re.compile(
    r"(?i)(?<![\w.-])(?=[\w.-]*(?:password|passwd|pwd|secret|token|api[_-]?key))([\w.-]++)"
    r"(=|[\"']\s*:\s*|(?<=password):\s*|(?<=passwd):\s*)(?!\(not shown)[\"']?[^\s\"',;)}]{3,}"
)
_BEARER = re.compile(r"(?i)\b(authorization:\s*\w+|bearer|basic)\s+[A-Za-z0-9._~+/=-]{12,}")
#: Names that half the world's machines have: leaving them out would hide nothing, and cut words of the report.
_COMMON = frozenset({"root", "user", "admin", "app", "ubuntu", "runner", "localhost", "local", "shelter", "database", "db", "minikube"})


@dataclass(frozen=True, slots=True)
class Owner:
    """Names of the machine that a report is made on: folders (the longest first) and words. Nothing here is shown."""

    folders: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


def cleaner(owner: Owner, kept: Iterable[str] = ()) -> Callable[[str], str]:
    """What every text goes through. `kept` are the stack's own names: a word that is one of them stays."""
    stays = {name.lower() for name in kept} | _COMMON
    words = [word for word in owner.words if len(word) >= 2 and word.lower() not in stays]
    named = re.compile(r"(?<![\w-])(?:" + "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)) + r")(?![\w-])")
    folders = [folder.rstrip("/") for folder in sorted(owner.folders, key=len, reverse=True) if len(folder.rstrip("/")) > 1]

    def clean(text: str) -> str:
        text = plain(text)
        for folder in folders:
            text = text.replace(folder, "…")
        text = _FOLDERS.sub(r"…/\1", _HOME.sub("~", text))
        text = _BEARER.sub(r"\1 (not shown)", _NAMED.sub(r"\1\2(not shown)", _IN_URL.sub("(not shown)@", text)))
        return named.sub("(this machine)", text) if words else text

    return clean


def cleaned(value: Any, clean: Callable[[str], str]) -> Any:
    """A record of blocks with every text in it cleaned; drawings are left: they are drawn from cleaned texts."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, tuple):
        return tuple(cleaned(item, clean) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        named = {field.name: getattr(value, field.name) for field in fields(value)}
        return replace(value, **{name: item if name in ("name", "stamp") else cleaned(item, clean) for name, item in named.items()})
    return value
