"""The replicas on their way down: until the minimum, for as long as the autoscaler's own rules can take, or not at all."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

import pytest

from shelterctl.core.events import AutoscalerGone, AutoscalerSeen, Event, Notice, PodsSeen, StepFinished, StepStarted
from shelterctl.ops.descent import come_down, descent, longest_s
from tests.core.load.examples import TWO, autoscaler, pod
from tests.ops.load_scenes import SteppingClock, ToldStory, stack

pytestmark = pytest.mark.unit

R = TypeVar("R")
THREE = (*TWO, pod("app-3"))


def run(operation: Generator[Event, None, R]) -> tuple[list[Event], R]:
    told: list[Event] = []
    try:
        while True:
            told.append(next(operation))
    except StopIteration as stop:
        return told, stop.value


def story(**parts: Event) -> ToldStory:
    """Three replicas, and what is told of them at each second."""
    told = {float(at.removeprefix("at_")): event for at, event in parts.items()}
    return ToldStory(SteppingClock(), stack(THREE, autoscaler(3, 3)), told)


def test_it_ends_when_the_minimum_is_ready() -> None:
    target = story(at_120=AutoscalerSeen(autoscaler(2, 3)), at_130=PodsSeen(tuple(TWO)))
    told, found = run(descent(target, target.clock))  # type: ignore[arg-type]
    assert (found.reached, found.why) == (True, "")
    assert 130 <= found.took_s < 132
    assert isinstance(told[-1], StepFinished)


def test_it_ends_with_the_autoscalers_own_rules_and_says_so() -> None:
    target = story()
    _, found = run(descent(target, target.clock))  # type: ignore[arg-type]
    assert not found.reached
    assert found.why.endswith("`shelterctl hpa explain` says why")
    assert found.took_s == pytest.approx(longest_s(autoscaler(3, 3), 3), abs=1)


def test_it_ends_where_the_autoscaler_is_deleted() -> None:
    target = story(at_20=AutoscalerGone("app"))
    _, found = run(descent(target, target.clock))  # type: ignore[arg-type]
    assert (found.reached, found.why) == (False, "the autoscaler was deleted")


def test_a_load_begins_at_once_where_the_minimum_is_there() -> None:
    for first in (stack(TWO, autoscaler(2, 3)), stack(THREE, None)):
        target = ToldStory(SteppingClock(), first)
        assert run(come_down(target, target.clock)) == ([], None)  # type: ignore[arg-type]
        assert target.clock.now_s == 0


def test_what_an_earlier_load_left_comes_down_first_and_is_told() -> None:
    target = story(at_120=AutoscalerSeen(autoscaler(2, 3)), at_130=PodsSeen(tuple(TWO)))
    told, _ = run(come_down(target, target.clock))  # type: ignore[arg-type]
    assert isinstance(told[0], Notice)
    assert told[0].text.startswith("3 replicas are there from before: they come down to 2 first")
    assert isinstance(told[1], StepStarted)
    assert target.clock.now_s >= 130


def test_whoever_breaks_the_wait_off_wants_no_load() -> None:
    target = story()

    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    target.clock.sleep = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        run(come_down(target, target.clock))  # type: ignore[arg-type]
