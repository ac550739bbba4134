"""Whose answer counts: an application that does not name itself cannot be told from the one before it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from shelterctl.core.deploy.image import ImageChain
from shelterctl.core.endpoint import Endpoint
from shelterctl.core.stack.answer_id import OneRule
from shelterctl.core.stack.exchange import Exchange, ReadRule, WriteRule
from shelterctl.core.stack.model import Body
from shelterctl.core.state import Pod, PodName, StackState
from shelterctl.errors import Refused, ServiceUnreachable
from shelterctl.ops.up.marked import OLD_PODS_S, MarkedAnswers
from shelterctl.ports.http import AnswerTooLarge, Http, HttpAnswer
from tests.core.stack_examples import DATABASE, DEPLOYMENT, NOW, POD, STATEFUL_SET
from tests.fakes import SteppedClock

pytestmark = pytest.mark.unit

ENDPOINT = Endpoint("web", 30080, "10.96.0.9", "http://10.9.8.7:30080")
CHAIN = ImageChain("app:1", None, None, ("sha256:1",), None)


@dataclass
class Asked:
    """A service that answers, and when it was asked."""

    clock: SteppedClock
    at_s: list[float] = field(default_factory=list)

    def request(self, method: str, url: str, **_: object) -> HttpAnswer:
        self.at_s.append(self.clock.monotonic_s())
        return HttpAnswer(200, {}, b"fine", 0.01)


def asked_after(*pods: Pod) -> float:
    """How long after the rollout the service is asked first (seconds)."""
    clock = SteppedClock(NOW)
    http = Asked(clock)
    state = StackState(NOW, "shelter", (DEPLOYMENT, STATEFUL_SET), pods, None, (), ENDPOINT)
    began_s = clock.monotonic_s()
    answers = MarkedAnswers(cast(Http, http), clock, Exchange(None, None))
    list(answers.prove(state, CHAIN))
    return http.at_s[0] - began_s


def test_while_a_pod_of_before_ends_nothing_is_asked() -> None:
    leaving = replace(POD, name=PodName("app-of-before"), deleting=True)
    assert asked_after(POD, DATABASE) == 0.0
    assert asked_after(POD, leaving, DATABASE) >= OLD_PODS_S
    # The database's own end says nothing of the application.
    assert asked_after(POD, replace(DATABASE, deleting=True)) == 0.0


WRITE = WriteRule("POST", "/books", Body.JSON, {"name": "{token}"})
WHOLE, ONE = ReadRule("/books"), OneRule("/books/{id}")


@dataclass
class Books:
    """A service that takes a write and answers it with `said`; `every` and `one` are what it shows, a number for a status."""

    said: bytes | int = b'{"id": 7}'
    every: bytes | int | None = None
    one: bytes | int | None = None
    sent: bytes = b""

    def request(self, method: str, url: str, *, body: bytes | None = None, **_: object) -> HttpAnswer:
        if method == "POST":
            self.sent = body or b""
            return self._answer(self.said, 201)
        shown = self.every if url.endswith("/books") else self.one if url.endswith("/books/7") else 404
        return self._answer(self.sent if shown is None else shown, 200)

    @staticmethod
    def _answer(said: bytes | int, status: int) -> HttpAnswer:
        if isinstance(said, int):
            return HttpAnswer(said, {}, b"", 0.01)
        if said == HUGE:
            raise AnswerTooLarge(status, 32 * 2**20)
        return HttpAnswer(status, {}, said, 0.01)


HUGE = b"huge"
#: What was there before, of which a page shows no more.
PAGE = json.dumps({"page": 1, "items": [{"name": f"book {number}"} for number in range(10)]}).encode()
ROWS = b"<table>" + 10 * b"<tr><td>a book</td></tr>" + b"</table>"
FEW = b'[{"name": "a book"}]'


@pytest.mark.parametrize(
    ("exchange", "service", "title"),
    [
        (Exchange(WRITE, WHOLE), Books(), ", and GET /books has it"),
        (Exchange(WRITE, WHOLE, ONE), Books(), ", and GET /books has it"),
        (Exchange(WRITE, WHOLE, ONE, by_id=True), Books(), ", and GET /books/{id} has it"),
        (Exchange(WRITE, None, ONE), Books(), ", and GET /books/{id} has it"),
        (Exchange(WRITE, WHOLE), Books(every=HUGE), "; whether it was stored is not shown: GET /books: the answer is larger than 32 MiB"),
        (Exchange(WRITE, WHOLE, ONE), Books(every=HUGE), ", and GET /books/{id} has it"),
        (
            Exchange(WRITE, WHOLE),
            Books(every=PAGE),
            "; whether it was stored is not shown: GET /books shows 10 others, which may be",
        ),
        (
            Exchange(WRITE, WHOLE),
            Books(every=ROWS),
            "; whether it was stored is not shown: GET /books shows 10 others, which may be",
        ),
        (Exchange(WRITE, WHOLE, ONE), Books(every=PAGE), ", and GET /books/{id} has it"),
        (Exchange(WRITE, WHOLE, ONE), Books(every=FEW), ", and GET /books/{id} has it"),
        (Exchange(WRITE, WHOLE), Books(said=HUGE), ", and GET /books has it"),
        (Exchange(WRITE, None), Books(), "; whether it was stored is not shown: no route reads"),
        (Exchange(WRITE, None, ONE), Books(said=b"{}"), "; whether it was stored is not shown: the answer to a write has nothing that is"),
        (Exchange(WRITE, None, ONE), Books(one=404), "; whether it was stored is not shown: GET /books/{id} answers 404 without it"),
        (Exchange(WRITE, None, ONE), Books(one=HUGE), "; whether it was stored is not shown: GET /books/{id}: the answer is larger"),
    ],
)
def test_by_which_way_a_marked_write_is_shown(exchange: Exchange, service: Books, title: str) -> None:
    assert f"a marked write to /books was taken{title}" in proved(exchange, service)


@pytest.mark.parametrize(
    ("exchange", "service", "what"),
    [
        (Exchange(WRITE, WHOLE), Books(every=FEW), r"and GET /books \(200\) does not have the write"),
        (Exchange(WRITE, WHOLE), Books(every=b"[]"), r"and GET /books \(200\) does not have the write"),
        (Exchange(WRITE, WHOLE, ONE, by_id=True), Books(every=b"[]", one=404), r"and GET /books \(200\) does not have the write"),
        (Exchange(WRITE, WHOLE), Books(said=500), "POST /books answers 500"),
    ],
)
def test_what_is_not_shown_is_no_answer(exchange: Exchange, service: Books, what: str) -> None:
    with pytest.raises(ServiceUnreachable, match=what):
        proved(exchange, service)


@dataclass
class Turning(Books):
    """Turns each write away, and counts them; from `until` on it takes them. `get` is what it says to a GET."""

    status: int = 401
    location: str = ""
    body: bytes = b""
    until: int = 1000
    get: int = 200
    writes: int = 0

    def request(self, method: str, url: str, *, body: bytes | None = None, **options: object) -> HttpAnswer:
        if method != "POST":
            return HttpAnswer(self.get, {}, FEW if self.writes <= self.until else self.sent, 0.01)
        self.writes += 1
        if self.writes > self.until:
            return super().request(method, url, body=body, **options)
        return HttpAnswer(self.status, {"location": self.location}, self.body, 0.01)


@pytest.mark.parametrize(
    ("service", "said"),
    [
        (Turning(), "POST /books answers 401: a login, a key or a CSRF token is wanted"),
        (Turning(status=403), "POST /books answers 403: a login"),
        (Turning(status=419), "POST /books answers 419: a login"),
        (Turning(status=400, body=b"<p>The CSRF token is missing.</p>"), "POST /books answers 400: a CSRF token is wanted"),
        (Turning(status=302, location="/login?next=/books"), "POST /books answers 302 and sends on to /login: a login is wanted"),
    ],
)
@pytest.mark.parametrize("exchange", [Exchange(WRITE, WHOLE), Exchange(WRITE, None)])
def test_a_login_before_every_write_is_no_fault_of_the_application(exchange: Exchange, service: Turning, said: str) -> None:
    service = replace(service)
    title = proved(exchange, service)
    assert title.startswith(f"{ENDPOINT.url} answers; that it reaches its database is not shown: {said}")
    assert "[writes] headers in shelterctl.toml" in title
    assert service.writes == 3


def test_a_login_does_not_hide_that_nothing_else_is_answered() -> None:
    with pytest.raises(ServiceUnreachable):
        proved(Exchange(WRITE, WHOLE), Turning(get=500))


@pytest.mark.parametrize(
    ("service", "said", "writes"),
    [
        (Turning(status=422, body=b"price: field required"), "POST /books answers 422: what is sent is not what it takes", 3),
        (Turning(status=415), "POST /books answers 415: what is sent is not what it takes", 3),
        (Turning(status=308, location="/books/"), "POST /books answers 308: what is sent there belongs to /books/", 3),
        (Turning(status=400), "POST /books answers 400: what is sent is not what it takes", 20),
    ],
)
def test_a_write_of_another_shape_is_told_with_where_its_shape_is_said(service: Turning, said: str, writes: int) -> None:
    with pytest.raises(Refused) as refused:
        proved(Exchange(WRITE, WHOLE), service)
    assert refused.value.what == f"{ENDPOINT.url}: the marked write is turned away: {said}"
    assert "[writes] in shelterctl.toml" in refused.value.next_command
    assert service.writes == writes


@pytest.mark.parametrize("service", [Turning(until=2), Turning(status=400, until=15), Turning(status=404, until=19)])
def test_what_is_turned_away_at_the_start_only_is_waited_for(service: Turning) -> None:
    assert "GET /books has it" in proved(Exchange(WRITE, WHOLE), service)


def test_a_huge_error_is_one() -> None:
    with pytest.raises(ServiceUnreachable, match="GET / answers 500"):
        proved(Exchange(None, None), Failing())


TRACEBACK = (
    '  File "/usr/lib/pymongo/auth.py", line 222, in authenticate',
    "pymongo.errors.OperationFailure: Authentication failed., full error: {'ok': 0.0, 'code': 18, 'codeName': 'AuthenticationFailed'}",
    '10.244.0.1 - - [01/Jan/2026 00:00:00] "POST /books HTTP/1.1" 500 -',
)


@pytest.mark.parametrize(
    ("lines", "why"), [(TRACEBACK, "MongoDB does not take this user and password"), (TRACEBACK[:1], "its pods run; what it says")]
)
def test_the_log_of_an_application_that_fails_says_why(lines: tuple[str, ...], why: str) -> None:
    with pytest.raises(ServiceUnreachable, match="POST /books answers 500") as caught:
        proved(Exchange(WRITE, WHOLE), Books(said=500), lines)
    assert (caught.value.why or "").startswith(why)
    assert list(caught.value.details) == (
        [f"{POD.name}, container app, last lines:", *(f"  {line}" for line in lines)] * (lines == TRACEBACK)
    )


class Failing(Books):
    def request(self, method: str, url: str, **_: object) -> HttpAnswer:
        raise AnswerTooLarge(500, 32 * 2**20)


def proved(exchange: Exchange, service: Books, log: tuple[str, ...] = ()) -> str:
    state = StackState(NOW, "shelter", (DEPLOYMENT, STATEFUL_SET), (POD, DATABASE), None, (), ENDPOINT)
    answers = MarkedAnswers(cast(Http, service), SteppedClock(NOW), exchange, lambda _pod, _container, *, lines: log)
    work = answers.prove(state, CHAIN)
    while True:
        try:
            next(work)
        except StopIteration as stop:
            return str(stop.value.title)
