"""What every clock does: the machine's, and those that tests step."""

from __future__ import annotations

import pytest

from shelterctl.adapters.clock import SystemClock
from shelterctl.ports.clock import Clock
from tests.fakes import SteppedClock
from tests.ops.load_scenes import SteppingClock

pytestmark = pytest.mark.unit

each_clock = pytest.mark.parametrize("clock", [SystemClock(), SteppedClock(), SteppingClock()], ids=lambda clock: type(clock).__name__)


@each_clock
def test_both_times_pass_by_what_was_slept(clock: Clock) -> None:
    mono_s, wall_s = clock.monotonic_s(), clock.wall_s()
    clock.sleep(0.02)
    assert clock.monotonic_s() - mono_s >= 0.0199
    assert clock.wall_s() - wall_s >= 0.0199


@each_clock
def test_no_time_passes_backwards(clock: Clock) -> None:
    times = [clock.monotonic_s() for _ in range(100)]
    assert times == sorted(times)


@each_clock
def test_sleeping_for_no_time(clock: Clock) -> None:
    clock.sleep(0)
