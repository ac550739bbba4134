"""GETs in the place of writes: the service is asked for one page on a fixed schedule, and each answer held to those of before the fault."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial

from shelterctl.core.faults.ledger import ClientSaw, WriteOutcome
from shelterctl.core.stack.exchange import signature
from shelterctl.errors import ServiceUnreachable
from shelterctl.ops.chaos.crew import Crew, every
from shelterctl.ops.chaos.writers import Ledger
from shelterctl.ports.http import AnswerTooLarge, Http, HttpAnswer, SendOutcome
from shelterctl.ports.runs import RunFolder

JOURNAL = "gets.jsonl"
#: A page is asked for this often before anything is done, and must answer alike.
_LOOKS = 3
_TIMEOUT_S = 5.0
#: Of a larger answer the status alone is compared.
_MOST_BYTES = 256 * 2**10
#: Between two GETs: twice what an answer takes, within these.
_LEAST_INTERVAL_S, _MOST_INTERVAL_S = 0.1, 2.0
_THREADS = 8
#: No text has it: an answer is compared without what differs from time to time, and there is no token in it.
_NO_MARK = "\0"
#: The detail of an answer whose status is the one of before, and whose text is not.
OTHER_TEXT = "another text than before"


@dataclass(frozen=True, slots=True)
class Usual:
    """How a path answers while nothing is wrong. `text` is its digest without numbers and ids, empty where it is not always the same."""

    path: str
    status: int
    text: str
    elapsed_s: float


class Gets:
    """Fulfils `ops.chaos.run.Traffic`. In its ledger an answer as before counts as ACK, and anything else as of unknown outcome."""

    def __init__(self, make_http: Callable[[], Http], folder: RunFolder, url: str, usual: Usual) -> None:
        self.usual = usual
        self.interval_s = min(_MOST_INTERVAL_S, max(_LEAST_INTERVAL_S, 2 * usual.elapsed_s))
        self.ledger = Ledger()
        self._folder = folder
        self._url = f"{url}{usual.path}"
        self._crew = Crew(make_http, self.ledger, step_timeout_s=_TIMEOUT_S)
        for number in range(_THREADS):
            schedule = every(self.interval_s * _THREADS)
            self._crew.add(f"GETs {number}", partial(self._one, number), schedule, delay_s=number * self.interval_s)

    @classmethod
    def learn(
        cls, make_http: Callable[[], Http], folder: RunFolder, http: Http, url: str, paths: Sequence[str]
    ) -> Generator[str, None, Gets]:
        """Of the first path that answers below 400; else of the first that the application answers at all, each time alike.

        Raises ServiceUnreachable where there is none: neither an outage nor a recovery could be seen.
        """
        found, said = [], []
        for path in paths:
            yield f"how GET {path} answers"
            usual = _usual(http, url, path)
            if isinstance(usual, str):
                said.append(f"GET {path}: {usual}")
            else:
                found.append(usual)
        if not found:
            raise ServiceUnreachable(
                "the service answers no GET by which it could be seen to come back", why="; ".join(said), next_command="shelterctl logs app"
            )
        return cls(make_http, folder, url, next((usual for usual in found if usual.status < 400), found[0]))

    def start(self) -> None:
        self._crew.start()

    def stop(self) -> bool:
        return self._crew.stop()

    def same_status_in_a_row(self, sent_after_s: float) -> int:
        """How many GETs in a row, counted back from the latest, had the status of before, whatever their text."""
        count = 0
        for get in reversed(self.ledger.snapshot()):
            if get.sent_at_s <= sent_after_s or (get.saw is not ClientSaw.ACK and get.detail != OTHER_TEXT):
                break
            count += 1
        return count

    def _one(self, number: int, http: Http, sequence: int) -> None:
        id_ = f"g{number}:{sequence}"
        sent_s = time.monotonic()
        self.ledger.begin(id_, "", sent_s)
        status, text, detail = _answer(http, self._url)
        saw = ClientSaw.INDETERMINATE
        if status is None:
            pass
        elif status != self.usual.status:
            detail = f"status {status}"
        elif self.usual.text and text != self.usual.text:
            detail = OTHER_TEXT
        else:
            saw = ClientSaw.ACK
        ended_s = time.monotonic()
        self.ledger.add(WriteOutcome(id_, "", sent_s, ended_s, saw, status, detail))
        line = {"id": id_, "as_before": saw is ClientSaw.ACK, "status": status, "detail": detail}
        self._folder.append_journal(JOURNAL, json.dumps({**line, "sent_s": round(sent_s, 6), "ended_s": round(ended_s, 6)}))


def _usual(http: Http, url: str, path: str) -> Usual | str:
    """How a path answers, or why that is nothing to go by."""
    began_s = time.monotonic()
    seen = [_answer(http, f"{url}{path}") for _ in range(_LOOKS)]
    elapsed_s = (time.monotonic() - began_s) / _LOOKS
    statuses = {status for status, _, _ in seen}
    status, text, detail = seen[0]
    if None in statuses:
        return next(detail for status, _, detail in seen if status is None)
    if len(statuses) > 1:
        return f"answers in turn {', '.join(sorted(map(str, statuses)))}"
    if status is None or status >= 500:
        return f"answers {status} while the database is there{detail}"
    texts = {text for _, text, _ in seen}
    return Usual(path, status, text if len(texts) == 1 else "", elapsed_s)


def _answer(http: Http, url: str) -> tuple[int | None, str, str]:
    """Status, the digest of the text (empty where it is too large), and why there is no answer."""
    try:
        answer: HttpAnswer = http.request("GET", url, timeout_s=_TIMEOUT_S, most_bytes=_MOST_BYTES)
    except AnswerTooLarge as error:
        return error.status, "", ""
    except SendOutcome as error:
        return None, "", error.reason
    told = signature(answer.status, answer.body, answer.headers.get("location", ""), _NO_MARK)
    return answer.status, hashlib.sha256(f"{told.skeleton}\n{told.location}".encode()).hexdigest(), ""
