"""Ready is what answers: a marked write is sent through the service and found again, whatever the probes say."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import NoReturn

from shelterctl.core.deploy.crash import crash_cause
from shelterctl.core.deploy.image import ImageChain
from shelterctl.core.events import Outcome
from shelterctl.core.stack import refusal
from shelterctl.core.stack.answer_id import NoId, OneRule
from shelterctl.core.stack.exchange import ALPHABET, Exchange, WriteRule, token, tokens_in
from shelterctl.core.stack.refusal import Refusal
from shelterctl.core.state import Pod, Role, StackState
from shelterctl.errors import Refused, ServiceUnreachable
from shelterctl.ops.guards import service_url
from shelterctl.ops.steps import Done, wait
from shelterctl.ports.clock import Clock
from shelterctl.ports.http import MOST_BYTES, AnswerTooLarge, Http, HttpAnswer, SendOutcome

#: A driver that waits for a server gives up after 30 s as a rule; two of those.
ANSWER_TIMEOUT_S = 75.0
REQUEST_TIMEOUT_S = 35.0
_POLL_S = 0.5
#: A pod that ends leaves its Service at once, and kube-proxy follows within a second: until then it may be the one that answers, and an
#: application that does not name itself cannot be told from the one before.
OLD_PODS_S = 2.0
_MOST_WRITES = 40
#: The same refusal so many times in a row is one: the first may be a pod's that has just started. An application that answers every error
#: with 400 or 404 is asked for as long as its database may take to start.
_REFUSED_IN_A_ROW, _FAULTY_IN_A_ROW = 3, 20
_MAY_BE_AN_ERROR = (400, 404, 409)
_HAS_IT = " has it"
#: An answer with so many entries may be one page of more: that a write is not on it says nothing.
LEAST_OF_A_PAGE = 10
#: The last lines of each of the application's containers: a traceback ends with its cause.
_LOG_LINES = 12


def _no_log(_pod: Pod, _container: str, *, lines: int) -> tuple[str, ...]:  # noqa: ARG001 - a target's method
    return ()


def new_run() -> str:
    """Eleven characters that mark the writes of a run."""
    return "".join(secrets.choice(ALPHABET) for _ in range(11))


@dataclass(frozen=True, slots=True)
class MarkedAnswers:
    """Fulfils `ops.up.answer.Answers` for an application that does not say which image it is.

    `log_tail` is the target's: an application that answers 500 says why in its log.
    """

    http: Http
    clock: Clock
    exchange: Exchange
    log_tail: Callable[..., tuple[str, ...]] = _no_log

    def prove(self, state: StackState, chain: ImageChain) -> Generator[str, None, Done[ImageChain]]:
        """The chain, once a write was found again, or a login keeps every write away. Raises ServiceUnreachable with what the service said
        last, and Refused where what is sent is not what it takes."""
        url = service_url(state, purpose="asked")
        run, said, taken = new_run(), ["it was not asked"], [""]
        sent = 0
        write = self.exchange.write
        turned = _Turned()

        leaving = any(pod.deleting for pod in state.pods_of(Role.APP))

        def look(waited_s: float) -> Done[ImageChain] | str:
            nonlocal sent
            if leaving and waited_s < OLD_PODS_S:
                return "a pod of before may still get requests"
            sent += 1
            problem = self._ask(url) if write is None else self._write(url, write, token(run, sent), taken, turned)
            if write is not None and problem and turned.certain:
                return self._without_write(url, write, turned, chain)
            if problem:
                said[0] = problem
                if sent >= _MOST_WRITES:
                    late(problem)
                return problem
            title = f"{url} answers" if write is None else f"{url}: a marked write to {write.path} was taken{taken[0]}"
            return Done(title, replace(chain, answering_tag=None), Outcome.UNCHANGED)

        def late(_seen: str) -> NoReturn:
            cause, lines = self._cause(state)
            raise ServiceUnreachable(
                f"the application does not do what it is there for: {said[0]}",
                why=cause or "its pods run; what it says to a write decides",
                next_command="shelterctl logs app",
                details=lines,
            )

        done = yield from wait(self.clock, look, timeout_s=ANSWER_TIMEOUT_S, pause_s=_POLL_S, late=late)
        if done.value.broken_at:
            raise ServiceUnreachable(
                f"the image that was built is not the one that runs: {done.value.broken_at}", next_command="shelterctl status"
            )
        return done

    def _cause(self, state: StackState) -> tuple[str, tuple[str, ...]]:
        """What the last lines of the application's pods say of why it answers so, where that is known, with the lines."""
        for pod in state.pods_of(Role.APP):
            for container in pod.containers if not pod.deleting else ():
                lines = self.log_tail(pod, container.name, lines=_LOG_LINES)
                if cause := crash_cause(None, container.image, lines):
                    return cause, (f"{pod.name}, container {container.name}, last lines:", *(f"  {line}" for line in lines))
        return "", ()

    def _without_write(self, url: str, write: WriteRule, turned: _Turned, chain: ImageChain) -> Done[ImageChain] | str:
        """Of an application that knows no strangers a GET shows that it answers. Raises Refused where the write is not what it takes."""
        refused = turned.refusal
        assert refused is not None
        spoken = f"{write.method} {write.path}"
        if not refused.stranger:
            raise Refused(
                f"{url}: the marked write is turned away: {spoken} {refused.what}",
                why=turned.said or "how the application is written to was taken from its sources",
                next_command=refused.next_command,
            )
        if problem := self._ask(url):
            return problem
        title = f"{url} answers; that it reaches its database is not shown: {spoken} {refused.what}. {refused.next_command}"
        return Done(title, replace(chain, answering_tag=None), Outcome.UNCHANGED)

    def look(self, url: str, chain: ImageChain) -> ImageChain:
        problem = self._ask(url)
        if problem:
            raise ServiceUnreachable(f"{url} does not answer as it should", why=problem, next_command="shelterctl logs app")
        return replace(chain, answering_tag=None)

    def _ask(self, url: str) -> str:
        """Asks for what the stack reads, or for its front page. Returns what is wrong."""
        path = self.exchange.read.path if self.exchange.read is not None else "/"
        try:
            status = self._get(url, path).status
        except AnswerTooLarge as error:
            status = error.status
        except SendOutcome as error:
            return f"GET {path}: {error.reason}"
        return "" if status < 500 else f"GET {path} answers {status}"

    def _get(self, url: str, path: str) -> HttpAnswer:
        most = self.exchange.read.most_bytes if self.exchange.read is not None else MOST_BYTES
        return self.http.request("GET", f"{url}{path}", headers={"Connection": "close"}, timeout_s=REQUEST_TIMEOUT_S, most_bytes=most)

    def _write(self, url: str, write: WriteRule, mark: str, taken: list[str], turned: _Turned) -> str:
        """Sends one write, once. Returns what is wrong, empty where it was taken; what was seen of it then is put in `taken`, and in
        `turned` whether it was turned away."""
        body, headers = write.request(mark, 1)
        spoken = f"{write.method} {write.path}"
        told = {**headers, "Connection": "close"}
        try:
            answer = self.http.request(write.method, f"{url}{write.path}", headers=told, body=body, timeout_s=REQUEST_TIMEOUT_S)
        except AnswerTooLarge as error:
            # It says nothing that could be read, and its status all the same.
            answer = HttpAnswer(error.status, {}, b"", 0.0)
        except SendOutcome as error:
            turned.note(None)
            return f"{spoken}: {error.reason}"
        refused = refusal.of(answer.status, answer.body, answer.headers.get("location", ""))
        if answer.status >= 400:
            turned.note(refused, answer.status, _excerpt(answer.body))
            return f"{spoken} answers {answer.status}: {_excerpt(answer.body)}"
        problem, taken[0] = self._found(url, mark, answer, f"{spoken} answers {answer.status}")
        if refused is not None and not problem and not taken[0].endswith(_HAS_IT):
            problem = f"{spoken} {refused.what}"
        turned.note(refused if problem else None, answer.status)
        return problem

    def _found(self, url: str, mark: str, answer: HttpAnswer, spoken: str) -> tuple[str, str]:
        """Looks for a write that was taken, by the ways that there are. Returns what is wrong, and what is to be said of it."""
        read, one = self.exchange.read, self.exchange.one
        reasons = []
        if one is not None and (self.exchange.by_id or read is None):
            found, reason = self._by_id(url, mark, answer, one)
            if found:
                return "", f", and GET {one.path}{_HAS_IT}"
            reasons.append(reason)
        if read is not None:
            try:
                seen = self._get(url, read.path)
            except AnswerTooLarge as error:
                if error.status >= 400:
                    return f"{spoken}, and GET {read.path} answers {error.status}", ""
                if one is not None and not reasons and self._by_id(url, mark, answer, one)[0]:
                    return "", f", and GET {one.path}{_HAS_IT}"
                reasons.append(f"GET {read.path}: {error.reason}")
            except SendOutcome as error:
                return f"GET {read.path}: {error.reason}", ""
            else:
                if mark in read.found(seen.body):
                    return "", f", and GET {read.path}{_HAS_IT}"
                if one is not None and not reasons and self._by_id(url, mark, answer, one)[0]:
                    return "", f", and GET {one.path}{_HAS_IT}"
                shown = _entries(seen.body) if seen.status == 200 else 0
                if shown < LEAST_OF_A_PAGE:
                    return f"{spoken}, and GET {read.path} ({seen.status}) does not have the write", ""
                reasons.append(f"GET {read.path} shows {shown} others, which may be a page of them")
        return "", f"; whether it was stored is not shown: {'; '.join(reasons) or 'no route reads'}"

    def _by_id(self, url: str, mark: str, answer: HttpAnswer, one: OneRule) -> tuple[bool, str]:
        """Whether the id in the answer leads to the write; else why not."""
        try:
            seen = self._get(url, one.address(one.id_in(answer.body)))
        except NoId as error:
            return False, str(error)
        except SendOutcome as error:
            return False, f"GET {one.path}: {error.reason}"
        return mark in tokens_in(seen.body), f"GET {one.path} answers {seen.status} without it"


