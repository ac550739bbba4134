"""The ways by which a user's own service shows what was written: all at once, one by one by their ids, or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Mapping

from shelterctl.core.stack.answer_id import NoId, OneRule
from shelterctl.core.stack.exchange import Exchange, ReadRule
from shelterctl.errors import ServiceUnreachable
from shelterctl.ops.chaos.by_id import ById, Shown
from shelterctl.ports.clock import Clock
from shelterctl.ports.http import AnswerTooLarge, Http, SendOutcome, mebibytes

READ_TIMEOUT_S = 40.0
_READ_TRIES = 3
_MORE = '[reads] request = "GET /…/{id}" in shelterctl.toml, or a larger max_bytes'


class Ways:
    """What calibration finds of them. `whole` is whether one answer is read, `by_id` has the ids for asking one by one.

    Both may be there: where one answer turns out not to show everything, the writes are asked for by their ids.
    """

    def __init__(self, exchange: Exchange, clock: Clock) -> None:
        self._exchange = exchange
        self._clock = clock
        self._times = 1
        self._unread = "how it shows writes was not looked at, since none was acknowledged"
        self.whole = False
        self.by_id: ById | None = None
        self.notes: tuple[str, ...] = ()

    def learn(self, http: Http, url: str, shown: str, answers: Mapping[str, bytes]) -> Generator[str, None, None]:
        """Tries what the owner chose first, else the whole. `answers` are those to marked writes, by token; `shown` is the last one.

        Raises ServiceUnreachable where a route that should read answers nothing.
        """
        read, one, first = self._exchange.read, self._exchange.one, self._exchange.by_id
        problems = []
        if one is not None:
            yield f"how GET {one.path} shows it"
            self.by_id, problem = self._learn_by_id(http, url, one, answers)
            # Nobody asked for it where all is read at once: it is there for the case that this is not possible.
            problems += [f"GET {one.path}: {problem}"] if problem and (first or read is None) else []
        elif first:
            problems.append("no route is known that reads one by its id: [reads] request in shelterctl.toml")
        if read is not None and not (first and self.by_id is not None):
            yield f"how GET {read.path} shows it"
            problem = self._learn_whole(http, url, read, shown)
            problems += [f"GET {read.path}: {problem}"] if problem else []
        why = "; ".join(problems)
        if not self.whole and self.by_id is None:
            self._unread = why or "no route reads"
        elif why:
            way = f"GET {read.path} is read" if self.whole and read is not None else "each write is read by its id"
            self.notes = (f"{why}; {way} instead",)

    def _learn_whole(self, http: Http, url: str, read: ReadRule, shown: str) -> str:
        """Whether one answer can be read. Returns why not. Raises ServiceUnreachable."""
        try:
            body = self._read(http, self._clock, f"{url}{read.path}", read.most_bytes)
        except AnswerTooLarge as error:
            return _too_large(error)
        self._times = max(1, read.found(body).count(shown))
        self.whole = True
        return ""

    def _learn_by_id(self, http: Http, url: str, one: OneRule, answers: Mapping[str, bytes]) -> tuple[ById | None, str]:
        """What asks by id, or why what an answer calls its id does not lead back to the write."""
        found = ById(one)
        for mark, body in answers.items():
            try:
                found.ids[mark] = one.id_in(body)
            except NoId as error:
                return None, str(error)
            seen, said = found.one(http, self._clock, url, mark)
            if seen is not Shown.THERE:
                return None, f"{said} for the id {found.ids[mark][:60]!r} of the write's answer"
        return found, ""

    def read(self, http: Http, clock: Clock, url: str, is_own: Callable[[str], bool]) -> Counter[str]:
        """How often each of a run's tokens is shown, in one answer. Raises ServiceUnreachable."""
        read = self._exchange.read
        if read is None or not self.whole:
            raise ServiceUnreachable(self._unread, next_command=_MORE)
        try:
            body = self._read(http, clock, f"{url}{read.path}", read.most_bytes)
        except AnswerTooLarge as error:
            raise ServiceUnreachable(_too_large(error), next_command=_MORE) from error
        counts = Counter(mark for mark in read.found(body) if is_own(mark))
        # A page may show one write several times: as often as it showed the first one.
        return Counter({mark: -(-count // self._times) for mark, count in counts.items()})

    def _read(self, http: Http, clock: Clock, url: str, most_bytes: int) -> bytes:
        """Raises ServiceUnreachable, and AnswerTooLarge at once: it would be so again."""
        why = ""
        for attempt in range(_READ_TRIES):
            if attempt:
                clock.sleep(1.0)
            try:
                answer = http.request("GET", url, timeout_s=READ_TIMEOUT_S, most_bytes=most_bytes)
            except AnswerTooLarge as error:
                if error.status == 200:
                    raise
                why = f"status {error.status}"
            except SendOutcome as error:
                why = error.reason
            else:
                if answer.status == 200:
                    return answer.body
                why = f"status {answer.status}"
        raise ServiceUnreachable("the documents could not be read back through the service", why=why, next_command="shelterctl logs app")


def _too_large(error: AnswerTooLarge) -> str:
    return f"too large (more than {mebibytes(error.most_bytes)})"
