"""Where a node's time lies on this machine's clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelterctl.core.load.clocks import ClockReading, Clocks

pytestmark = pytest.mark.unit

NODE = "minikube"


def polled(ahead_s: float, *, every_s: float, renewed_every_s: float, offset_s: float, polls: int) -> Clocks:
    """A node whose clock is ahead and that writes its time now and then, asked at regular times."""
    clocks = Clocks()
    for number in range(polls):
        now_s = 1000.0 + number * every_s
        written_s = 990.0 + offset_s + renewed_every_s * ((now_s - 990.0 - offset_s) // renewed_every_s)
        clocks.add([ClockReading(NODE, written_s + ahead_s, now_s - 0.01, now_s)])
    return clocks


@given(
    ahead_s=st.floats(-200, 200),
    every_s=st.floats(0.5, 6),
    renewed_every_s=st.floats(7, 12),
    offset_s=st.floats(0, 7),
    event_s=st.floats(0, 100),
)
def test_a_time_is_never_placed_later_than_it_can_have_been(
    ahead_s: float, every_s: float, renewed_every_s: float, offset_s: float, event_s: float
) -> None:
    clocks = polled(ahead_s, every_s=every_s, renewed_every_s=renewed_every_s, offset_s=offset_s, polls=60)
    earliest_s = clocks.earliest_s(NODE, event_s + ahead_s)
    assert earliest_s is not None
    assert event_s - every_s - 0.02 <= earliest_s <= event_s + 1e-6
    # A difference of less than the polls' own distance may be none, and is taken for none.
    assert clocks.likely_s(NODE, event_s + ahead_s) == pytest.approx(event_s, abs=every_s + 0.02)


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
