"""How the documents of a run are written and found again: what is sent, what an answer says, what is read back."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from shelterctl.core.faults.ledger import ClientSaw, StoredDocument, classify_answer, payload_digest
from shelterctl.core.serial import JsonValue
from shelterctl.core.stack.answer_id import NoId
from shelterctl.core.stack.exchange import Exchange
from shelterctl.core.verdict import Reason
from shelterctl.errors import UsageError
from shelterctl.ops.chaos.by_id import ById
from shelterctl.ops.chaos.readback import read_back, read_one
from shelterctl.ports.clock import Clock
from shelterctl.ports.http import Http, HttpAnswer

#: What is read of an answer to a write: many are under way at once.
WRITE_ANSWER_BYTES = 4 * 2**20
#: Makes documents of about 250 bytes.
_PADDING = "0123456789abcdef" * 6


@dataclass(frozen=True, slots=True)
class Draft:
    """A write before it is sent: its id in the account, the digest of its content, and its request."""

    id: str
    digest: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Dialogue(Protocol):
    """What an application and its writers say to each other. `client_timeout_s` is how long a writer waits for an answer.

    `settle_s` is how long after the last write something of it may still arrive, `most_writes` what a run may write, `one_by_one` whether
    a document can be asked for by its id. `apart_s` is the time between two readings of the database that must be equal; 0 where `settle_s`
    is certain, and one reading is enough.
    """

    @property
    def client_timeout_s(self) -> float: ...

    @property
    def settle_s(self) -> float: ...

    @property
    def most_writes(self) -> int: ...

    @property
    def apart_s(self) -> float: ...

    @property
    def one_by_one(self) -> bool: ...

    @property
    def whole(self) -> bool:
        """Whether `of_run` shows what the service has of the run; else the writes are asked for by their own ids, or not at all."""

    @property
    def by_id(self) -> ById | None:
        """The ids that the application gave to the writes, where they are asked for by these."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was learned of the ways of reading, and is no doubt."""

    @property
    def service_apart(self) -> bool:
        """Whether a service that does not come back is a verdict of its own, beside the one on the data."""

    def learn(self, http: Http, url: str) -> Generator[str, None, list[Reason]]:
        """Finds out what has to be known before the first write; returns what stays open.

        Raises Refused, ServiceUnreachable, and NoWrites where the application cannot be written to.
        """

    def is_of(self, run: str, id_: str) -> bool:
        """Whether an id is one of the run's."""

    def draft(self, run: str, writer: str, sequence: int) -> Draft: ...

    def judge(self, draft: Draft, answer: HttpAnswer) -> ClientSaw:
        """What an answer says of the write."""

    def of_run(self, http: Http, clock: Clock, url: str, run: str) -> Iterator[StoredDocument]:
        """The run's documents as the service has them. Raises ServiceUnreachable."""

    def of_before(self, http: Http, clock: Clock, url: str, until: str | None, run: str) -> Iterator[StoredDocument]:
        """Everybody's documents up to an id; nothing where the application has no ids. Raises ServiceUnreachable."""

    def one(self, http: Http, clock: Clock, url: str, id_: str, run: str) -> StoredDocument | None:
        """A document by its id. Raises ServiceUnreachable."""


class EchoedIds:
    """An application that takes a write's id in a header, stores under it and answers with it. Fulfils `Dialogue`.

    `exchange` says how: the write and its `key`, where its answer has the id, and the path that shows one document. The path above that one
    lists them in the order of their ids, in pages: `?limit=&prefix=&after=`, `{"items": [{"id", "data"}], "next"}`.
    Raises UsageError where one of these is not said.
    """

    #: Longer than the server's own limits (500 ms to find a database, 2 s for an operation), so that its answer is seen, not cut off.
    client_timeout_s = 5.0
    #: Longer than every timeout of the client and of the server: nothing is under way any more after it.
    settle_s = 6.0
    most_writes = 500_000
    one_by_one = True
    service_apart = False
    #: The server's own limits end before `settle_s`: nothing can come after it.
    apart_s = 0.0
    whole = True
    by_id = None
    notes = ()

    def __init__(self, exchange: Exchange) -> None:
        if exchange.write is None or exchange.one is None or not exchange.write.key:
            raise UsageError(
                "[stack] accounting = 'ids': the file does not say how the ids are given and asked for",
                why="[writes] request and key, and [reads] request with {id} are needed",
                next_command='[writes] key = "Idempotency-Key"',
            )
        self._write, self._one = exchange.write, exchange.one
        self._pages = exchange.one.path.partition("/{id}")[0]

    def learn(self, http: Http, url: str) -> Generator[str, None, list[Reason]]:  # noqa: ARG002 - all of it is known
        yield from ()
        return []

    def is_of(self, run: str, id_: str) -> bool:
        return id_.startswith(f"{run}:")

    def draft(self, run: str, writer: str, sequence: int) -> Draft:
        id_ = f"{run}:{writer}:{sequence}"
        payload: dict[str, JsonValue] = {"run": run, "id": id_, "writer": writer, "sequence": sequence, "padding": _PADDING}
        headers = {**self._write.headers, "Content-Type": "application/json", "Accept": "application/json", self._write.key: id_}
        return Draft(id_, payload_digest(payload), self._write.method, self._write.path, headers, json.dumps(payload).encode())

    def judge(self, draft: Draft, answer: HttpAnswer) -> ClientSaw:
        try:
            echoed = self._one.id_in(answer.body)
        except NoId:
            echoed = None
        return classify_answer(draft.id, answer.status, _parsed(answer.body), echoed)

    def of_run(self, http: Http, clock: Clock, url: str, run: str) -> Iterator[StoredDocument]:
        return read_back(http, clock, f"{url}{self._pages}", run=run, prefix=f"{run}:")

    def of_before(self, http: Http, clock: Clock, url: str, until: str | None, run: str) -> Iterator[StoredDocument]:
        return read_back(http, clock, f"{url}{self._pages}", run=run, until=until)

    def one(self, http: Http, clock: Clock, url: str, id_: str, run: str) -> StoredDocument | None:
        return read_one(http, clock, f"{url}{self._one.address(id_)}", id_, run=run)


def _parsed(body: bytes) -> JsonValue:
    try:
        parsed: JsonValue = json.loads(body)
    except ValueError:
        return None
    return parsed
