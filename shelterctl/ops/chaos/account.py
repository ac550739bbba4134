"""The account of a run: reads every document back by two ways, and holds each write against both."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass

from shelterctl.core.events import Outcome
from shelterctl.core.faults.ledger import Account, ClientSaw, StoredDocument, WriteOutcome, reconcile
from shelterctl.core.verdict import Reason
from shelterctl.errors import ShelterError
from shelterctl.ops.chaos.readback import read_back
from shelterctl.ops.steps import Done
from shelterctl.ports.clock import Clock
from shelterctl.ports.faults import DatabaseReader
from shelterctl.ports.http import Http
from shelterctl.ports.runs import RunFolder

ACCOUNT = "account.jsonl"
#: More than a run can write: 16 threads for ten minutes at 20 ms.
RUN_LIMIT = 500_000


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read back: the documents of `run` and the `prior` ones (id to digest); `seen_once` was read while the run went on."""

    make_http: Callable[[], Http]
    database: DatabaseReader
    clock: Clock
    url: str
    run: str
    prior: Mapping[str, str]
    seen_once: tuple[str, ...]

    def work(self, outcomes: list[WriteOutcome]) -> Generator[str, None, Done[tuple[Account, list[Reason]]]]:
        """Reads both views; a view that cannot be read is an open question, and the account rests on the other."""
        questions: list[Reason] = []
        views: dict[str, list[StoredDocument]] = {}
        for view, words, read in (
            ("service", "through the service", self._by_service),
            ("database", "straight from the database", self._by_database),
        ):
            yield words
            try:
                # By stored id: the second reading may return documents of the first again. What others wrote meanwhile is theirs.
                found = {d.id: d for d in reversed(list(read()))}
                views[view] = [d for d in found.values() if d.id in self.prior or d.payload_id or d.id.startswith(f"{self.run}:")]
            except ShelterError as error:
                questions.append(Reason(f"the read-back ({view}) failed: {error.what}: {error.why}".rstrip(": "), "shelterctl status"))
        account = reconcile(outcomes, views, prior=self.prior, seen_once=self.seen_once) if views else self._unread(outcomes)
        title = f"{account.attempts} writes accounted for, read through {' and '.join(views) or 'nothing'}"
        return Done(title, (account, questions), Outcome.UNCHANGED if not questions else Outcome.FAILED)

    def _by_service(self) -> Iterable[StoredDocument]:
        http = self.make_http()
        try:
            yield from read_back(http, self.clock, self.url, run=self.run, prefix=f"{self.run}:")
            if self.prior:
                yield from read_back(http, self.clock, self.url, run=self.run, until=max(self.prior))
        finally:
            http.close()

    def _by_database(self) -> Iterable[StoredDocument]:
        yield from self.database.documents(run=self.run, until=None, limit=RUN_LIMIT)
        if self.prior:
            yield from self.database.documents(run=None, until=max(self.prior), limit=RUN_LIMIT)

    def _unread(self, outcomes: list[WriteOutcome]) -> Account:
        """The account of a run that could not be read back at all: counts of what the clients saw, and no entry."""
        saws = [write.saw for write in outcomes]
        counts = (saws.count(ClientSaw.ACK), saws.count(ClientSaw.REJECTED), saws.count(ClientSaw.INDETERMINATE))
        return Account((), len(outcomes), *counts, len(self.prior), {}, {})


def write_account(folder: RunFolder, account: Account) -> None:
    """Writes a line for each entry into the run's folder. Raises StateFolderError."""
    for entry in account.entries:
        line = {"id": entry.id, "category": entry.category.value, "saw": entry.saw.value if entry.saw else None}
        folder.append_journal(ACCOUNT, json.dumps({**line, "present": entry.present, "where": entry.where, "fails": entry.category.fails}))
