"""The write ledger: what became of every single write through a fault.

The model follows Jepsen's `set` checkers (acknowledged, lost, recovered, unexpected), extended for an HTTP service in front of the
database: a client can be refused with certainty, and a write has content that can be compared.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from enum import Enum

from shelterctl.core.serial import JsonValue

#: How a document that is there differs from what was written.
CONTENT, ANOTHER_ID = "with another content", "under another id"


class ClientSaw(Enum):
    """What the client can say of its own write."""

    ACK = "acknowledged"
    REJECTED = "rejected"
    INDETERMINATE = "indeterminate"


class Category(Enum):
    """What became of one id. The last seven are failures."""

    OK = "ok"
    RECOVERED = "recovered"
    NOT_APPLIED = "not applied"
    LOST = "lost"
    CORRUPT = "corrupt"
    LOST_AFTER_READ = "lost after read"
    PHANTOM = "phantom"
    UNEXPECTED = "unexpected"
    DUPLICATE = "duplicate"
    PRIOR_DATA_LOST = "prior data lost"

    @property
    def fails(self) -> bool:
        return self not in (Category.OK, Category.RECOVERED, Category.NOT_APPLIED)


@dataclass(frozen=True, slots=True)
class WriteOutcome:
    """One write: its intent and what the client saw. Times are monotonic seconds of the tool.

    `digest` is the payload's (`payload_digest`). `status` is the HTTP status, None where there was no response.
    """

    id: str
    digest: str
    sent_at_s: float
    ended_at_s: float
    saw: ClientSaw
    status: int | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document as it was read: its id, the digest of the payload that came back, and the id that the payload names itself.

    `of_run` is whether its payload names the run: a copy may have lost the id, and is the run's all the same.
    """

    id: str
    digest: str
    payload_id: str
    of_run: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the account. `saw` is None for what the run never sent; `where` has the views that show it, `how` what differs."""

    id: str
    category: Category
    saw: ClientSaw | None
    present: bool
    where: str = ""
    how: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """The whole account of a run: entries for each id, and counts that add up."""

    entries: tuple[Entry, ...]
    attempts: int
    acknowledged: int
    rejected: int
    indeterminate: int
    prior: int
    found: Mapping[str, int]
    counts: Mapping[str, int]

    def of(self, category: Category) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.category is category)


def told_apart(documents: Iterable[StoredDocument]) -> list[StoredDocument]:
    """Documents of one id with a number behind it from the second on: where an application makes its own ids, a copy is known by what it
    claims to be, and would else be taken for the same document read twice."""
    seen: dict[str, int] = {}
    found = []
    for document in documents:
        seen[document.id] = seen.get(document.id, 0) + 1
        count = seen[document.id]
        found.append(document if count == 1 else replace(document, id=f"{document.id}#{count}"))
    return found


def payload_digest(payload: JsonValue) -> str:
    """SHA-256 of the payload's canonical JSON: keys sorted, no white space, UTF-8. The same on every side of the account."""
    canonical = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def classify_answer(sent_id: str, status: int, answer: JsonValue, echoed: str | None) -> ClientSaw:
    """What a response says of the write; `echoed` is the id in it, None where it has none.

    A 2xx that echoes the id acknowledges it; a 2xx that does not is no acknowledgement of this write. A 4xx rejects it. A 503 rejects
    it only where its body says `"applied": false`; every other answer leaves the outcome open.
    """
    if 200 <= status < 300:
        return ClientSaw.ACK if echoed == sent_id else ClientSaw.INDETERMINATE
    if 400 <= status < 500 and status not in (408, 425, 429, 499):
        return ClientSaw.REJECTED
    if status == 503 and isinstance(answer, dict) and answer.get("applied") is False:
        return ClientSaw.REJECTED
    return ClientSaw.INDETERMINATE


def classify_no_answer(*, sent: bool) -> ClientSaw:
    """No response: rejected only where not one byte left this machine."""
    return ClientSaw.INDETERMINATE if sent else ClientSaw.REJECTED


def counts_of(outcomes: Iterable[WriteOutcome]) -> tuple[int, int, int]:
    """How many writes were acknowledged, rejected, and of unknown outcome."""
    saws = [write.saw for write in outcomes]
    return saws.count(ClientSaw.ACK), saws.count(ClientSaw.REJECTED), saws.count(ClientSaw.INDETERMINATE)


