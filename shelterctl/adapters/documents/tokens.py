"""Reads documents that were written by tokens, past the service, by whatever client the database has."""

from __future__ import annotations

import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol

from shelterctl.core.faults.database import DatabaseIdentity
from shelterctl.core.faults.ledger import StoredDocument, payload_digest, told_apart
from shelterctl.core.faults.summary import DatabaseSummary
from shelterctl.core.serial import JsonValue
from shelterctl.core.stack.exchange import TOKEN_LENGTH, is_token
from shelterctl.errors import ClusterError, Refused

#: The names that lead to a text: database or schema, collection or table, and last its path or column.
Place = tuple[str, ...]


class Shell(Protocol):
    """A database's own client."""

    def locate(self, mark: str, wanted: str = "") -> list[Place]:
        """Every place that holds the text, as often as it does; only those that `is_at` the wanted one, where one is. Capitals are other
        letters than small ones, whatever the database's collation says."""

    def read(self, place: Sequence[str], prefix: str, limit: int) -> list[tuple[str, Mapping[str, Any]]]:
        """What holds a text with this beginning (or everything), in the order of its keys, each with its key as text."""

    def field(self, item: Mapping[str, Any], place: Sequence[str]) -> tuple[object, Mapping[str, Any]]:
        """The text at the place, and the object that it lies in."""

    def summary(self) -> DatabaseSummary:
        """Every table or collection that is not the server's own, counted and with a checksum."""

    def identity(self) -> tuple[str, float | None, str]:
        """The process's name for itself, when it started (epoch seconds), the server's name and version."""


def spoken(place: Sequence[str]) -> str:
    """`database.collection:path`, `schema.table:column`, `database.schema.table:column`."""
    return f"{'.'.join(place[:-1])}:{place[-1]}"


def is_at(place: Sequence[str], wanted: str) -> bool:
    """Whether a place is the one that the owner named; what stands before it may be left out."""
    return not wanted or spoken(place) == wanted or spoken(place).endswith(f".{wanted}")


class TokenDocuments(ABC):
    """Fulfils `ports.faults.TokenReader`.

    `prefix_of` is how a run's tokens begin, `sent` gives a write's fields by its token, `wanted` is where they lie as the owner's file says
    it; empty where it says nothing.
    """

    def __init__(self, prefix_of: Callable[[str], str], sent: Callable[[str], Mapping[str, JsonValue]], wanted: str = "") -> None:
        self._prefix_of = prefix_of
        self._sent = sent
        self._wanted = wanted
        self._compared: frozenset[str] | None = None
        self._place: Place | None = None

    def locate(self, mark: str) -> tuple[str, ...]:
        shell = self.shell()
        places = shell.locate(mark, self._wanted)
        if not places and self._wanted and (elsewhere := shell.locate(mark)):
            raise Refused(
                f"[database] place = {self._wanted}: the write does not lie there, but at {spoken(elsewhere[0])}",
                next_command="change the line in shelterctl.toml, or take it out: the place is found anew",
            )
        self._place = places[0] if places else None
        return tuple(map(spoken, places))

    def compare_like(self, mark: str) -> None:
        if self._place is None:
            return
        shell = self.shell()
        read = [shell.field(item, self._place) for _, item in shell.read(self._place, mark, 1)]
        found = [around for text, around in read if mark in _marks_in(text, mark)]
        if not found:
            # A run's writes would all count as lost.
            raise ClusterError(
                f"the write lies at {spoken(self._place)}, and is not found there when the database is asked for it",
                why="what becomes of writes cannot be read there: nothing was killed",
                next_command="[database] place in shelterctl.toml, where the token lies in another field as well",
            )
        sent = self._sent(mark)
        self._compared = frozenset(key for key, value in sent.items() if found and key in found[0] and same(found[0][key], value))

    def documents(self, *, run: str | None, among: Collection[str] | None, limit: int) -> Sequence[StoredDocument]:
        """The run's documents by their tokens, or the first that are there."""
        if self._place is None:
            raise ClusterError("where the application's writes lie is not known", next_command="shelterctl chaos kill-db")
        prefix = self._prefix_of(run) if run is not None else ""
        most = limit if among is None else max(limit, len(among))
        shell = self.shell()
        found = shell.read(self._place, prefix, most)
        if run is not None and len(found) > limit:
            raise ClusterError(f"the database holds more than {limit} documents of run {run}")
        documents = told_apart(document for key, item in found[:most] for document in self._documents(shell, key, item, prefix))
        return documents if among is None else [document for document in documents if document.id in among]

    def _documents(self, shell: Shell, key: str, item: Mapping[str, Any], prefix: str) -> Iterator[StoredDocument]:
        """The writes that lie in one row: an application may put several into one text."""
        assert self._place is not None
        text, around = shell.field(item, self._place)
        if prefix and isinstance(text, str) and prefix not in text:
            # What a database takes for the same letters is not the run's.
            return
        marks = _marks_in(text, prefix) if prefix else ()
        for mark in marks:
            yield StoredDocument(mark, content_digest(self._sent(mark), around, self._compared), mark, True)
        if not marks:
            raw = json.dumps(item, sort_keys=True, default=str)
            yield StoredDocument(key, "sha256:" + hashlib.sha256(raw.encode()).hexdigest(), "")

    def summary(self) -> DatabaseSummary:
        return self.shell().summary()

    def identity(self) -> DatabaseIdentity:
        process, started_s, _ = self.shell().identity()
        return DatabaseIdentity(process, started_s)

    def server(self) -> str:
        return self.shell().identity()[2]

    @abstractmethod
    def shell(self) -> Shell:
        """The database's own client, where the database is now. Raises ClusterError."""


def _marks_in(text: object, prefix: str) -> tuple[str, ...]:
    """Each token of a run that a text holds, once."""
    if not isinstance(text, str):
        return ()
    starts = [found.start() for found in re.finditer(re.escape(prefix), text)]
    return tuple(dict.fromkeys(mark for start in starts if is_token(mark := text[start : start + TOKEN_LENGTH])))


def same(stored: object, sent: object) -> bool:
    """Whether a stored value is the one that was sent: as text, or as a number of another form."""
    if str(stored) == str(sent):
        return True
    try:
        return float(str(stored)) == float(str(sent))
    except ValueError:
        return False


def content_digest(sent: Mapping[str, JsonValue], item: Mapping[str, Any], compared: frozenset[str] | None) -> str:
    """The digest of what was sent, with each compared field as it is stored now; all of them where none were chosen."""
    keys = sent.keys() if compared is None else compared
    told = {
        key: value if key not in keys or same(item.get(key, "(not there)"), value) else str(item.get(key)) for key, value in sent.items()
    }
    return payload_digest(told)
