"""Asks the service which image it is."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass

from shelterctl.errors import ServiceUnreachable
from shelterctl.ports import Clock, Http, SendOutcome

#: After a rollout the old endpoints linger for as long as kube-proxy takes: a second, seldom more.
ANSWER_TIMEOUT_S = 20.0
REQUEST_TIMEOUT_S = 3.0
#: One old answer among these would show that an old pod is still behind the service.
ANSWERS_IN_A_ROW = 3
_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class VersionAnswer:
    """What `/version` said."""

    image_tag: str
    git_revision: str
    pod: str


def ask_version(http: Http, url: str) -> VersionAnswer:
    """One question. Raises ServiceUnreachable where the answer is not the application's."""
    try:
        answer = http.request("GET", f"{url}/version", headers={"Connection": "close"}, timeout_s=REQUEST_TIMEOUT_S)
        body = json.loads(answer.body)
    except SendOutcome as error:
        raise ServiceUnreachable(f"{url} does not answer", why=error.reason, next_command="shelterctl status") from error
    except ValueError as error:
        raise ServiceUnreachable(f"{url}/version is no JSON: something else answers there", next_command="shelterctl status") from error
    if answer.status != 200 or not isinstance(body, dict):
        raise ServiceUnreachable(f"{url}/version answers {answer.status}", next_command="shelterctl logs app")
    return VersionAnswer(str(body.get("image_tag", "")), str(body.get("git_revision", "")), str(body.get("pod", "")))


def wait_for_answer(http: Http, clock: Clock, url: str, tag: str) -> Generator[str, None, VersionAnswer]:
    """Waits until the service answers with `tag` several times in a row. Raises ServiceUnreachable when the time is over."""
    deadline_s = clock.monotonic_s() + ANSWER_TIMEOUT_S
    in_a_row = 0
    while True:
        try:
            answer = ask_version(http, url)
            in_a_row = in_a_row + 1 if answer.image_tag == tag else 0
            if in_a_row >= ANSWERS_IN_A_ROW:
                return answer
            seen = f"{url} answers with {answer.image_tag or 'no tag'}" if not in_a_row else ""
        except ServiceUnreachable as error:
            in_a_row, seen = 0, f"{error.what}: {error.why}"
            if clock.monotonic_s() > deadline_s:
                raise
        if clock.monotonic_s() > deadline_s:
            raise ServiceUnreachable(
                f"{url} does not answer with {tag}", why=f"after {ANSWER_TIMEOUT_S:g} s: {seen}", next_command="shelterctl status"
            )
        if seen:
            yield seen
            clock.sleep(_POLL_S)
