"""What a cluster tells during a load, and the timeline that is made of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shelterctl.core.load.observer import Observer
from shelterctl.core.load.result import notes_of
from shelterctl.core.load.timeline import AtMaximum, Blindness, Decision, MetricShown, NewPod, ReplicaPoint, UsagePoint
from shelterctl.core.state import PodName, Role
from tests.core.load.examples import BEGAN, GENERATOR, TRAFFIC, TWO, autoscaler, end, observed, pod, usage

pytestmark = pytest.mark.unit


def scaled_run() -> Observer:
    """Two pods, a load that shows at 38 s, four pods wanted at 46 s and five at 61 s; the last is ready at 68 s."""
    seen = Observer()
    two = [pod("app-1"), pod("app-2"), pod("mongodb-0", role=Role.DATABASE)]
    seen.pods(BEGAN - 3, two)
    seen.autoscaler(BEGAN - 3, autoscaler(2, 3))
    seen.usage(BEGAN - 3, usage(-20, 6, 6))
    seen.usage(BEGAN + 36, usage(35, 390, 380))
    seen.usage(BEGAN + 37, usage(35, 390, 380))
    seen.autoscaler(BEGAN + 46, autoscaler(4, 184, current=2))
    seen.pods(BEGAN + 47, [*two, pod("app-3", ready=False), pod("app-4", ready=False)])
    seen.pods(BEGAN + 54, [*two, pod("app-3"), pod("app-4", ready=False)])
    seen.pods(BEGAN + 55, [*two, pod("app-3"), pod("app-4")])
    seen.autoscaler(BEGAN + 61, autoscaler(5, 110, current=4))
    seen.pods(BEGAN + 68, [*two, pod("app-3"), pod("app-4"), pod("app-5")])
    return seen


def test_the_scale_up_of_a_whole_run() -> None:
    answers = {PodName("app-1"): BEGAN + 0.1, PodName("app-3"): BEGAN + 55.0, PodName("app-5"): BEGAN + 69.0}

    timeline = scaled_run().timeline(BEGAN, BEGAN + 240, answers)

    assert tuple(replace(point, read_since_s=None) for point in timeline.points) == (
        ReplicaPoint(0.0, 2, 2, 3, 70, 2, 5, 2),
        ReplicaPoint(46.0, 2, 4, 184, 70, 2, 5, 2),
        ReplicaPoint(54.0, 3, 4, 184, 70, 2, 5, 2),
        ReplicaPoint(55.0, 4, 4, 184, 70, 2, 5, 2),
        ReplicaPoint(61.0, 4, 5, 110, 70, 2, 5, 4),
        ReplicaPoint(68.0, 5, 5, 110, 70, 2, 5, 4),
    )
    assert timeline.decisions == (Decision(46.0, 2, 4, 2, 184), Decision(61.0, 4, 5, 4, 110))
    assert timeline.new_pods == (
        NewPod(PodName("app-3"), 54.0, 8.0, 55.0),
        NewPod(PodName("app-4"), 55.0, 9.0, None),
        NewPod(PodName("app-5"), 68.0, 7.0, 69.0),
    )
    assert timeline.metric_shown == MetricShown(46.0, 184, 35.0)
    assert timeline.metric_period_s == 55.0
    assert timeline.usage == (
        UsagePoint(-3.0, -20.0, 15.0, 12, 2, 100 * 12 / 800, request_millicores=100),
        UsagePoint(36.0, 35.0, 15.0, 770, 2, 100 * 770 / 800, request_millicores=100),
    )
    assert timeline.cpu_limit_percent == 100 * 770 / 800
    # At 61 s: ceil(110 / 70 * 4) = 7; the fifth pod, ready later, has no part in that reading.
    assert timeline.at_maximum == AtMaximum(61.0, 5, 7)
    assert (timeline.first_ready, timeline.peak_ready, timeline.observed_s, timeline.autoscaled) == (2, 5, 240.0, True)
    assert (timeline.blind, timeline.waiting_pods, timeline.metric_problem, timeline.dropped_watches) == ((), (), "", 0)


def test_a_load_that_no_reading_shows() -> None:
    seen = Observer()
    seen.pods(BEGAN - 1, [pod("app-1")])
    seen.autoscaler(BEGAN - 1, autoscaler(2, 3))
    seen.autoscaler(BEGAN + 30, autoscaler(2, 7))
    timeline = seen.timeline(BEGAN, BEGAN + 60, {})
    assert (timeline.metric_shown, timeline.at_maximum, timeline.decisions, timeline.new_pods) == (None, None, (), ())


@pytest.mark.parametrize(
    ("percent", "ready", "wanted", "more"),
    [
        (70, 2, 2, False),
        (77, 2, 2, False),
        (78, 2, 3, True),
        (184, 2, 6, True),
        (10, 4, 1, False),
        (None, 2, None, False),
        (90, 0, None, False),
    ],
)
def test_what_a_reading_asks_for(percent: int | None, ready: int, wanted: int | None, more: bool) -> None:
    point = ReplicaPoint(0.0, ready, 2, percent, 70, 2, 5)
    assert (point.wanted, point.calls_for_more) == (wanted, more)


def test_a_metric_that_is_lost_is_no_reading_of_zero() -> None:
    seen = Observer()
    seen.pods(BEGAN - 1, [pod("app-1"), pod("app-2")])
    seen.autoscaler(BEGAN - 1, autoscaler(2, 40))
    seen.autoscaler(BEGAN + 20, autoscaler(2, None))
    timeline = seen.timeline(BEGAN, BEGAN + 60, {})
    assert [point.cpu_percent for point in timeline.points] == [40, None]
    assert timeline.metric_problem == "FailedGetResourceMetric: no metrics returned from resource metrics API"


def test_an_autoscaler_that_is_deleted_meanwhile() -> None:
    seen = scaled_run()
    seen.autoscaler(BEGAN + 200, None)
    timeline = seen.timeline(BEGAN, BEGAN + 240, {})
    assert (timeline.autoscaled, timeline.points[-1].desired) == (False, None)


def test_pods_that_wait_are_named_with_the_clusters_reason() -> None:
    seen = Observer()
    message = "0/1 nodes are available: 1 Insufficient cpu."
    seen.pods(
        BEGAN, [pod("app-1"), pod("app-2", ready=False, scheduling_message=message), pod("app-3", ready=False, reason="ImagePullBackOff")]
    )
    timeline = seen.timeline(BEGAN, BEGAN + 60, {})
    assert timeline.waiting_pods == (f"app-2: {message}", "app-3: ImagePullBackOff")


def test_times_of_blindness_and_dropped_watches_are_kept() -> None:
    seen = Observer()
    seen.pods(BEGAN, [pod("app-1")])
    seen.blind(BEGAN - 5, BEGAN + 31, "connection refused")
    seen.blind(BEGAN + 50, None, "connection refused")
    seen.watch_dropped()
    timeline = seen.timeline(BEGAN, BEGAN + 60, {})
    assert timeline.blind == (Blindness(0.0, 31.0, "connection refused"), Blindness(50.0, None, "connection refused"))
    assert timeline.dropped_watches == 1


def test_a_pod_without_a_cpu_limit_has_no_share_of_it() -> None:
    seen = Observer()
    seen.pods(BEGAN, [pod("app-1")])
    seen.usage(BEGAN + 10, usage(9, 300, 999))
    assert [point.cpu_millicores for point in seen.timeline(BEGAN, BEGAN + 60, {}).usage] == [300]


def test_a_time_without_a_metric_is_told_where_there_had_been_one() -> None:
    seen = observed(cpu_percent=None)
    seen.autoscaler(BEGAN + 5, autoscaler(2, 40))
    seen.autoscaler(BEGAN + 60, autoscaler(2, None))
    seen.pods(BEGAN + 70, [TWO[0]])
    seen.autoscaler(BEGAN + 180, autoscaler(2, 50))
    seen.autoscaler(BEGAN + 230, autoscaler(2, None))
    timeline = end(seen)
    assert timeline.unread == ((60.0, 180.0), (230.0, 240.0))
    told = [note for note in notes_of(TRAFFIC, GENERATOR, timeline) if "no metric" in note]
    assert told == ["the autoscaler had no metric from 60 to 180 s: it decided nothing then, whatever the load was"]
