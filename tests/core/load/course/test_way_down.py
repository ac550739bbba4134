"""The way down after a load: its moments, and an elasticity that is not that of the load."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shelterctl.core.load.course.way_down import StepDown, milestones_down, way_down
from shelterctl.core.load.course.words import elastic, moments
from shelterctl.core.load.timeline import ReplicaPoint

pytestmark = pytest.mark.unit


def point(at_s: float, ready: int, desired: int, percent: int | None) -> ReplicaPoint:
    return ReplicaPoint(at_s, ready, desired, percent, 70, 2, 5, ready)


#: Four replicas under a load of 240 s; the reading falls at 270 s, the window ends at 330 s, and one goes a minute.
COURSE = (
    point(0.0, 2, 2, 3),
    point(46.0, 2, 4, 160),
    point(54.0, 4, 4, 160),
    point(100.0, 4, 4, 71),
    point(270.0, 4, 4, 4),
    point(330.0, 4, 3, 4),
    point(331.0, 3, 3, 4),
    point(390.0, 3, 2, 4),
    point(391.5, 2, 2, 4),
)


def test_each_moment_from_the_last_request_to_the_minimum() -> None:
    way = way_down(COURSE, last_request_s=240.0, until_s=392.0)
    assert way is not None
    assert (way.from_ready, way.low_at_s, way.low_percent) == (4, 270.0, 4)
    assert way.steps == (StepDown(330.0, 4, 3, 4, 331.0), StepDown(390.0, 3, 2, 4, 391.5))
    assert way.minimum_at_s == 391.5
    assert [item.name for item in milestones_down(way)] == [
        "last request", "reading that calls for fewer", "autoscaler decided", "autoscaler decided", "minimum reached",
    ]  # fmt: skip
    assert [words for _, words in moments(way)] == [
        "last request, 4 replicas ready",
        "reading falls to 4%, which calls for fewer: 30.0 s after it",
        "4 → 3 replicas at cpu 4%: 60.0 s after that, no more than 3 ready 1.0 s later",
        "3 → 2 replicas at cpu 4%: 60.0 s after the decision before, no more than 2 ready 1.5 s later",
        "the minimum of 2: 151.5 s after the last request",
    ]


def test_its_elasticity_is_of_the_time_after_the_load_against_the_minimum() -> None:
    way = way_down(COURSE, last_request_s=240.0, until_s=392.0)
    assert way is not None
    assert way.elasticity is not None
    assert way.elasticity.duration_s == 151.5
    # 91 s with two too many and 60.5 s with one, of two that are needed.
    assert way.elasticity.over_accuracy_percent == pytest.approx(100 * (91 * 2 / 2 + 60.5 * 1 / 2) / 151.5)
    assert way.elasticity.over_timeshare_percent == pytest.approx(100)
    assert way.elasticity.under_timeshare_percent == 0
    assert elastic(way.elasticity, way.minimum) == "on the way down: too many 100% of 152 s (by 80%), against the minimum of 2"


def test_a_minimum_that_did_not_come_ends_with_the_watch() -> None:
    way = way_down(COURSE[:-3], last_request_s=240.0, until_s=360.0)
    assert way is not None
    assert way.elasticity is not None
    assert (way.minimum_at_s, way.elasticity.duration_s) == (None, 120.0)
    assert moments(way)[-1] == (360.0, "the watch ends, and the minimum of 2 was not reached")


def test_a_load_that_ebbed_away_had_its_low_reading_before_the_last_request() -> None:
    way = way_down((*COURSE[:3], replace(COURSE[4], at_s=200.0), *COURSE[5:]), last_request_s=240.0, until_s=400.0)
    assert way is not None
    assert way.low_at_s == 200.0
    assert moments(way)[0] == (200.0, "reading falls to 4%, which calls for fewer: before the last request")
    # What is waited for after that counts from the last request.
    assert moments(way)[2][1].startswith("4 → 3 replicas at cpu 4%: 90.0 s after that")


def test_a_late_metric_that_asks_for_more_after_the_load_is_no_minimum() -> None:
    late = (point(0.0, 2, 2, 3), point(250.0, 2, 4, 150), point(260.0, 4, 4, 150), point(300.0, 4, 4, 3), point(400.0, 2, 2, 3))
    way = way_down(late, last_request_s=240.0, until_s=401.0)
    assert way is not None
    assert way.minimum_at_s == 400.0
    assert way.elasticity is not None
    assert way.elasticity.over_timeshare_percent == pytest.approx(100 * 140 / 160)


def test_replicas_that_never_left_the_minimum_have_nothing_to_come_down_from() -> None:
    way = way_down((point(0.0, 2, 2, 3), point(100.0, 2, 2, 30), point(270.0, 2, 2, 3)), last_request_s=240.0, until_s=280.0)
    assert way is not None
    assert (way.steps, way.minimum_at_s, way.elasticity) == ((), 240.0, None)
    assert moments(way)[-1] == (240.0, "the minimum of 2 was there all the time")


@pytest.mark.parametrize(("points", "until_s"), [(COURSE, 240.0), ((), 400.0), ((ReplicaPoint(300.0, 2, None, None),), 400.0)])
def test_what_was_not_watched_has_no_way_down(points: tuple[ReplicaPoint, ...], until_s: float) -> None:
    assert way_down(points, last_request_s=240.0, until_s=until_s) is None
