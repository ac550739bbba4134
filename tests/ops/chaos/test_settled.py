"""The database read until two readings are equal."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from shelterctl.core.faults.ledger import StoredDocument
from shelterctl.ops.chaos.settled import MOST_READINGS, Agreed, Readings
from tests.fakes import SteppedClock
from tests.ops.generators import ended

pytestmark = pytest.mark.unit


def mine(name: str, digest: str = "d") -> StoredDocument:
    return StoredDocument(name, digest, name, True)


def theirs(name: str) -> StoredDocument:
    return StoredDocument(name, "d", "")


class Database:
    """Shows one state after the other, the last one for good; a reading takes half a second."""

    def __init__(self, clock: SteppedClock, *states: Sequence[StoredDocument]) -> None:
        self.clock = clock
        self.states = list(states)
        self.at_s: list[float] = []

    def __call__(self) -> Sequence[StoredDocument]:
        self.clock.sleep(0.5)
        self.at_s.append(self.clock.monotonic_s())
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]


def read(*states: Sequence[StoredDocument], apart_s: float = 5.0) -> tuple[Agreed, Database]:
    clock = SteppedClock()
    database = Database(clock, *states)
    return ended(Readings(database, lambda document: document.of_run, clock, apart_s).agreed()), database


def test_two_equal_readings_are_enough_and_lie_apart() -> None:
    agreed, database = read([mine("a"), mine("b")])
    assert (len(database.at_s), agreed.doubt, agreed.note) == (2, None, "")
    # From the end of one to the end of the next: the pause, and the reading itself.
    assert 5.0 <= database.at_s[1] - database.at_s[0] <= 6.0


def test_time_that_went_by_meanwhile_is_not_waited_again() -> None:
    clock = SteppedClock()
    database = Database(clock, [mine("a")])
    readings = Readings(database, lambda document: document.of_run, clock, 5.0)
    readings.take()
    clock.sleep(30.0)
    began_s = clock.monotonic_s()
    assert ended(readings.agreed()).doubt is None
    assert clock.monotonic_s() - began_s == 0.5


def test_what_still_came_after_the_wait_is_read_again() -> None:
    agreed, database = read([mine("a")], [mine("a"), mine("b")], [mine("a"), mine("b")])
    assert len(database.at_s) == 3
    assert agreed.doubt is None
    assert [document.id for document in agreed.documents] == ["a", "b"]
    assert "1 document came, 0 went" in agreed.note


def test_a_document_that_was_read_and_is_gone_is_known_to_have_been_there() -> None:
    agreed, _ = read([mine("a"), mine("b")], [mine("a")], [mine("a")])
    assert agreed.doubt is None
    assert [document.id for document in agreed.documents] == ["a"]
    assert agreed.seen == {"a", "b"}


def test_the_same_documents_with_another_content_are_no_equal_reading() -> None:
    agreed, database = read([mine("a")], [mine("a", "other")], [mine("a", "other")])
    assert len(database.at_s) == 3
    assert "0 documents came, 0 went, 1 changed" in agreed.note


def test_what_others_write_is_theirs() -> None:
    agreed, database = read(*[[mine("a"), *[theirs(str(number)) for number in range(count)]] for count in range(9)])
    assert len(database.at_s) == 2
    assert agreed.doubt is None


def test_readings_that_never_agree_end_and_decide_nothing() -> None:
    agreed, database = read(*[[mine("kept"), mine(str(number))] for number in range(50)])
    assert len(database.at_s) == MOST_READINGS
    assert agreed.doubt is not None
    # 1000 s and what the readings took on the stepped clock, which begins at 01:46:40 UTC.
    assert agreed.doubt.text == (
        "the database was still changing: 1 document came, 1 went between readings at 02:03:42 and 02:03:48 UTC, and no two of 6 readings "
        "were equal; another writer?"
    )
    assert agreed.doubt.next_command


def test_where_one_reading_is_enough_one_is_made() -> None:
    agreed, database = read([mine("a")], [], apart_s=0.0)
    assert (len(database.at_s), [document.id for document in agreed.documents]) == (1, ["a"])
