"""The account of a run: reads every document back by two ways, and some one by one, and holds each write against all of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Mapping, Set
from dataclasses import dataclass, replace
from itertools import islice

from shelterctl.core.events import Outcome
from shelterctl.core.faults.ledger import Account, ClientSaw, StoredDocument, WriteOutcome, counts_of, reconcile
from shelterctl.core.verdict import Reason
from shelterctl.errors import ShelterError
from shelterctl.ops.chaos.by_id import AskedById, ById
from shelterctl.ops.chaos.dialogue import Dialogue
from shelterctl.ops.chaos.read_result import ReadBack
from shelterctl.ops.chaos.settled import Agreed, Readings
from shelterctl.ops.steps import Done
from shelterctl.ports.clock import Clock
from shelterctl.ports.faults import DatabaseReader
from shelterctl.ports.http import Http
from shelterctl.ports.runs import RunFolder

ACCOUNT = "account.jsonl"
#: A run writes no more than that, however many writers it has (`writers.pause_for`).
RUN_LIMIT = 500_000
#: The ways of reading.
SERVICE, DATABASE, BY_ID = "service", "database", "service by id"
#: How many documents are read one by one: all of a usual run's would take longer than the run.
BY_ID_LIMIT = 400


def before(
    make_http: Callable[[], Http], database: DatabaseReader, dialogue: Dialogue, clock: Clock, url: str, *, limit: int
) -> tuple[dict[str, dict[str, str]], list[Reason]]:
    """The documents that are there before the run, id to digest, by each way; and why one of them gave none.

    Raises ClusterError where the database itself could not be read.
    """
    prior = {DATABASE: {d.id: d.digest for d in database.documents(run=None, among=None, limit=limit)}}
    if not prior[DATABASE]:
        return prior, []
    http = make_http()
    try:
        prior[SERVICE] = {d.id: d.digest for d in islice(dialogue.of_before(http, clock, url, None, ""), limit)}
    except ShelterError as error:
        why = f"what was there before could not be read through the service: {error.what}: {error.why}".rstrip(": ")
        return prior, [Reason(why, "shelterctl logs app")]
    finally:
        http.close()
    return prior, []


@dataclass(frozen=True, slots=True)
class Restless:
    """What went by itself while nothing was done to the database: the run's own writes that were read and then were not, of so many read,
    and documents of before that are not what they were."""

    gone: tuple[str, ...]
    read: int
    changed: frozenset[str]


def restless(database: DatabaseReader, run: str, prior: Mapping[str, Mapping[str, str]], pause: Callable[[], None]) -> Restless:
    """Two readings under writes, before the fault. Raises ClusterError.

    An application that keeps its newest hundred, a table whose rows expire, a counter in a row of before: what a kill takes cannot be told
    from that. What is not there yet says nothing: a write may be acknowledged before it is stored.
    """

    def held() -> frozenset[str]:
        return frozenset(d.payload_id or d.id for d in database.documents(run=run, among=None, limit=RUN_LIMIT))

    first = held()
    old = prior.get(DATABASE, {})
    now = {d.id: d.digest for d in database.documents(run=None, among=old.keys(), limit=RUN_LIMIT)} if old else {}
    pause()
    return Restless(tuple(sorted(first - held())), len(first), frozenset(id_ for id_, digest in old.items() if now.get(id_) != digest))


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read back: the documents of `run` and the `prior` ones; `seen_once` was read while the run went on, and the fault was
    confirmed at `fault_s` (monotonic)."""

    make_http: Callable[[], Http]
    database: DatabaseReader
    dialogue: Dialogue
    clock: Clock
    url: str
    run: str
    prior: Mapping[str, Mapping[str, str]]
    seen_once: tuple[str, ...]
    fault_s: float | None = None

    def work(self, outcomes: list[WriteOutcome]) -> Generator[str, None, Done[ReadBack]]:
        """Reads both views; one that cannot be read is an open question, by its name, and the account rests on the other.

        Where the service is judged apart the database decides about the data, and what cannot be read through the service is about that.
        """
        back = ReadBack()
        views: dict[str, list[StoredDocument]] = {}
        sampled: dict[str, Set[str]] = {}
        readings = Readings(self._from_database, self._is_own, self.clock, self.dialogue.apart_s)
        if self.dialogue.apart_s:
            # The time between two readings is the time in which the service is asked.
            yield "straight from the database"
            self._try(back, DATABASE, readings.take)
        if self.dialogue.whole:
            yield "through the service"
            self._try(back, SERVICE, lambda: self._take(views, SERVICE, self._by_service()))
        elif self.dialogue.by_id is None:
            self._try(back, SERVICE, lambda: self._take(views, SERVICE, self._by_service()))
        by_id, asked = self.dialogue.by_id, None
        shown = {d.payload_id for d in views.get(SERVICE, ()) if d.of_run}
        if by_id is not None and (SERVICE not in views or not readings.held <= shown):
            asked = yield from self._ask_by_id(by_id, outcomes)
            back.by_id_instead(SERVICE, len(shown) if SERVICE in views else None, len(readings.held))
            views.pop(SERVICE, None)
        seen = self.seen_once
        if DATABASE not in back.questions:
            agreed = yield from self._agreed(back, readings)
            if agreed is not None and agreed.doubt is None:
                self._take(views, DATABASE, agreed.documents)
                seen = tuple(dict.fromkeys((*seen, *(agreed.seen if self.dialogue.apart_s else ()))))
            elif agreed is not None:
                # What is still coming is not lost yet, by whatever way it is read.
                views.clear()
        # Where its pages could not be read, the service does not answer readings, and said so.
        if SERVICE in views and self.dialogue.one_by_one:
            yield "through the service, one by one"
            sampled[BY_ID] = self._sample(outcomes, views)
            self._try(back, BY_ID, lambda: self._take(views, BY_ID, self._one_by_one(sampled[BY_ID])))
        self._left_out(back, views)
        back.account = reconcile(outcomes, views, prior=self.prior, seen_once=seen, sampled=sampled) if views else self._unread(outcomes)
        if by_id is not None and asked is not None:
            held = {d.payload_id for d in views[DATABASE] if d.of_run} if DATABASE in views else None
            back.judge_by_id(asked, by_id.rule.path, held, back.account.indeterminate)
        if self.dialogue.service_apart:
            back.set_apart(SERVICE, read=DATABASE in views)
        back.notes[:0] = self.dialogue.notes
        ways = [f"{len(sampled[view])} of them one by one" if view in sampled else view for view in views]
        ways += [f"{asked.asked} of them by their ids"] if asked is not None else []
        title = f"{back.account.attempts} writes accounted for, read through {' and '.join(ways) or 'nothing'}"
        return Done(title, back, Outcome.UNCHANGED if back.whole else Outcome.FAILED)

    def _try(self, back: ReadBack, view: str, read: Callable[[], None]) -> None:
        try:
            read()
        except ShelterError as error:
            back.failed(view, error)

    def _take(self, views: dict[str, list[StoredDocument]], view: str, documents: Iterable[StoredDocument]) -> None:
        # By stored id: the second reading may return documents of the first again. What others wrote meanwhile is theirs.
        found = {d.id: d for d in reversed(list(documents))}
        old = self.prior.get(view, {})
        views[view] = [d for d in found.values() if d.id in old or self._is_own(d)]

    def _is_own(self, document: StoredDocument) -> bool:
        return document.of_run or self.dialogue.is_of(self.run, document.id)

    def _agreed(self, back: ReadBack, readings: Readings) -> Generator[str, None, Agreed | None]:
        """The reading that counts; None where the database could not be read."""
        try:
            agreed = yield from readings.agreed()
        except ShelterError as error:
            back.failed(DATABASE, error)
            return None
        if agreed.doubt is not None:
            back.questions[DATABASE] = agreed.doubt
        if agreed.note:
            back.notes.append(agreed.note)
        return agreed

    def _ask_by_id(self, by_id: ById, outcomes: list[WriteOutcome]) -> Generator[str, None, AskedById]:
        """Those first that the fault was nearest to: where the time does not go round, they are the ones that matter."""
        acknowledged = [write for write in outcomes if write.saw is ClientSaw.ACK]
        fault_s = self.fault_s
        if fault_s is not None:
            acknowledged.sort(key=lambda write: abs(write.ended_at_s - fault_s))
        return (yield from by_id.ask(self.make_http, self.clock, self.url, [write.id for write in acknowledged]))

    def _left_out(self, back: ReadBack, views: dict[str, list[StoredDocument]]) -> None:
        """Takes the service's view out where it is not whole: an application that shows its newest hundred loses none of the others.

        Where documents can be asked for one by one, what the service lacks is lost to its users.
        """
        if self.dialogue.one_by_one or not {SERVICE, DATABASE} <= views.keys():
            return
        held = {d.payload_id for d in views[DATABASE] if d.of_run}
        shown = {d.payload_id for d in views[SERVICE] if d.of_run}
        if shown >= held or not shown <= held:
            return
        del views[SERVICE]
        back.notes.append(
            f"the service shows {len(shown)} of {len(held)} writes that the database holds: it is not all, and decides nothing"
        )

    def _by_service(self) -> Iterable[StoredDocument]:
        http = self.make_http()
        try:
            yield from self.dialogue.of_run(http, self.clock, self.url, self.run)
            if old := self.prior.get(SERVICE):
                yield from self.dialogue.of_before(http, self.clock, self.url, max(old), self.run)
        finally:
            http.close()

    def _from_database(self) -> list[StoredDocument]:
        # Whatever names the run is the run's, also where it lost its id.
        found = [replace(d, of_run=True) for d in self.database.documents(run=self.run, among=None, limit=RUN_LIMIT)]
        if old := self.prior.get(DATABASE):
            found += self.database.documents(run=None, among=old.keys(), limit=RUN_LIMIT)
        return found

    def _one_by_one(self, ids: Set[str]) -> Iterable[StoredDocument]:
        http = self.make_http()
        try:
            for id_ in sorted(ids):
                document = self.dialogue.one(http, self.clock, self.url, id_, self.run)
                if document is not None:
                    yield document
        finally:
            http.close()

    def _sample(self, outcomes: list[WriteOutcome], views: Mapping[str, list[StoredDocument]]) -> Set[str]:
        """The ids that are asked for one by one: all of a short run, else those that the ways of reading do not agree about, half of the
        rest around the fault and half from the whole run."""
        if len(outcomes) <= BY_ID_LIMIT:
            return {write.id for write in outcomes}
        by_view = [{d.id for d in documents} for documents in views.values()]
        disputed = set[str]().union(*by_view) - set(by_view[0]).intersection(*by_view) if by_view else set()
        ids = [write.id for write in outcomes]
        chosen = set(islice((id_ for id_ in ids if id_ in disputed), BY_ID_LIMIT))
        if self.fault_s is not None:
            at_s = self.fault_s
            chosen |= {write.id for write in sorted(outcomes, key=lambda write: abs(write.ended_at_s - at_s))[: BY_ID_LIMIT // 2]}
        return chosen | set(ids[:: -(-len(ids) // (BY_ID_LIMIT // 2))])

    def _unread(self, outcomes: list[WriteOutcome]) -> Account:
        """The account of a run that could not be read back at all: counts of what the clients saw, and no entry."""
        return Account((), len(outcomes), *counts_of(outcomes), len({id_ for known in self.prior.values() for id_ in known}), {}, {})


def write_account(folder: RunFolder, account: Account) -> None:
    """Writes a line for each entry into the run's folder. Raises StateFolderError."""
    for entry in account.entries:
        saw = entry.saw.value if entry.saw else None
        line = {"id": entry.id, "category": entry.category.value, "saw": saw, "present": entry.present, "how": entry.how}
        folder.append_journal(ACCOUNT, json.dumps({**line, "where": entry.where, "fails": entry.category.fails}))
