"""The lines of a run's journals beside events.jsonl, as records: what writes them makes the lines by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shelterctl.core.deploy.scan import ImageScan
from shelterctl.core.faults.ledger import Category, ClientSaw


@dataclass(frozen=True, slots=True)
class WriteLine:
    """A write before it is sent (`kind` is intent: `digest`, `at_s`), or what became of it (outcome: the rest).

    Times are seconds of the machine's monotonic clock. `status` is the answer's, null where there was none.
    """

    kind: str
    id: str
    digest: str = ""
    at_s: float = 0.0
    saw: ClientSaw = ClientSaw.INDETERMINATE
    status: int | None = None
    detail: str = ""
    sent_s: float = 0.0
    ended_s: float = 0.0


@dataclass(frozen=True, slots=True)
class AccountLine:
    """A write, or a document that none of them is, with what became of it. `saw` is null where the tool did not send it."""

    id: str
    category: Category
    saw: ClientSaw | None
    present: bool
    how: str
    where: str
    fails: bool


@dataclass(frozen=True, slots=True)
class FaultLine:
    """The fault before it is sent (`kind` is intent: which process, when in epoch seconds), and whether it came about (outcome)."""

    kind: str
    mode: str = ""
    pod: str = ""
    uid: str = ""
    wall_s: float = 0.0
    killed: bool = False
    process_gone: bool | None = None


@dataclass(frozen=True, slots=True)
class GetLine:
    """A GET of a service that nothing can be written to, and whether it was answered as before the fault."""

    id: str
    as_before: bool
    status: int | None
    detail: str
    sent_s: float
    ended_s: float


#: A line's record by the journal's name.
JOURNALS: dict[str, Any] = {
    "writes.jsonl": WriteLine,
    "account.jsonl": AccountLine,
    "fault.jsonl": FaultLine,
    "gets.jsonl": GetLine,
    "scan.jsonl": ImageScan,
}
