"""Where a node's time lies on this machine's clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelterctl.core.load.clocks import WRITING_S, ClockReading, Clocks

pytestmark = pytest.mark.unit

NODE = "minikube"


def polled(ahead_s: float, *, every_s: float, renewed_every_s: float, offset_s: float, polls: int, writing_s: float = 0.0) -> Clocks:
    """A node whose clock is ahead and that writes its time now and then, which takes its time, asked at regular times."""
    clocks = Clocks()
    for number in range(polls):
        now_s = 1000.0 + number * every_s
        seen_s = now_s - writing_s
        written_s = 980.0 + offset_s + renewed_every_s * ((seen_s - 980.0 - offset_s) // renewed_every_s)
        clocks.add([ClockReading(NODE, written_s + ahead_s, now_s - 0.01, now_s)])
    return clocks


@given(
    ahead_s=st.floats(-200, 200),
    every_s=st.floats(0.5, 6),
    renewed_every_s=st.floats(7, 12),
    offset_s=st.floats(0, 7),
    event_s=st.floats(0, 100),
    writing_s=st.floats(0, WRITING_S),
)
def test_a_time_is_placed_no_later_than_a_lease_was_on_its_way(
    ahead_s: float, every_s: float, renewed_every_s: float, offset_s: float, event_s: float, writing_s: float
) -> None:
    clocks = polled(ahead_s, every_s=every_s, renewed_every_s=renewed_every_s, offset_s=offset_s, polls=60, writing_s=writing_s)
    assert not clocks.problem(NODE)
    earliest_s = clocks.earliest_s(NODE, event_s + ahead_s)
    assert earliest_s is not None
    # As far as nothing contradicts it, a lease is taken to have been on its way for no time.
    assert event_s - every_s - WRITING_S - 0.02 <= earliest_s <= event_s + writing_s + 1e-6
    # A difference of less than the polls' own distance may be none, and is taken for none.
    assert clocks.likely_s(NODE, event_s + ahead_s) == pytest.approx(event_s, abs=every_s + WRITING_S + 0.02)


def test_one_answer_tells_nothing_of_how_old_it_is() -> None:
    clocks = Clocks()
    clocks.add([ClockReading(NODE, 1000.0, 1000.0, 1000.0)])
    assert clocks.earliest_s(NODE, 900.0) is None
    assert clocks.problem(NODE) == "the clock of node minikube was not seen to move"
    assert clocks.problem("other") == "the clock of node other could not be read"


def test_a_clock_that_is_set_meanwhile_places_nothing() -> None:
    clocks = Clocks()
    clocks.add([ClockReading(NODE, 1000.0, 1000.0, 1000.0)])
    clocks.add([ClockReading(NODE, 1010.0, 1010.0, 1010.0)])
    clocks.add([ClockReading(NODE, 1120.0, 1020.0, 1020.0)])
    assert clocks.earliest_s(NODE, 1115.0) is None
    assert clocks.problem(NODE) == "the clock of node minikube was set while the load ran"


def test_a_lease_that_was_on_its_way_is_no_clock_that_was_set() -> None:
    clocks = Clocks()
    clocks.add([ClockReading(NODE, 990.0, 1000.0, 1000.1)])
    # Read off the node's clock at 1000, and seen only after the question at 1000.4.
    clocks.add([ClockReading(NODE, 990.0, 1000.4, 1000.5)])
    clocks.add([ClockReading(NODE, 1000.0, 1001.0, 1001.1)])
    clocks.add([ClockReading(NODE, 1010.0, 1010.1, 1010.1)])
    assert clocks.problem(NODE) == ""
    earliest_s = clocks.earliest_s(NODE, 1000.0)
    assert earliest_s is not None
    assert 997.5 < earliest_s < 1000.0
