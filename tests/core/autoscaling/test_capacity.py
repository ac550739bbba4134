"""What a pod carries within an objective: from windows that met it as a rule, and never from a lucky one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from shelterctl.adapters.runs.recording import read_recording
from shelterctl.core.autoscaling.demand import demand_of
from shelterctl.core.autoscaling.recording import Recording, series
from shelterctl.core.load.thresholds import parse_threshold
from shelterctl.core.state import count_ready
from shelterctl.errors import UsageError
from shelterctl.ops.hpa.simulate import objective_of, recommendation
from tests.core.autoscaling.examples import unpacked

pytestmark = pytest.mark.unit

GENEROUS = parse_threshold("p95 < 10s")


@pytest.fixture
def real(tmp_path: Path) -> Recording:
    return read_recording(unpacked(tmp_path))


def timed(recording: Recording, *, slow: float, fast: float, slow_at: object) -> Recording:
    """The same load, whose seconds take `slow` ms where `slow_at(second, ready pods)` says so, else `fast` ms, at every percentile."""
    assert callable(slow_at)
    ticks = []
    for at_s, tick in zip(recording.ticks.times_s, recording.ticks.values, strict=True):
        ready = count_ready(recording.pods.at(at_s - 1) or ())
        value = slow if slow_at(tick.elapsed_s, ready) else fast
        ticks.append((at_s, replace(tick, p50_ms=value, p95_ms=value, p99_ms=value)))
    return replace(recording, ticks=series(ticks))


def test_a_run_that_broke_its_objective_recommends_nothing(real: Recording) -> None:
    """85% of its seconds miss it, at two pods and at four: no setting is known to meet it."""
    with pytest.raises(UsageError, match="cannot be simulated") as told:
        recommendation(real, "p95 < 20ms")
    assert "“p95 < 20ms” was missed in" in told.value.what
    assert "at no rate did 75% of them meet it" in told.value.what


def test_one_lucky_window_is_no_capacity(real: Recording) -> None:
    """Two pods miss it all the time but for six seconds, three and four pods meet it."""
    lucky = timed(real, slow=400.0, fast=20.0, slow_at=lambda second, ready: ready <= 2 and not 20 <= second < 26)
    found = demand_of(lucky, slo=parse_threshold("p95 < 300ms"))
    assert 38 <= found.capacity_per_s <= 43
    assert max(found.demanded()) == 3
    assert "beyond it" in found.capacity_from


def test_replicas_that_met_it_as_a_rule_are_enough(real: Recording) -> None:
    met = timed(real, slow=400.0, fast=20.0, slow_at=lambda second, ready: 100 <= second < 104)
    assert max(demand_of(met, slo=parse_threshold("p95 < 300ms")).demanded()) == 2


def test_a_ramp_shows_where_a_pod_is_full(real: Recording) -> None:
    """Two pods, users evenly up to 240 who send one request a second; a pod carries 60/s, and slows down beyond."""
    first = real.pods.values[0]
    ticks = []
    for at_s, tick in zip(real.ticks.times_s, real.ticks.values, strict=True):
        users = max(1, round(tick.elapsed_s))
        full = users > 120
        ticks.append((at_s, replace(tick, users=users, requests=min(users, 120), failures=0, p95_ms=900.0 if full else 30.0)))
    ramp = replace(real, ticks=series(ticks), pods=series([(real.pods.times_s[0], first)]))
    found = demand_of(ramp, slo=parse_threshold("p95 < 300ms"))
    assert 54 <= found.capacity_per_s <= 61
    assert max(found.demanded()) in (4, 5)
    assert "beyond it" in found.capacity_from


def test_where_less_load_is_slower_the_load_is_not_what_makes_it_slow(real: Recording) -> None:
    """Two pods meet it and four do not: more pods are no help, and a setting that brings them meets nothing."""
    upside_down = timed(real, slow=400.0, fast=20.0, slow_at=lambda second, ready: ready >= 3)
    with pytest.raises(ValueError, match="at no rate did 75%"):
        demand_of(upside_down, slo=parse_threshold("p95 < 300ms"))


def test_windows_that_missed_it_below_the_capacity_are_told(real: Recording) -> None:
    """Every sixth window is slow, whatever the pods."""
    doubtful = timed(real, slow=400.0, fast=20.0, slow_at=lambda second, _: int(second) % 30 < 5)
    notes = demand_of(doubtful, slo=parse_threshold("p95 < 300ms")).notes
    (note,) = [note for note in notes if "missed in" in note]
    assert "no more than that to carry" in note
    assert "another setting does not mend" in note
    assert not [note for note in demand_of(real, slo=GENEROUS).notes if "missed in" in note]


def test_each_percentile_is_measured_by_its_own(real: Recording) -> None:
    """At three pods p50 is 10 ms, p95 100 ms and p99 1 s; at two pods ten times that."""
    ticks = []
    for at_s, tick in zip(real.ticks.times_s, real.ticks.values, strict=True):
        factor = 10.0 if tick.elapsed_s < 65 else 1.0
        ticks.append((at_s, replace(tick, p50_ms=10 * factor, p95_ms=100 * factor, p99_ms=1000 * factor)))
    spread = replace(real, ticks=series(ticks))
    for text in ("p50 < 50ms", "p95 < 500ms", "p99 < 5s"):
        assert max(demand_of(spread, slo=objective_of(text)).demanded()) == 3, text
    assert max(demand_of(spread, slo=objective_of("p50 < 500ms")).demanded()) == 2
    with pytest.raises(ValueError, match="at no rate did 75%"):
        demand_of(spread, slo=objective_of("p99 < 500ms"))


@pytest.mark.parametrize("text", ["p90 < 300ms", "p99.9 < 300ms"])
def test_a_percentile_that_no_run_records_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="p50, p95 and p99") as told:
        objective_of(text)
    assert told.value.next_command
