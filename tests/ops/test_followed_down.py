"""A load with the way down after it (`--watch-down`), and the line that tells of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from shelterctl.cli.render.loadtest import lines
from shelterctl.core.events import AutoscalerSeen, Event, PodsSeen, UsageSeen
from shelterctl.core.load.result import LoadResult
from shelterctl.core.serial import from_json, to_json
from shelterctl.core.state import StackState
from shelterctl.errors import ApiUnreachable
from shelterctl.ops.descent import followed_down
from shelterctl.ops.loadtest import LoadPorts, loadtest
from shelterctl.ports.target import Target
from tests.core.load.examples import TWO, autoscaler, pod, usage
from tests.ops.load_scenes import PreparedSwarm, SteppingClock, ToldStory, stack
from tests.ops.test_loadtest import PLAN, SECONDS, finished

pytestmark = pytest.mark.unit
THREE = (*TWO, pod("app-3"))


class TwoWatches(ToldStory):
    """Tells one story to the load, and `later` to who watches after it. `at_the_end` is the look between them."""

    later: tuple[tuple[float, Event], ...] = ()
    at_the_end: Callable[[], StackState] = staticmethod(lambda: stack(THREE, autoscaler(3, 60)))

    def state(self, *, warnings_since_s: float = 0.0, with_usage: bool = True) -> StackState:
        self.looks += 1
        # The load looks twice, at its begin and its end.
        return self.first if self.looks == 1 else stack(THREE, autoscaler(3, 60)) if self.looks == 2 else self.at_the_end()

    def watch(self, stop):  # type: ignore[no-untyped-def]
        if self.looks > 2:
            self.story = dict(self.later)
            self.told, self.ended = 0, False
        yield from super().watch(stop)


def followed(folder: Path, *later: tuple[float, Event], at_the_end: Callable[[], StackState] | None = None) -> LoadResult:
    clock = SteppingClock()
    story: dict[float, Event] = {
        36.0: UsageSeen(usage(35, 390, 380)),
        46.0: AutoscalerSeen(autoscaler(3, 184, current=2)),
        54.0: PodsSeen(THREE),
    }
    target = TwoWatches(clock, stack(tuple(TWO), autoscaler(2, 3)), story)
    target.later = later
    if at_the_end is not None:
        target.at_the_end = at_the_end
    ports = LoadPorts(cast(Target, target), PreparedSwarm(clock, SECONDS, 240.0), clock, folder)
    _, result = finished(followed_down(loadtest(ports, PLAN), ports))
    return result


def told(result: LoadResult) -> list[str]:
    return [line.text.strip() for line in lines(result, "run") if line.text.startswith("  Down")]


def test_the_way_down_is_in_the_result_and_has_a_line(tmp_path: Path) -> None:
    result = followed(tmp_path, (400.0, AutoscalerSeen(autoscaler(2, 3, current=3))), (410.0, PodsSeen(tuple(TWO))))
    assert result.traffic.requests == 2400
    assert result.descent is not None
    assert (result.descent.from_ready, result.descent.to_ready, result.descent.reached) == (3, 2, True)
    assert 168 <= result.descent.took_s <= 172
    way = result.descent.way
    assert way is not None
    # From the load's own begin, with what was seen under it: the reading of 184% until the first decision.
    assert [(step.before, step.after, round(step.at_s)) for step in way.steps] == [(3, 2, 400)]
    assert way.minimum_at_s == pytest.approx(410, abs=1)
    assert way.elasticity is not None
    assert way.elasticity.over_accuracy_percent == pytest.approx(50, abs=1)
    assert [item.name for item in result.milestones][-1] == "minimum reached"
    kept = from_json(LoadResult, to_json(result)).descent
    assert kept is not None
    assert kept.way is not None
    assert (len(kept.way.steps), kept.way.low_percent) == (1, way.low_percent)
    assert len(told(result)) == 1
    assert told(result)[0].startswith("Down     3 → 2 replicas ready within 2 min 50 s")


def test_a_minimum_that_does_not_come_is_told_with_the_reason(tmp_path: Path) -> None:
    result = followed(tmp_path)
    assert result.descent is not None
    assert not result.descent.reached
    assert told(result)[0].startswith("Down     3 → 3 replicas ready within")
    assert "hpa explain" in told(result)[0]


def test_a_cluster_that_has_gone_by_then_takes_no_result_along(tmp_path: Path) -> None:
    def gone() -> StackState:
        raise ApiUnreachable("the API server does not answer", why="connection refused")

    result = followed(tmp_path, at_the_end=gone)
    assert result.traffic.requests == 2400
    assert told(result) == ["Down     3 → 3 replicas ready within 0.0 s: the API server does not answer: connection refused"]


def test_a_load_that_watches_nothing_or_was_interrupted_has_no_way_down(tmp_path: Path) -> None:
    clock = SteppingClock()
    ports = LoadPorts(None, PreparedSwarm(clock, SECONDS, 240.0), clock, tmp_path)
    _, result = finished(followed_down(loadtest(ports, PLAN), ports))
    assert (result.descent, told(result)) == (None, [])
