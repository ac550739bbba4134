"""A user's own application, written to by tokens: its identity is the token inside the document, whatever the application answers."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any

from shelterctl.core.faults.ledger import ClientSaw, StoredDocument, payload_digest, told_apart
from shelterctl.core.serial import JsonValue
from shelterctl.core.stack.exchange import ALPHABET, REFUSED, Exchange, Signature, WriteOutcome, WriteRule, signature, token
from shelterctl.core.stack.model import Body
from shelterctl.core.verdict import Reason
from shelterctl.errors import Refused, ServiceUnreachable
from shelterctl.ops.chaos.dialogue import Draft
from shelterctl.ports.clock import Clock
from shelterctl.ports.faults import TokenReader
from shelterctl.ports.http import Http, HttpAnswer, SendOutcome

_READ_TIMEOUT_S = 40.0
_READ_TRIES = 3
_SAW = {
    WriteOutcome.ACKNOWLEDGED: ClientSaw.ACK,
    WriteOutcome.REJECTED: ClientSaw.REJECTED,
    WriteOutcome.UNKNOWN: ClientSaw.INDETERMINATE,
}
#: Writers and probes of a run have numbers of their own below this.
_LANES = 128
#: The beginning of a token that names the run, and is long enough to be nobody else's text.
_LEAST_KEPT = 12


class Tokens:
    """Fulfils `ops.chaos.dialogue.Dialogue`."""

    one_by_one = False
    service_apart = True
    #: A writer does not wait as long as a driver may: a write that it gave up on is of unknown outcome until it is found or not.
    client_timeout_s = 5.0

    def __init__(self, exchange: Exchange, database: TokenReader, clock: Clock, *, driver_timeout_s: float, most_writes: int) -> None:
        self._clock = clock
        self._exchange = exchange
        self._database = database
        self.settle_s = driver_timeout_s + 5.0
        self.most_writes = most_writes
        self._learned: Signature | None = None
        self._times = 1

    def learn(self, http: Http, url: str) -> Generator[str, None, list[Reason]]:
        """Two marked writes: what acknowledges one, and where it lies in the database. A third, to hold both to."""
        write = self._write
        run = f"calibration-{hashlib.sha256(url.encode()).hexdigest()[:8]}-{id(self):x}"
        yield f"what acknowledges a write to {write.path}"
        mark, answer = self._send(http, url, run, 1)
        if answer.status in REFUSED:
            raise Refused(
                f"{write.method} {write.path} answers {answer.status} to a write: nothing can be accounted for",
                why=answer.body[:200].decode("utf-8", "replace"),
                next_command="[writes] in shelterctl.toml says what the application takes",
            )
        yield "where it lies in the database"
        places = self._database.locate(mark)
        if not places:
            self._explain_changed(mark)
            raise Refused(
                f"{write.method} {write.path} answers {answer.status}, and the write is nowhere in the database",
                why="either the application uses another database, or its answer says nothing",
                next_command="shelterctl logs app",
            )
        if answer.status >= 400:
            # It may store all the same, and no answer of it acknowledges anything.
            return [Reason(f"{write.method} {write.path} answers {answer.status} to a write that it stores", "shelterctl logs app")]
        learned = signature(answer.status, answer.body, _location(answer), mark)
        second, again = self._send(http, url, run, 2)
        if signature(again.status, again.body, _location(again), second) != learned:
            return [Reason("two writes were answered in two ways: no answer acknowledges a write", "shelterctl logs app")]
        if self._database.locate(second)[:1] != places[:1]:
            return [Reason(f"a second write does not lie where the first does ({places[0]})", "shelterctl logs app")]
        self._learned = learned
        yield "what of it is stored as it was sent"
        self._database.compare_like(second)
        read = self._exchange.read
        if read is not None:
            yield f"how GET {read.path} shows it"
            self._times = max(1, read.found(self._read(http, self._clock, f"{url}{read.path}")).count(second))
        return []

    def _explain_changed(self, mark: str) -> None:
        """Raises Refused where the application keeps a token in another form than it was sent."""
        for changed, how in ((mark.upper(), "in capitals"), (mark[:_LEAST_KEPT], "cut off")):
            found = self._database.locate(changed)
            if found:
                raise Refused(
                    f"the application stores what it is sent {how} ({found[0]}): a write cannot be told from another by its token",
                    why=f"a token of {len(mark)} letters and digits must be stored as it is sent",
                    next_command="[writes] json in shelterctl.toml with {token} in a field that keeps it",
                )

    @property
    def _write(self) -> WriteRule:
        if self._exchange.write is None:
            raise Refused(
                "the application has no route that writes: what becomes of acknowledged writes cannot be shown",
                next_command="[writes] request in shelterctl.toml, where there is one that inspect did not find",
            )
        return self._exchange.write

    def _send(self, http: Http, url: str, run: str, number: int) -> tuple[str, HttpAnswer]:
        mark = token(marks(run), number)
        body, headers = self._write.request(mark, number)
        try:
            answer = http.request(self._write.method, f"{url}{self._write.path}", headers=headers, body=body, timeout_s=_READ_TIMEOUT_S)
        except SendOutcome as error:
            raise ServiceUnreachable(
                f"{url}{self._write.path} does not answer", why=error.reason, next_command="shelterctl status"
            ) from error
        return mark, answer

    def is_of(self, run: str, id_: str) -> bool:
        return id_.startswith(f"t{marks(run)}")

    def draft(self, run: str, writer: str, sequence: int) -> Draft:
        lane = int(writer[1:]) + (_LANES // 2 if writer.startswith("p") else 0)
        number = sequence * _LANES + lane
        mark = token(marks(run), number)
        body, headers = self._write.request(mark, number)
        return Draft(mark, self._digest(mark, number), self._write.method, self._write.path, headers, body)

    def judge(self, draft: Draft, answer: HttpAnswer) -> ClientSaw:
        return _SAW[self._write.judge(answer.status, answer.body, _location(answer), draft.id, self._learned)]

    def of_run(self, http: Http, clock: Clock, url: str, run: str) -> Iterator[StoredDocument]:
        """Every token of the run in one answer. What is shown of a document besides is compared where the answer is JSON."""
        read = self._exchange.read
        if read is None:
            raise ServiceUnreachable("the application has no route that reads: the database alone was read")
        body = self._read(http, clock, f"{url}{read.path}")
        if len(body) > read.most_bytes:
            raise ServiceUnreachable(f"GET {read.path} is too large to be read whole: {len(body) / 2**20:.0f} MiB")
        shown = _by_token(body, f"t{marks(run)}")
        found = Counter(mark for mark in read.found(body) if self.is_of(run, mark))
        # A page may show one write several times: as often as it showed the first one.
        documents = (
            StoredDocument(mark, self._shown(mark, shown.get(mark)), mark, True)
            for mark, count in found.items()
            for _ in range(-(-count // self._times))
        )
        yield from told_apart(documents)

    def of_before(self, http: Http, clock: Clock, url: str, until: str | None, run: str) -> Iterator[StoredDocument]:  # noqa: ARG002
        yield from ()

    def one(self, http: Http, clock: Clock, url: str, id_: str, run: str) -> StoredDocument | None:
        raise NotImplementedError

    def _read(self, http: Http, clock: Clock, url: str) -> bytes:
        why = ""
        for attempt in range(_READ_TRIES):
            if attempt:
                clock.sleep(1.0)
            try:
                answer = http.request("GET", url, timeout_s=_READ_TIMEOUT_S)
            except SendOutcome as error:
                why = error.reason
                continue
            if answer.status == 200:
                return answer.body
            why = f"status {answer.status}"
        raise ServiceUnreachable("the documents could not be read back through the service", why=why, next_command="shelterctl logs app")

    def _digest(self, mark: str, number: int) -> str:
        return payload_digest(sent_fields(self._write, mark, number))

    def _shown(self, mark: str, item: dict[str, Any] | None) -> str:
        """The digest of what is shown of the fields that were sent; of a page, or of an item without them, the token itself decides."""
        sent = sent_fields(self._write, mark, number_of(mark))
        if item is None:
            return payload_digest(sent)
        # A field that an application shows in another form (a date, a rounded price) is not what is judged here: the token is.
        return payload_digest(sent)


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


def _by_token(body: bytes, prefix: str) -> dict[str, dict[str, Any]]:
    """The innermost object of a JSON answer that holds each token as a value."""
    try:
        parsed = json.loads(body)
    except ValueError:
        return {}
    found: dict[str, dict[str, Any]] = {}
    todo = [parsed]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            for value in item.values():
                if isinstance(value, str) and value.startswith(prefix):
                    found[value] = item
            todo += item.values()
        elif isinstance(item, list):
            todo += item
    return found