def reconcile(
    outcomes: Iterable[WriteOutcome],
    views: Mapping[str, Iterable[StoredDocument]],
    *,
    prior: Mapping[str, Mapping[str, str]],
    seen_once: Iterable[str] = (),
    sampled: Mapping[str, Set[str]] | None = None,
) -> Account:
    """Holds every write against every view of the store (`service`, `database`), in the order in which they were read.

    `prior` maps, for each view that was read before the run, the ids of the documents that were there to their digests: a document is
    compared with itself by the same way, since a service may render what a database holds in another form. `seen_once` are the ids that
    a read returned during the run. `sampled` names the views that asked for some ids only, with those. An id is present only where every
    view has it: a document that one view lacks is absent for somebody. A write of unknown outcome may arrive between two readings; one
    that a later reading lacks was lost after it was read.
    Raises AssertionError where attempts != ACK + REJECTED + INDETERMINATE, ValueError where an id was sent twice or where there is no
    view: without one, nothing is known of any write.
    """
    if not views:
        raise ValueError("there is no view of the store to hold the writes against")
    writes: dict[str, WriteOutcome] = {}
    for outcome in outcomes:
        if outcome.id in writes:
            raise ValueError(f"{outcome.id} was sent twice: the account of it would be ambiguous")
        writes[outcome.id] = outcome
    copies = {name: _by_payload(documents) for name, documents in views.items()}
    read, some = set(seen_once), sampled or {}
    old = {id_: None for known in prior.values() for id_ in known}
    entries = [_entry(write, _held(write.id, copies, some), read) for write in writes.values()]
    entries += [_prior_entry(id_, prior, copies) for id_ in old if id_ not in writes]
    known = writes.keys() | old.keys()
    strangers = {id_: name for name, found in copies.items() for id_ in found if id_ not in known}
    entries += [Entry(id_, Category.UNEXPECTED, None, True, name) for id_, name in sorted(strangers.items())]
    passing = read - known - strangers.keys()
    entries += [Entry(id_, Category.UNEXPECTED, None, False, "the reading during the run") for id_ in sorted(passing)]

    acknowledged, rejected, indeterminate = counts_of(writes.values())
    assert len(writes) == acknowledged + rejected + indeterminate, "the account does not add up"
    found = {saw.value: sum(1 for entry in entries if entry.saw is saw and entry.present) for saw in ClientSaw}
    counts = {category.value: sum(1 for entry in entries if entry.category is category) for category in Category}
    return Account(tuple(entries), len(writes), acknowledged, rejected, indeterminate, len(old), found, counts)


def _by_payload(documents: Iterable[StoredDocument]) -> dict[str, list[StoredDocument]]:
    """Documents by the id that they claim for themselves, so that a copy under another id is seen as a copy.

    A document without such a claim (one from before the run, or a copy that lost it) stands under the id it is stored under.
    """
    found: dict[str, list[StoredDocument]] = {}
    for document in documents:
        found.setdefault(document.payload_id or document.id, []).append(document)
    return found


_Held = Mapping[str, list[StoredDocument]]


def _held(id_: str, copies: Mapping[str, _Held], sampled: Mapping[str, Set[str]]) -> _Held:
    """What each view that was asked for an id has of it."""
    return {name: found.get(id_, []) for name, found in copies.items() if name not in sampled or id_ in sampled[name]}


def _entry(write: WriteOutcome, held: _Held, read: set[str]) -> Entry:
    where = [name for name, documents in held.items() if documents]
    absent = [name for name, documents in held.items() if not documents]
    for category, how, wrong in _defects(write, held):
        if wrong:
            return Entry(write.id, category, write.saw, True, ", ".join(wrong), how)
    if write.saw is ClientSaw.REJECTED and where:
        return Entry(write.id, Category.PHANTOM, write.saw, True, ", ".join(where))
    if write.saw is ClientSaw.REJECTED and write.id in read:
        return Entry(write.id, Category.PHANTOM, write.saw, False, "the reading during the run")
    if write.saw is ClientSaw.REJECTED:
        return Entry(write.id, Category.NOT_APPLIED, write.saw, False)
    if write.saw is ClientSaw.ACK:
        return Entry(write.id, Category.LOST if absent else Category.OK, write.saw, not absent, ", ".join(absent))
    # In the order of the readings: what one returned must be in all that follow.
    order = list(held)
    after = [name for name in absent if write.id in read or any(order.index(earlier) < order.index(name) for earlier in where)]
    if after:
        return Entry(write.id, Category.LOST_AFTER_READ, write.saw, False, ", ".join(after))
    return Entry(write.id, Category.RECOVERED if where else Category.NOT_APPLIED, write.saw, bool(where))


def _defects(write: WriteOutcome, held: _Held) -> Iterator[tuple[Category, str, list[str]]]:
    """What is wrong with a document that is there, worst first, with every view that shows it."""
    yield Category.DUPLICATE, "", [name for name, found in held.items() if len(found) > 1]
    yield Category.CORRUPT, CONTENT, [name for name, found in held.items() if found and found[0].digest != write.digest]
    yield Category.CORRUPT, ANOTHER_ID, [name for name, found in held.items() if found and found[0].id != write.id]


def _prior_entry(id_: str, prior: Mapping[str, Mapping[str, str]], copies: Mapping[str, _Held]) -> Entry:
    """A document of before, by each view that knew it then and was read again."""
    known = {name: (digests[id_], copies[name].get(id_, [])) for name, digests in prior.items() if id_ in digests and name in copies}
    for category, how, wrong in (
        (Category.PRIOR_DATA_LOST, "", [name for name, (_, found) in known.items() if not found]),
        (Category.DUPLICATE, "", [name for name, (_, found) in known.items() if len(found) > 1]),
        (Category.CORRUPT, CONTENT, [name for name, (digest, found) in known.items() if found and found[0].digest != digest]),
    ):
        if wrong:
            return Entry(id_, category, None, category is not Category.PRIOR_DATA_LOST, ", ".join(wrong), how)
    return Entry(id_, Category.OK, None, True)
