"""Conditions while a load runs: told at each change, once, and one that ends the load."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from shelterctl.core.events import Event, Notice
from shelterctl.core.load.histogram import bin_of
from shelterctl.core.load.plan import Expectations, LoadSample
from shelterctl.core.load.result import LoadResult
from shelterctl.core.load.thresholds import parse_threshold
from shelterctl.core.load.traffic import GeneratorEnd
from shelterctl.core.verdict import Verdict
from shelterctl.ops.loadtest import LoadPorts, loadtest
from shelterctl.ports.target import Target
from tests.core.load.examples import sample
from tests.ops.load_scenes import PreparedSwarm, SteppingClock
from tests.ops.test_loadtest import PLAN, finished, scaled_to_three

pytestmark = pytest.mark.unit


class Swarm(PreparedSwarm):
    """One that has nothing more to tell once it was stopped."""

    def stop(self) -> None:
        if not self.stopped:
            told = [item for item in self.seconds if item.elapsed_s <= self.clock.now_s]
            last = sample(self.clock.now_s, users=0, requests=0, latency_bins={}, by_pod={}, by_name={}, last_answer_s=None, final=True)
            self.seconds = [*told, last]
        super().stop()


def failing(*seconds: range) -> Callable[[int], LoadSample]:
    def at(second: int) -> LoadSample:
        failed = 10 if any(second in each for each in seconds) else 0
        return sample(float(second), failures=failed, failure_kinds={"HTTP 503": failed} if failed else {})

    return at


def slow(second: int) -> LoadSample:
    """Answers of 700 ms from 60 s to 90 s, and else of 20 ms."""
    bins = {bin_of(700.0): 10} if 60 <= second < 90 else {bin_of(20.0): 10}
    return sample(float(second), latency_bins=bins, max_ms=700.0 if second >= 60 else 20.0)


def run(
    folder: Path, at: Callable[[int], LoadSample], *, fail_on: str = "", abort_on: str = "", watched: bool = True
) -> tuple[list[Event], LoadResult, Swarm]:
    clock = SteppingClock()
    swarm = Swarm(clock, [at(second) for second in range(1, 240)] + [sample(240.0, users=0, final=True)], 240.0)
    target = cast(Target, scaled_to_three(clock)) if watched else None
    expected = Expectations(
        max_failure_ratio=0.99,
        fail_on=tuple(map(parse_threshold, filter(None, [fail_on]))),
        abort_on=tuple(map(parse_threshold, filter(None, [abort_on]))),
    )
    events, result = finished(loadtest(LoadPorts(target, swarm, clock, folder), PLAN, expected))
    return events, result, swarm


def said(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Notice) and "holds" in event.text]


def test_a_condition_that_holds_is_told_while_the_load_runs_and_once(tmp_path: Path) -> None:
    events, result, _ = run(tmp_path, failing(range(100, 240)), fail_on="errors > 10%")
    assert said(events) == ["holds now: errors > 10%: it is 11% of 1,110 requests; the run fails if that stays"]
    assert result.judgement.verdict is Verdict.FAIL


def test_one_that_holds_no_more_is_told_as_well(tmp_path: Path) -> None:
    events, result, _ = run(tmp_path, failing(range(30, 60)), fail_on="errors > 20%")
    assert [text[:28] for text in said(events)] == ["holds now: errors > 20%: it ", "holds no more: errors > 20%:"]
    assert result.judgement.verdict is not Verdict.FAIL


def test_a_percentile_is_told_when_it_is_above_for_sure(tmp_path: Path) -> None:
    events, _, _ = run(tmp_path, slow, fail_on="p95 > 500ms")
    assert len(said(events)) == 1
    assert said(events)[0].startswith("holds now: p95 > 500ms: it is 69")
    # The percentile of a bin lies within a hundredth of 700: it is not known on which side.
    assert said(run(tmp_path, slow, fail_on="p95 > 700ms")[0]) == []


def test_what_only_the_end_decides_is_not_told_before(tmp_path: Path) -> None:
    for condition in ("replicas < 5", "requests < 2000", "scale-up > 500s", "p95 < 1s"):
        assert said(run(tmp_path, slow, fail_on=condition)[0]) == []


def test_a_condition_that_aborts_ends_the_load_at_once_and_fails_it(tmp_path: Path) -> None:
    events, result, swarm = run(tmp_path, failing(range(100, 240)), abort_on="errors > 10%")
    notices = [event.text for event in events if isinstance(event, Notice)]
    assert "errors > 10%: 11% of 1,110 requests: the load is broken off" in notices
    assert said(events) == []
    assert swarm.stopped
    assert swarm.clock.now_s < 115
    # An end that was meant: the generator did not die.
    assert (result.judgement.verdict, result.generator.end, result.interrupted) == (Verdict.FAIL, GeneratorEnd.FINISHED, False)
    assert "broken off: errors > 10%: 11% of 1,110 requests" in [reason.text for reason in result.judgement.reasons]
    assert [(held.condition, held.holds) for held in result.conditions] == [("errors > 10%", True)]


def test_replicas_that_are_too_many_end_a_load(tmp_path: Path) -> None:
    _, result, swarm = run(tmp_path, slow, abort_on="replicas > 2")
    assert swarm.clock.now_s == pytest.approx(55, abs=1.5)
    assert "broken off: replicas > 2: 3 replicas ready" in [reason.text for reason in result.judgement.reasons]


@pytest.mark.parametrize(
    ("condition", "at", "watched"),
    [
        ("errors > 50%", failing(range(1, 6)), True),  # the first second ends no load
        ("errors > 90%", failing(range(100, 240)), True),
        ("replicas > 2", failing(), False),  # nobody watches them
        ("replicas < 3", failing(), True),
        ("p99.9 > 1ms", lambda second: sample(float(second), requests=1, latency_bins={bin_of(20.0): 1}), True),
        ("p95{GET /nowhere} > 1ms", failing(), True),
    ],
)
def test_what_must_not_end_a_load(tmp_path: Path, condition: str, at: Callable[[int], LoadSample], watched: bool) -> None:
    _, result, swarm = run(tmp_path, at, abort_on=condition, watched=watched)
    assert swarm.clock.now_s >= 240
    assert not any(reason.text.startswith("broken off") for reason in result.judgement.reasons)


def test_a_rate_that_is_too_low_ends_a_load_once_all_users_are_there(tmp_path: Path) -> None:
    _, result, swarm = run(tmp_path, failing(), abort_on="rps < 50")
    assert PLAN.ramp_s + 10 <= swarm.clock.now_s < PLAN.ramp_s + 14
    assert result.judgement.verdict is Verdict.FAIL
