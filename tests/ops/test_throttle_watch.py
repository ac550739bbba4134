"""A load with the CPU periods of its pods: both readings are recorded, and one that does not come keeps nobody waiting."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import cast

import pytest

from shelterctl.cli.render.loadtest import lines
from shelterctl.core.events import ContainerPeriods, PeriodsSeen
from shelterctl.core.state import PodName
from shelterctl.errors import ApiUnreachable
from shelterctl.ops import throttle_watch
from shelterctl.ops.loadtest import LoadPorts, loadtest
from shelterctl.ports.target import Target
from tests.core.load.examples import TWO, autoscaler
from tests.ops.load_scenes import PreparedSwarm, SteppingClock, ToldStory, stack
from tests.ops.test_loadtest import PLAN, SECONDS, finished

pytestmark = pytest.mark.unit


def counted(periods: int, throttled: int) -> PeriodsSeen:
    return PeriodsSeen((ContainerPeriods(PodName("app-1"), "app", "c", periods, throttled),))


def story(*readings: PeriodsSeen) -> tuple[SteppingClock, ToldStory]:
    clock = SteppingClock()
    return clock, ToldStory(clock, stack(tuple(TWO), autoscaler(2, 3)), counted=readings)


def test_both_readings_are_events_and_their_difference_is_in_the_result(tmp_path: Path) -> None:
    clock, target = story(counted(1000, 10), counted(3000, 870))
    told, result = finished(loadtest(LoadPorts(cast(Target, target), PreparedSwarm(clock, SECONDS, 240.0), clock, tmp_path), PLAN))
    assert [event for event in told if isinstance(event, PeriodsSeen)] == [counted(1000, 10), counted(3000, 870)]
    assert result.timeline is not None
    assert result.timeline.throttling is not None
    assert result.timeline.throttling.share == pytest.approx(0.43)
    assert "           Pods: throttled in 43% of their CPU periods" in [line.text for line in lines(result, "run")]


def test_a_reading_that_does_not_come_keeps_the_load_no_longer_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle_watch, "BEGIN_WAIT_S", 0.01)
    _, target = story(counted(1000, 10))
    late = threading.Event()

    def hangs(pods: object) -> PeriodsSeen:
        late.wait(5)
        return counted(1000, 10)

    target.periods = hangs  # type: ignore[method-assign]
    watch = throttle_watch.ThrottleWatch(cast(Target, target))
    assert list(watch.begin(TWO)) == []
    assert watch.found().problem == "throttled periods were not read in time at the load's begin"
    late.set()


def test_a_reading_that_fails_is_told_and_ends_nothing() -> None:
    _, target = story()

    def gone(pods: object) -> PeriodsSeen:
        raise ApiUnreachable("the API server does not answer", why="connection refused")

    target.periods = gone  # type: ignore[method-assign]
    watch = throttle_watch.ThrottleWatch(cast(Target, target))
    assert [event.problem for event in watch.begin(TWO) if isinstance(event, PeriodsSeen)] == [
        "throttled periods could not be read: connection refused"
    ]
