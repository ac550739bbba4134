"""Asks the service which image it is, and closes the chain from the build to the answer."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import NoReturn, Protocol

from shelterctl.core.deploy.image import ImageChain
from shelterctl.core.outcome import Outcome
from shelterctl.core.state import StackState
from shelterctl.errors import ServiceUnreachable
from shelterctl.ops.guards import service_url
from shelterctl.ops.steps import Done, wait
from shelterctl.ports.clock import Clock
from shelterctl.ports.http import Http, SendOutcome

#: After a rollout the old endpoints linger for as long as kube-proxy takes: a second, seldom more.
ANSWER_TIMEOUT_S = 20.0
REQUEST_TIMEOUT_S = 3.0
#: A version is a line: whatever is longer is another application.
_MOST_BYTES = 2**20
#: One old answer among these would show that an old pod is still behind the service.
ANSWERS_IN_A_ROW = 3
_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class VersionAnswer:
    """What the route that names the image said."""

    image_tag: str
    git_revision: str
    pod: str


def ask_version(http: Http, url: str, path: str) -> VersionAnswer:
    """One question, to the route that names the image. Raises ServiceUnreachable where the answer is not the application's."""
    try:
        answer = http.request("GET", f"{url}{path}", headers={"Connection": "close"}, timeout_s=REQUEST_TIMEOUT_S, most_bytes=_MOST_BYTES)
        body = json.loads(answer.body)
    except SendOutcome as error:
        raise ServiceUnreachable(f"{url} does not answer", why=error.reason, next_command="shelterctl status") from error
    except ValueError as error:
        raise ServiceUnreachable(f"{url}{path} is no JSON: something else answers there", next_command="shelterctl status") from error
    if answer.status != 200 or not isinstance(body, dict):
        raise ServiceUnreachable(f"{url}{path} answers {answer.status}", next_command="shelterctl logs app")
    return VersionAnswer(str(body.get("image_tag", "")), str(body.get("git_revision", "")), str(body.get("pod", "")))


class Answers(Protocol):
    """Closes the chain from the build to the answer."""

    def prove(self, state: StackState, chain: ImageChain) -> Generator[str, None, Done[ImageChain]]:
        """The chain with its last link. Raises ServiceUnreachable where the service does not answer as it must."""

    def look(self, url: str, chain: ImageChain) -> ImageChain:
        """The same by one question, which changes nothing. Raises ServiceUnreachable."""


@dataclass(frozen=True, slots=True)
class VersionAnswers:
    """Asks `path` which image answers: an application that names its own closes the chain. Fulfils `Answers`."""

    http: Http
    clock: Clock
    path: str

    def prove(self, state: StackState, chain: ImageChain) -> Generator[str, None, Done[ImageChain]]:
        return prove(self.http, self.clock, self.path, state, chain)

    def look(self, url: str, chain: ImageChain) -> ImageChain:
        answer = ask_version(self.http, url, self.path)
        return replace(chain, answering_tag=answer.image_tag, answering_pod=answer.pod)


@dataclass(frozen=True, slots=True)
class NamedAnswers:
    """Of an application that is asked for a marked write, and names its image as well. Fulfils `Answers`.

    An image that is known by its digest, or has no tag, has no name that the application could answer.
    """

    first: Answers
    version: VersionAnswers

    def prove(self, state: StackState, chain: ImageChain) -> Generator[str, None, Done[ImageChain]]:
        done = yield from self.first.prove(state, chain)
        if not _has_tag(chain):
            return done
        named = yield from self.version.prove(state, done.value)
        return replace(named, title=f"{done.title}; {self.version.path} answers with {named.value.answering_tag}", outcome=done.outcome)

    def look(self, url: str, chain: ImageChain) -> ImageChain:
        seen = self.first.look(url, chain)
        return self.version.look(url, seen) if _has_tag(chain) else seen


def _has_tag(chain: ImageChain) -> bool:
    return "@" not in chain.reference and ":" in chain.reference.rpartition("/")[2]


def prove(http: Http, clock: Clock, path: str, state: StackState, chain: ImageChain) -> Generator[str, None, Done[ImageChain]]:
    """The chain with its last link, once the service answers with the chain's tag several times in a row.

    Raises ServiceUnreachable where it does not in time, or where a link of the chain does not hold.
    """
    url = service_url(state, purpose="asked")
    last: list[ServiceUnreachable] = []

    def look(_waited_s: float) -> Done[ImageChain] | str:
        last.clear()
        try:
            for _ in range(ANSWERS_IN_A_ROW):
                answer = ask_version(http, url, path)
                if answer.image_tag != chain.tag:
                    return f"{url} answers with {answer.image_tag or 'no tag'}"
        except ServiceUnreachable as error:
            last.append(error)
            return f"{error.what}: {error.why}"
        whole = replace(chain, answering_tag=answer.image_tag, answering_pod=answer.pod)
        return Done(f"{url} answers with {answer.image_tag}", whole, Outcome.UNCHANGED)

    def late(seen: str) -> NoReturn:
        if last:
            raise last[0]
        raise ServiceUnreachable(
            f"{url} does not answer with {chain.tag}", why=f"after {ANSWER_TIMEOUT_S:g} s: {seen}", next_command="shelterctl status"
        )

    done = yield from wait(clock, look, timeout_s=ANSWER_TIMEOUT_S, pause_s=_POLL_S, late=late)
    if done.value.broken_at:
        raise ServiceUnreachable(
            f"the image that was built is not the one that answers: {done.value.broken_at}", next_command="shelterctl status"
        )
    return done
