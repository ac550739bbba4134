"""When a load has shown all about scaling that it can show, so that it may end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from shelterctl.core.load.observer import Observer
from shelterctl.core.load.scaling import judge_scaling, settled
from shelterctl.core.state import PodName
from tests.core.load.examples import BEGAN, PLAN, TWO, autoscaler, end, observed, pod, under_load, usage

pytestmark = pytest.mark.unit


def comes(seen: Observer) -> None:
    seen.pods(BEGAN + 54, [*TWO, pod("app-3")])


def stays_away(seen: Observer) -> None:
    """Nothing comes."""


ANSWERED = {PodName("app-3"): BEGAN + 55}
SETTLED: dict[str, tuple[Callable[[Observer], object], float, dict[PodName, float], str]] = {
    "shown and answering": (comes, 60, ANSWERED, "a new pod answers"),
    "shown, and the pod is new": (comes, 60, {}, ""),
    "shown, and nothing comes to the pod": (comes, 95, {}, "no answer names a new pod"),
    "decided, and no pod yet": (stays_away, 60, {}, ""),
    "decided, and no pod for too long": (stays_away, 240, {}, "nothing can come any more"),
}


@pytest.mark.parametrize("case", SETTLED)
def test_when_a_load_has_shown_all_that_it_can(case: str) -> None:
    happens, seconds, answers, words = SETTLED[case]
    seen = under_load(observed())
    seen.autoscaler(BEGAN + 46, autoscaler(4, 184))
    happens(seen)
    timeline = seen.timeline(BEGAN, BEGAN + seconds, answers)
    told = settled(PLAN, judge_scaling(PLAN, timeline), timeline)
    assert told.endswith(words) if words else told == ""


def test_a_load_that_calls_for_nothing_is_settled_after_a_few_readings_of_the_whole_of_it() -> None:
    seen = observed()
    seen.usage(BEGAN + 62, usage(60, 60, 60))
    seen.autoscaler(BEGAN + 70, autoscaler(2, 60))
    assert [bool(settled(PLAN, judge_scaling(PLAN, end(seen, at_s)), end(seen, at_s))) for at_s in (100, 400)] == [False, True]


def test_without_an_autoscaler_nothing_is_waited_for() -> None:
    seen = Observer()
    seen.pods(BEGAN - 2, TWO)
    seen.autoscaler(BEGAN - 2, None)
    assert settled(PLAN, judge_scaling(PLAN, end(seen, 5)), end(seen, 5)) == "there is no autoscaler"


def test_a_scale_up_that_cannot_be_put_down_to_the_load_is_not_waited_for_at_the_maximum() -> None:
    seen = observed()
    seen.usage(BEGAN + 20, usage(-10, 300, 300))
    seen.autoscaler(BEGAN + 25, autoscaler(5, 184))
    seen.pods(BEGAN + 33, [*TWO, pod("app-3"), pod("app-4"), pod("app-5")])
    seen.usage(BEGAN + 50, usage(49, 60, 60, 60, 60, 60))
    told = [settled(PLAN, judge_scaling(PLAN, end(seen, at_s)), end(seen, at_s)) for at_s in (60, 240)]
    assert told == ["", "the replicas are at their maximum"]


def test_the_replicas_of_a_load_that_grows_are_watched_until_it_is_whole() -> None:
    slow = replace(PLAN, users=200, spawn_rate=0.25, duration_s=1000.0)
    seen = observed()
    seen.usage(BEGAN + 5, usage(-10, 300, 300))
    seen.autoscaler(BEGAN + 8, autoscaler(4, 184))
    seen.pods(BEGAN + 14, [*TWO, pod("app-3"), pod("app-4")])
    seen.autoscaler(BEGAN + 40, autoscaler(4, 20))
    for at_s in range(30, 960, 15):
        seen.usage(BEGAN + at_s + 1, usage(at_s, 20, 20, 20, 20))
    told = [settled(slow, judge_scaling(slow, end(seen, at_s)), end(seen, at_s)) for at_s in (400, 800, 950)]
    assert told == ["", "", "the replicas stay, and nothing more is called for"]


def test_a_pod_that_is_on_its_way_is_waited_for_at_the_maximum() -> None:
    seen = observed()
    seen.usage(BEGAN + 5, usage(-10, 300, 300))
    seen.autoscaler(BEGAN + 8, autoscaler(4, 184))
    seen.pods(BEGAN + 14, [*TWO, pod("app-3"), pod("app-4")])
    for at_s in range(30, 160, 15):
        seen.usage(BEGAN + at_s + 1, usage(at_s, 100, 100, 100, 100))
    seen.autoscaler(BEGAN + 53, autoscaler(5, 100))
    seen.pods(BEGAN + 55, [*TWO, pod("app-3"), pod("app-4"), pod("app-5", ready=False)])
    told = [settled(PLAN, judge_scaling(PLAN, end(seen, at_s)), end(seen, at_s)) for at_s in (120, 150)]
    assert told == ["", "the replicas are at their maximum"]
