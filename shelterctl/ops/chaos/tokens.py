"""A user's own application, written to by tokens: its identity is the token inside the document, whatever the application answers."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Generator, Iterator
from dataclasses import replace

from shelterctl.core.faults.ledger import ClientSaw, StoredDocument, payload_digest, told_apart
from shelterctl.core.serial import JsonValue
from shelterctl.core.stack import refusal, respelled
from shelterctl.core.stack.exchange import ALPHABET, REFUSED, Exchange, Signature, WriteOutcome, WriteRule, signature, token
from shelterctl.core.stack.model import Body
from shelterctl.core.stack.refusal import Refusal
from shelterctl.core.verdict import Reason
from shelterctl.errors import Refused, ServiceUnreachable
from shelterctl.ops.chaos.by_id import ById
from shelterctl.ops.chaos.dialogue import WRITE_ANSWER_BYTES, Draft
from shelterctl.ops.chaos.unwritten.reason import NoWrites
from shelterctl.ops.chaos.ways import READ_TIMEOUT_S, Ways
from shelterctl.ports.clock import Clock
from shelterctl.ports.faults import TokenReader
from shelterctl.ports.http import AnswerTooLarge, Http, HttpAnswer, SendOutcome

_SAW = {
    WriteOutcome.ACKNOWLEDGED: ClientSaw.ACK,
    WriteOutcome.REJECTED: ClientSaw.REJECTED,
    WriteOutcome.UNKNOWN: ClientSaw.INDETERMINATE,
}
#: Writers and probes of a run have numbers of their own below this.
_LANES = 128


class Tokens:
    """Fulfils `ops.chaos.dialogue.Dialogue`."""

    one_by_one = False
    service_apart = True
    #: How long a driver goes on trying is its documentation's word, and the application's: two equal readings hold that to what is there.
    apart_s = 5.0
    #: A writer does not wait as long as a driver may: a write that it gave up on is of unknown outcome until it is found or not.
    client_timeout_s = 5.0

    def __init__(self, exchange: Exchange, database: TokenReader, clock: Clock, *, driver_timeout_s: float, most_writes: int) -> None:
        self._clock = clock
        self._exchange = exchange
        self._database = database
        self.settle_s = driver_timeout_s + 5.0
        self.most_writes = most_writes
        self._ways = Ways(exchange, clock)
        #: What acknowledges a write, and what turns every write away, once that was learned.
        self.learned: Signature | None = None
        self.turned: Refusal | None = None

    @property
    def whole(self) -> bool:
        return self._ways.whole

    @property
    def by_id(self) -> ById | None:
        return self._ways.by_id

    @property
    def notes(self) -> tuple[str, ...]:
        return self._ways.notes

    def learn(self, http: Http, url: str) -> Generator[str, None, list[Reason]]:
        """Two marked writes: what acknowledges one, where it lies in the database, and by which ways the service shows it."""
        write = self._write
        spoken = f"{write.method} {write.path}"
        run = f"calibration-{hashlib.sha256(url.encode()).hexdigest()[:8]}-{secrets.token_hex(6)}"
        yield f"what acknowledges a write to {write.path}"
        mark, answer = self._send(http, url, run, 1)
        body = b"" if isinstance(answer, AnswerTooLarge) else answer.body
        turned = refusal.of(answer.status, body, "" if isinstance(answer, AnswerTooLarge) else _location(answer))
        if answer.status in REFUSED and turned is not None:
            self.turned = turned
            raise self._no_writes(
                f"{spoken} answers {answer.status} to a write: nothing can be accounted for",
                why=body[:200].decode("utf-8", "replace"),
                next_command=turned.next_command,
            )
        yield "where it lies in the database"
        places = self._database.locate(mark)
        if not places:
            self._explain_changed(mark)
            if turned is not None:
                self.turned = turned
                raise self._no_writes(f"{spoken} {turned.what}", next_command=turned.next_command)
            raise Refused(
                f"{spoken} answers {answer.status}, and the write is nowhere in the database",
                why=f"the application uses another database, or its answer says nothing, or of a text it keeps a hash, or fewer than "
                f"{respelled.LEAST_KEPT} characters",
                next_command="shelterctl logs app",
            )
        if answer.status >= 400:
            # It may store all the same, and no answer of it acknowledges anything.
            return [Reason(f"{spoken} answers {answer.status} to a write that it stores", "shelterctl logs app")]
        second, again = self._send(http, url, run, 2)
        for each in (answer, again):
            if isinstance(each, AnswerTooLarge):
                return [Reason(f"{spoken}: {each.reason}: no answer acknowledges a write", "shelterctl logs app")]
        assert isinstance(answer, HttpAnswer)
        assert isinstance(again, HttpAnswer)
        learned = signature(answer.status, answer.body, _location(answer), mark)
        if write.ok is not None and not write.acknowledged(answer.status, answer.body, _location(answer), mark, learned):
            said = f"{spoken} answers {answer.status} to a write that it stores, which is not what [writes] ok says ({write.ok.spoken()})"
            return [Reason(said, "[writes] ok in shelterctl.toml says what acknowledges a write")]
        if not write.acknowledged(again.status, again.body, _location(again), second, learned):
            what = "[writes] ok in shelterctl.toml, or shelterctl logs app"
            return [Reason("two writes were answered in two ways: no answer acknowledges a write", what)]
        if self._database.locate(second)[:1] != places[:1]:
            return [Reason(f"a second write does not lie where the first does ({places[0]})", "shelterctl logs app")]
        self.learned = learned
        yield "what of it is stored as it was sent"
        self._database.compare_like(second)
        yield from self._ways.learn(http, url, second, {mark: answer.body, second: again.body})
        return []

    def _explain_changed(self, mark: str) -> None:
        """Raises NoWrites where the application keeps a token in another form than it was sent."""
        found: list[tuple[bool, str, str]] = []
        for form, text in respelled.forms(mark):
            whole = text if form == respelled.BASE64 else text[: respelled.LEAST_KEPT]
            places = self._database.locate(whole)
            kept = self._kept(text) if places and whole != text else len(text)
            cut = f"cut off or changed after {kept} of its {len(text)} characters" if kept < len(text) else ""
            how = " and ".join(filter(None, (form, cut)))
            if places and how:
                found.append((bool(cut), how, places[0]))
        if not found:
            return
        # Two forms may begin alike: the one that is there whole is the one.
        _, how, place = min(found, key=lambda item: item[0])
        raise self._no_writes(
            f"the application stores what it is sent {how} ({place}): a write cannot be told from another by its token",
            why=f"a token of {len(mark)} small letters and digits must be stored as it is sent",
            next_command="[writes] json or form in shelterctl.toml, with {token} in a field that keeps it",
        )

    def _kept(self, text: str) -> int:
        """How many of its first characters are in the database, where `LEAST_KEPT` are."""
        there, away = respelled.LEAST_KEPT, len(text) + 1
        while away - there > 1:
            middle = (there + away) // 2
            there, away = (middle, away) if self._database.locate(text[:middle]) else (there, middle)
        return there

    @property
    def _write(self) -> WriteRule:
        if self._exchange.write is None:
            raise self._no_writes(
                "the application has no route that writes: what becomes of acknowledged writes cannot be shown",
                next_command="[writes] request in shelterctl.toml, where there is one that inspect did not find",
            )
        return self._exchange.write

    def _no_writes(self, what: str, *, why: str = "", next_command: str) -> NoWrites:
        read = self._exchange.read
        paths = dict.fromkeys([*([read.path] if read is not None else []), "/"])
        return NoWrites(what, why=why, next_command=next_command, database=self._database, paths=tuple(paths))

    def _send(self, http: Http, url: str, run: str, number: int) -> tuple[str, HttpAnswer | AnswerTooLarge]:
        mark = token(marks(run), number)
        body, headers = self._write.request(mark, number)
        try:
            return mark, http.request(
                self._write.method,
                f"{url}{self._write.path}",
                headers=headers,
                body=body,
                timeout_s=READ_TIMEOUT_S,
                most_bytes=WRITE_ANSWER_BYTES,
            )
        except AnswerTooLarge as error:
            return mark, error
        except SendOutcome as error:
            raise ServiceUnreachable(
                f"{url}{self._write.path} does not answer", why=error.reason, next_command="shelterctl status"
            ) from error

    def is_of(self, run: str, id_: str) -> bool:
        return id_.startswith(f"t{marks(run)}")

    def draft(self, run: str, writer: str, sequence: int) -> Draft:
        lane = int(writer[1:]) + (_LANES // 2 if writer.startswith("p") else 0)
        number = sequence * _LANES + lane
        mark = token(marks(run), number)
        body, headers = self._write.request(mark, number)
        return Draft(mark, self._digest(mark, number), self._write.method, self._write.path, headers, body)

    def judge(self, draft: Draft, answer: HttpAnswer) -> ClientSaw:
        saw = _SAW[self._write.judge(answer.status, answer.body, _location(answer), draft.id, self.learned)]
        if saw is ClientSaw.ACK and self.by_id is not None:
            self.by_id.note(draft.id, answer.body)
        return saw

    def of_run(self, http: Http, clock: Clock, url: str, run: str) -> Iterator[StoredDocument]:
        """Every token of the run in one answer. What is shown of a document besides is no matter: dates and prices have many forms."""
        counts = self._ways.read(http, clock, url, lambda mark: self.is_of(run, mark))
        documents = (StoredDocument(mark, self._digest(mark, number_of(mark)), mark, True) for mark in counts.elements())
        yield from told_apart(documents)

    def of_before(self, http: Http, clock: Clock, url: str, until: str | None, run: str) -> Iterator[StoredDocument]:  # noqa: ARG002
        yield from ()

    def one(self, http: Http, clock: Clock, url: str, id_: str, run: str) -> StoredDocument | None:
        raise NotImplementedError

    def _digest(self, mark: str, number: int) -> str:
        return payload_digest(sent_fields(self._write, mark, number))


def sent_fields(write: WriteRule, mark: str, number: int) -> dict[str, JsonValue]:
    """The fields of a write, each as the text that an application shows of it."""
    body, _ = replace(write, body=Body.JSON).request(mark, number)
    return {key: str(value) for key, value in json.loads(body).items()}


def number_of(mark: str) -> int:
    """The number of a write by its token."""
    number = 0
    for letter in mark[12:]:
        number = number * len(ALPHABET) + ALPHABET.index(letter)
    return number


def marks(run: str) -> str:
    """The eleven characters that stand for a run in its tokens."""
    number = int.from_bytes(hashlib.sha256(run.encode()).digest()[:8], "big")
    digits = ""
    for _ in range(11):
        number, digit = divmod(number, len(ALPHABET))
        digits += ALPHABET[digit]
    return digits


def _location(answer: HttpAnswer) -> str:
    return answer.headers.get("location", "")