@dataclass(slots=True)
class _Turned:
    """The refusals in a row of a marked write."""

    refusal: Refusal | None = None
    said: str = ""
    status: int = 0
    times: int = 0

    def note(self, found: Refusal | None, status: int = 0, said: str = "") -> None:
        self.times = self.times + 1 if found is not None and found == self.refusal else 1
        self.refusal, self.status, self.said = found, status, said

    @property
    def certain(self) -> bool:
        if self.refusal is None:
            return False
        faulty = self.status in _MAY_BE_AN_ERROR and not self.refusal.stranger
        return self.times >= (_FAULTY_IN_A_ROW if faulty else _REFUSED_IN_A_ROW)


def _excerpt(body: bytes) -> str:
    """The last sentence of an answer: a traceback's page ends with what went wrong."""
    import re

    text = re.sub(r"<[^>]+>|\s+", " ", body.decode("utf-8", "replace")).strip()
    return text[:160] + ("…" if len(text) > 160 else "")


def _entries(body: bytes) -> int:
    """How many things an answer lists: the longest list of its JSON, or the rows or points of a page."""
    try:
        return _longest(json.loads(body))
    except (ValueError, RecursionError):
        return max(body.count(b"<tr"), body.count(b"<li"))


def _longest(value: object) -> int:
    if isinstance(value, list):
        return max([len(value), *map(_longest, value)])
    return max(map(_longest, value.values()), default=0) if isinstance(value, dict) else 0
