"""What reading back came to: the account, and what stays open about the data and about the service, each by itself."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field

from shelterctl.core.faults.ledger import Account
from shelterctl.core.faults.verdict import SHOWN_IDS
from shelterctl.core.verdict import Reason
from shelterctl.core.words import counted, listed
from shelterctl.errors import ShelterError
from shelterctl.ops.chaos.by_id import ASKING_TIMEOUT_S, AskedById

_LOGS = "shelterctl logs app"


@dataclass
class ReadBack:
    """`questions` are doubts about the data by the way of reading that left them; `service_failed` and `service_open` are about the service
    alone, where it is judged apart. `notes` are no doubts."""

    account: Account = field(default_factory=lambda: Account((), 0, 0, 0, 0, 0, {}, {}))
    questions: dict[str, Reason] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    service_failed: list[Reason] = field(default_factory=list)
    service_open: list[Reason] = field(default_factory=list)
    _errors: dict[str, ShelterError] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        return not (self.questions or self.service_failed or self.service_open)

    def failed(self, view: str, error: ShelterError) -> None:
        """A way of reading that gave nothing."""
        self._errors[view] = error
        self.questions[view] = Reason(f"the read-back ({view}) failed: {error.what}: {error.why}".rstrip(": "), "shelterctl status")

    def by_id_instead(self, view: str, shown: int | None, held: int) -> None:
        """The writes were asked for by their ids, since the view showed less than all, or nothing at all (None)."""
        self.questions.pop(view, None)
        error = self._errors.get(view)
        if error is not None:
            self.notes.append(f"through the service in one answer: {_said(error)}; each write was asked for by its id instead")
        elif shown is not None:
            self.notes.append(f"one answer of the service shows {shown} of {held} writes: each was asked for by its id instead")

    def set_apart(self, view: str, *, read: bool) -> None:
        """A view that could not be read is no doubt about data that were `read` in the database: it is one about the service."""
        if self.questions.pop(view, None) is not None:
            error = self._errors[view]
            text = f"{'read in the database; ' if read else ''}through the service: {_said(error)}"
            self.service_open.insert(0, Reason(text, error.next_command or "shelterctl status"))

    def judge_by_id(self, asked: AskedById, path: str, held: Set[str] | None, without_answer: int) -> None:
        """What the service showed of each acknowledged write, beside what the database has (None where that is not known)."""
        total = asked.asked + asked.left + asked.without_id
        absent = {mark: said for mark, said in asked.absent.items() if held is None or mark in held}
        if absent:
            said = f"GET {path} {' or '.join(sorted(set(absent.values())))} for {listed(sorted(absent), SHOWN_IDS)}"
            if held is None:
                text = f"{counted(len(absent), 'acknowledged write')} not shown by id, and the database was not read: {said}"
                self.service_open.append(Reason(text, _LOGS))
            else:
                text = f"{counted(len(absent), 'acknowledged write')} in the database and not shown by the service: {said}"
                self.service_failed.append(Reason(text, _LOGS))
        if asked.unanswered:
            why = sorted(set(asked.unanswered.values()))
            text = f"through the service by id: {len(asked.unanswered)} of {total} without an answer to be judged by: {listed(why, 2)}"
            self.service_open.append(Reason(text, _LOGS))
        if asked.left:
            self.notes.append(f"{asked.asked} of {total} acknowledged writes were asked for by their ids within {ASKING_TIMEOUT_S:g} s")
        if asked.without_id:
            self.notes.append(
                f"{counted(asked.without_id, 'acknowledged write')} without an id in the answer: the database alone shows them"
            )
        if without_answer:
            writes = counted(without_answer, "write")
            self.notes.append(f"no id to ask for in {writes} of unknown outcome: the database alone shows them")


def _said(error: ShelterError) -> str:
    return f"{error.what}: {error.why}".rstrip(": ")
