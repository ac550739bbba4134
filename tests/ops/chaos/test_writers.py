"""Writers put each write into the journal before it is sent, and none of their writes goes missing, however they end."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping

import pytest

from shelterctl.core.faults.ledger import ClientSaw, WriteOutcome, payload_digest
from shelterctl.errors import StateFolderError
from shelterctl.ops.chaos.dialogue import EchoedIds
from shelterctl.ops.chaos.writers import Ledger, Writers, pause_for
from shelterctl.ports.http import HttpAnswer, SendOutcome
from tests.fakes import FolderInMemory, HttpInMemory, Respond
from tests.ops.chaos.scene import IDS

pytestmark = pytest.mark.unit

URL = "http://service"
ACK, OPEN = ClientSaw.ACK, ClientSaw.INDETERMINATE


def acknowledges(method: str, target: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
    return HttpAnswer(201, {}, json.dumps({"id": headers["idempotency-key"]}).encode(), 0.001)


def made(respond: Respond, folder: FolderInMemory, *, writers: int = 2, probes: int = 0) -> tuple[Writers, list[HttpInMemory]]:
    clients: list[HttpInMemory] = []

    def make_http() -> HttpInMemory:
        clients.append(HttpInMemory({"service": respond}))
        return clients[-1]

    return Writers(make_http, folder, URL, IDS, writers=writers, probe_interval_s=0.05, probe_threads=probes), clients


def until(condition: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline_s, "it did not come to that"
        time.sleep(0.005)


def lines(folder: FolderInMemory) -> list[dict[str, object]]:
    return [json.loads(line) for line in folder.journals["writes.jsonl"]]


def test_a_write_is_in_the_journal_before_it_is_sent() -> None:
    folder = FolderInMemory("run-1")
    too_early: list[str] = []

    def respond(method: str, target: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        id_ = headers["idempotency-key"]
        intent = {"kind": "intent", "id": id_, "digest": payload_digest(json.loads(body))}
        if not any(intent.items() <= line.items() for line in lines(folder)):
            too_early.append(id_)
        assert (method, target) == ("POST", "/data")
        return acknowledges(method, target, headers, body)

    writing, clients = made(respond, folder)
    writing.start()
    until(lambda: len(writing.ledger.snapshot()) >= 20)
    assert writing.stop()
    assert too_early == []
    assert all(client.closed for client in clients)
    outcomes = writing.ledger.close()
    assert {outcome.saw for outcome in outcomes} == {ACK}
    assert sorted(outcome.id for outcome in outcomes) == sorted(str(line["id"]) for line in lines(folder) if line["kind"] == "outcome")
    assert "run-1:w0:0" in {outcome.id for outcome in outcomes}


@pytest.mark.parametrize(
    ("body", "saw"),
    [(b'{"id": "another"}', OPEN), (b"no JSON", OPEN), (b"\xff", OPEN), (b"[]", OPEN), (b"", OPEN)],
)
def test_an_answer_that_does_not_echo_the_id(body: bytes, saw: ClientSaw) -> None:
    writing, _ = made(lambda *_: HttpAnswer(201, {}, body, 0.001), FolderInMemory())
    writing.start()
    until(lambda: writing.ledger.snapshot())
    writing.stop()
    assert {outcome.saw for outcome in writing.ledger.close()} == {saw}


@pytest.mark.parametrize(("sent", "saw"), [(True, OPEN), (False, ClientSaw.REJECTED)])
def test_no_answer(sent: bool, saw: ClientSaw) -> None:
    def respond(*_: object) -> HttpAnswer:
        raise SendOutcome("ReadError", sent=sent)

    writing, _ = made(respond, FolderInMemory())
    writing.start()
    until(lambda: writing.ledger.snapshot())
    writing.stop()
    assert {(outcome.saw, outcome.status, outcome.detail) for outcome in writing.ledger.close()} == {(saw, None, "ReadError")}


def test_nothing_is_sent_that_is_not_in_the_journal() -> None:
    requests: list[str] = []
    writing, _ = made(lambda *_: requests.append("sent") or acknowledges(*_), FolderInMemory(full=True))  # type: ignore[func-returns-value]
    writing.start()
    until(lambda: writing.ledger.problem)
    assert writing.stop()
    assert requests == []
    assert writing.ledger.problem == "the journal could not be written: runs cannot be written: No space left on device"


def test_an_answer_counts_though_the_disk_filled_up_meanwhile() -> None:
    folder = FolderInMemory()

    def respond(method: str, target: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        folder.full = True
        return acknowledges(method, target, headers, body)

    writing, _ = made(respond, folder, writers=1)
    writing.start()
    until(lambda: writing.ledger.problem)
    writing.stop()
    assert [outcome.saw for outcome in writing.ledger.close()] == [ACK]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_writer_that_breaks_down_is_told_and_its_write_stays_open() -> None:
    def respond(*_: object) -> HttpAnswer:
        raise RuntimeError("a fault of the client's own")

    writing, clients = made(respond, FolderInMemory("run-1"), writers=1)
    writing.start()
    until(lambda: writing.ledger.problem)
    assert writing.stop()
    assert writing.ledger.problem == "writer w0 broke down"
    assert clients[0].closed
    (outcome,) = writing.ledger.close()
    assert (outcome.id, outcome.saw, outcome.detail) == ("run-1:w0:0", OPEN, "the writer did not end")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_writer_without_a_client_is_told() -> None:
    def make_http() -> HttpInMemory:
        raise OSError("too many open files")

    writing = Writers(make_http, FolderInMemory(), URL, IDS, writers=1, probe_interval_s=0.05, probe_threads=0)
    writing.start()
    until(lambda: writing.ledger.problem)
    assert writing.stop()
    assert writing.ledger.close() == []


def test_a_writer_that_does_not_end_leaves_its_write_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EchoedIds, "client_timeout_s", 0.1)
    release = threading.Event()

    def respond(method: str, target: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        release.wait(10)
        return acknowledges(method, target, headers, body)

    writing, _ = made(respond, FolderInMemory("run-1"), writers=2)
    writing.start()
    until(lambda: len(writing._folder.journals.get("writes.jsonl", ())) == 2)  # type: ignore[attr-defined]
    assert writing.stop() is False
    assert sorted((outcome.id, outcome.saw) for outcome in writing.ledger.close()) == [("run-1:w0:0", OPEN), ("run-1:w1:0", OPEN)]
    release.set()
    assert writing.stop()


def test_probes_are_sent_on_their_schedule_though_writers_wait() -> None:
    release = threading.Event()

    def respond(method: str, target: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        if ":w" in headers["idempotency-key"]:
            release.wait(10)
        return acknowledges(method, target, headers, body)

    folder = FolderInMemory("run-1")
    writing, _ = made(respond, folder, writers=1, probes=4)
    writing.start()
    until(lambda: len(writing.ledger.snapshot()) >= 12)
    release.set()
    writing.stop()
    assert {str(line["id"]).split(":")[1] for line in lines(folder)} == {"w0", "p0", "p1", "p2", "p3"}


def test_stopping_writers_that_never_began() -> None:
    writing, _ = made(acknowledges, FolderInMemory())
    assert writing.stop()
    assert writing.ledger.close() == []


def outcome(sent_s: float, ended_s: float, saw: ClientSaw = ACK) -> WriteOutcome:
    return WriteOutcome(f"{sent_s}", "", sent_s, ended_s, saw, None)


@pytest.mark.parametrize(
    ("outcomes", "count"),
    [
        ([], 0),
        ([outcome(11, 12), outcome(12, 13)], 2),
        ([outcome(11, 12), outcome(11, 12.5, OPEN), outcome(12, 13)], 1),
        ([outcome(12, 13), outcome(11, 14, OPEN)], 0),
        ([outcome(9, 12), outcome(10, 13)], 0),
        ([outcome(11, 12), outcome(9, 15, OPEN)], 1),
        ([outcome(11, 12 + number / 100) for number in range(20)], 10),
    ],
)
def test_acknowledged_in_a_row_since_10(outcomes: list[WriteOutcome], count: int) -> None:
    assert Ledger(outcomes).acknowledged_in_a_row(10, at_most=10) == count


def test_acknowledged_in_the_last_second() -> None:
    # Two that ended at one moment may be noted down in another order.
    outcomes = [outcome(1, 2), outcome(2, 4.2), outcome(3, 4.1, OPEN), outcome(3, 4.0), outcome(4, 4.9)]
    assert Ledger(outcomes).acknowledged_since(3.9) == 3
    assert Ledger(outcomes).acknowledged_since(5) == 0


@pytest.mark.parametrize(("writers", "longest_s"), [(1, 4), (4, 203), (64, 203), (64, 1220)])
def test_no_run_writes_more_than_its_account_takes(writers: int, longest_s: float) -> None:
    pause_s = pause_for(writers, longest_s, most=500_000, probe_interval_s=0.05)
    assert pause_s >= 0.02
    assert writers * longest_s / pause_s + longest_s / 0.05 <= 500_000.5


class CountingList(list[WriteOutcome]):
    """Counts what is looked at from its end."""

    looked_at = 0

    def __reversed__(self) -> Iterator[WriteOutcome]:
        for item in super().__reversed__():
            self.looked_at += 1
            yield item


def test_a_long_ledger_is_not_read_through_again_and_again() -> None:
    outcomes = CountingList(outcome(n / 100, n / 100 + 0.01) for n in range(100_000))
    ledger = Ledger(outcomes)
    assert ledger.acknowledged_in_a_row(10, at_most=50) == 50
    assert ledger.acknowledged_since(999.0) == 100
    assert outcomes.looked_at < 300


def test_a_full_folder_says_so() -> None:
    with pytest.raises(StateFolderError):
        FolderInMemory(full=True).append_journal("writes.jsonl", "{}")
