"""Ready is what answers: a marked write is sent through the service and found again, whatever the probes say."""

from __future__ import annotations

import json
import secrets
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import NoReturn

from shelterctl.core.deploy.image import ImageChain
from shelterctl.core.events import Outcome
from shelterctl.core.stack.answer_id import NoId, OneRule
from shelterctl.core.stack.exchange import ALPHABET, Exchange, WriteRule, token, tokens_in
from shelterctl.core.state import Role, StackState
from shelterctl.errors import ServiceUnreachable
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
#: An answer with so many entries may be one page of more: that a write is not on it says nothing.
LEAST_OF_A_PAGE = 10


def new_run() -> str:
    """Eleven characters that mark the writes of a run."""
    return "".join(secrets.choice(ALPHABET) for _ in range(11))


@dataclass(frozen=True, slots=True)
class MarkedAnswers:
    """Fulfils `ops.up.answer.Answers` for an application that does not say which image it is."""

    http: Http
    clock: Clock
    exchange: Exchange

    def prove(self, state: StackState, chain: ImageChain) -> Generator[str, None, Done[ImageChain]]:
        """The chain, once a write was found again. Raises ServiceUnreachable with what the service said last."""
        url = service_url(state, purpose="asked")
        run, said, taken = new_run(), ["it was not asked"], [""]
        sent = 0
        write = self.exchange.write

        leaving = any(pod.deleting for pod in state.pods_of(Role.APP))

        def look(waited_s: float) -> Done[ImageChain] | str:
            nonlocal sent
            if leaving and waited_s < OLD_PODS_S:
                return "a pod of before may still get requests"
            sent += 1
            problem = self._ask(url) if write is None else self._write(url, write, token(run, sent), taken)
            if problem:
                said[0] = problem
                if sent >= _MOST_WRITES:
                    late(problem)
                return problem
            title = f"{url} answers" if write is None else f"{url}: a marked write to {write.path} was taken{taken[0]}"
            return Done(title, replace(chain, answering_tag=None), Outcome.UNCHANGED)

        def late(_seen: str) -> NoReturn:
            raise ServiceUnreachable(
                f"the application does not do what it is there for: {said[0]}",
                why="its pods run; what it says to a write decides",
                next_command="shelterctl logs app",
            )

        done = yield from wait(self.clock, look, timeout_s=ANSWER_TIMEOUT_S, pause_s=_POLL_S, late=late)
        if done.value.broken_at:
            raise ServiceUnreachable(
                f"the image that was built is not the one that runs: {done.value.broken_at}", next_command="shelterctl status"
            )
        return done

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

    def _write(self, url: str, write: WriteRule, mark: str, taken: list[str]) -> str:
        """Sends one write, once. Returns what is wrong, empty where it was taken; what was seen of it then is put in `taken`."""
        body, headers = write.request(mark, 1)
        spoken = f"{write.method} {write.path}"
        told = {**headers, "Connection": "close"}
        try:
            answer = self.http.request(write.method, f"{url}{write.path}", headers=told, body=body, timeout_s=REQUEST_TIMEOUT_S)
        except AnswerTooLarge as error:
            # It says nothing that could be read, and its status all the same.
            answer = HttpAnswer(error.status, {}, b"", 0.0)
        except SendOutcome as error:
            return f"{spoken}: {error.reason}"
        if answer.status >= 400:
            return f"{spoken} answers {answer.status}: {_excerpt(answer.body)}"
        problem, taken[0] = self._found(url, mark, answer, f"{spoken} answers {answer.status}")
        return problem

    def _found(self, url: str, mark: str, answer: HttpAnswer, spoken: str) -> tuple[str, str]:
        """Looks for a write that was taken, by the ways that there are. Returns what is wrong, and what is to be said of it."""
        read, one = self.exchange.read, self.exchange.one
        reasons = []
        if one is not None and (self.exchange.by_id or read is None):
            found, reason = self._by_id(url, mark, answer, one)
            if found:
                return "", f", and GET {one.path} has it"
            reasons.append(reason)
        if read is not None:
            try:
                seen = self._get(url, read.path)
            except AnswerTooLarge as error:
                if error.status >= 400:
                    return f"{spoken}, and GET {read.path} answers {error.status}", ""
                if one is not None and not reasons and self._by_id(url, mark, answer, one)[0]:
                    return "", f", and GET {one.path} has it"
                reasons.append(f"GET {read.path}: {error.reason}")
            except SendOutcome as error:
                return f"GET {read.path}: {error.reason}", ""
            else:
                if mark in read.found(seen.body):
                    return "", f", and GET {read.path} has it"
                if one is not None and not reasons and self._by_id(url, mark, answer, one)[0]:
                    return "", f", and GET {one.path} has it"
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
