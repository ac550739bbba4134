"""Writers: threads that write documents one after the other and put each write into the journal before it is sent."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from shelterctl.core.faults.ledger import ClientSaw, WriteOutcome, classify_no_answer
from shelterctl.ops.chaos.crew import Crew, every, pausing
from shelterctl.ops.chaos.dialogue import WRITE_ANSWER_BYTES, Dialogue
from shelterctl.ports.http import AnswerTooLarge, Http, SendOutcome
from shelterctl.ports.runs import RunFolder

JOURNAL = "writes.jsonl"
#: A writer's pause after an answer: it leaves the service room, and bounds the run's documents.
PAUSE_S = 0.02
#: Writes that end at one moment may be noted down in another order.
_DISORDER_S = 0.5


@dataclass
class Ledger:
    """What the writers have seen so far. Shared between their threads."""

    outcomes: list[WriteOutcome] = field(default_factory=list)
    problem: str = ""
    _open: dict[str, tuple[str, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, id_: str, digest: str, sent_s: float) -> None:
        """A write is about to be sent."""
        with self._lock:
            self._open[id_] = (digest, sent_s)

    def add(self, outcome: WriteOutcome) -> None:
        with self._lock:
            self._open.pop(outcome.id, None)
            self.outcomes.append(outcome)

    def snapshot(self) -> list[WriteOutcome]:
        """The writes that have ended."""
        with self._lock:
            return list(self.outcomes)

    def acknowledged_in_a_row(self, sent_after_s: float, *, at_most: int) -> int:
        """How many writes in a row, counted back from the latest, were acknowledged; only those sent after `sent_after_s` count.

        Counts no further than `at_most`: it is asked many times a second, and the ledger may be long.
        """
        count = 0
        with self._lock:
            for write in reversed(self.outcomes):
                if count >= at_most or write.ended_at_s <= sent_after_s:
                    break
                if write.sent_at_s <= sent_after_s:
                    continue
                if write.saw is not ClientSaw.ACK:
                    break
                count += 1
        return count

    def acknowledged_since(self, ended_after_s: float) -> int:
        """How many writes were acknowledged since then."""
        count = 0
        with self._lock:
            for write in reversed(self.outcomes):
                if write.ended_at_s <= ended_after_s - _DISORDER_S:
                    break
                count += write.saw is ClientSaw.ACK and write.ended_at_s > ended_after_s
        return count

    def close(self) -> list[WriteOutcome]:
        """Every write that was begun: one that has not ended may have been applied or not."""
        now_s = time.monotonic()
        with self._lock:
            unended = [
                WriteOutcome(id_, digest, sent_s, now_s, ClientSaw.INDETERMINATE, None, "the writer did not end")
                for id_, (digest, sent_s) in self._open.items()
            ]
            return [*self.outcomes, *unended]


class Writers:
    """`writers` threads that write as fast as the service answers, and probes that write on a fixed schedule.

    A probe is sent every `probe_interval_s` whether or not the ones before it were answered: that is the resolution of the times.
    """

    def __init__(
        self,
        make_http: Callable[[], Http],
        folder: RunFolder,
        url: str,
        dialogue: Dialogue,
        *,
        writers: int,
        probe_interval_s: float,
        probe_threads: int,
        pause_s: float = PAUSE_S,
    ) -> None:
        self.ledger = Ledger()
        self._folder = folder
        self._url = url
        self._dialogue = dialogue
        self._crew = Crew(make_http, self.ledger, step_timeout_s=dialogue.client_timeout_s)
        for number in range(writers):
            self._crew.add(f"writer w{number}", partial(self._one, f"w{number}"), pausing(pause_s))
        for number in range(probe_threads):
            schedule = every(probe_interval_s * probe_threads)
            self._crew.add(f"writer p{number}", partial(self._one, f"p{number}"), schedule, delay_s=number * probe_interval_s)

    def start(self) -> None:
        self._crew.start()

    def stop(self) -> bool:
        """Lets every writer finish the write it is at; False where one did not end in time."""
        return self._crew.stop()

    def _one(self, writer: str, http: Http, sequence: int) -> None:
        draft = self._dialogue.draft(self._folder.run_id, writer, sequence)
        id_, digest = draft.id, draft.digest
        intent = {"kind": "intent", "id": id_, "digest": digest, "at_s": round(time.monotonic(), 6)}
        self._folder.append_journal(JOURNAL, json.dumps(intent))
        sent_s = time.monotonic()
        self.ledger.begin(id_, digest, sent_s)
        status: int | None = None
        try:
            answer = http.request(
                draft.method,
                f"{self._url}{draft.path}",
                headers=draft.headers,
                body=draft.body,
                timeout_s=self._dialogue.client_timeout_s,
                most_bytes=WRITE_ANSWER_BYTES,
            )
            status = answer.status
            saw, detail = self._dialogue.judge(draft, answer), ""
        except SendOutcome as error:
            saw, detail = classify_no_answer(sent=error.sent), error.reason
            status = error.status if isinstance(error, AnswerTooLarge) else None
        outcome = WriteOutcome(id_, digest, sent_s, time.monotonic(), saw, status, detail)
        self.ledger.add(outcome)
        line = {"kind": "outcome", "id": id_, "saw": saw.value, "status": status, "detail": detail}
        self._folder.append_journal(JOURNAL, json.dumps({**line, "sent_s": round(sent_s, 6), "ended_s": round(outcome.ended_at_s, 6)}))


def pause_for(writers: int, longest_s: float, *, most: int, probe_interval_s: float) -> float:
    """A writer's pause with which a run of `longest_s` makes no more than `most` writes, its probes included."""
    probes = longest_s / probe_interval_s
    return max(PAUSE_S, writers * longest_s / max(1.0, most - probes))
