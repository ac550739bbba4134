"""Who kept a load from more: each suspect by its own figures, and nobody without them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shelterctl.core.load.bottleneck import Limit, bottleneck
from shelterctl.core.load.busy import MachineLoad, machine_load
from shelterctl.core.load.timeline import AtMaximum, NewPod, ReplicaPoint, Timeline, UsagePoint
from shelterctl.core.load.traffic import PodTraffic
from shelterctl.core.state import PodName
from tests.core.load.examples import GENERATOR, PLAN, TRAFFIC

pytestmark = pytest.mark.unit

QUICK = replace(TRAFFIC, p50_ms=40.0, p95_ms=60.0)
WATCHED = Timeline(240.0, True, (ReplicaPoint(0.0, 2, 2, 40, 70),))


def usage(limit_percent: float) -> UsagePoint:
    return UsagePoint(60.0, 50.0, 15.0, 600, 2, limit_percent, 35.0)


@pytest.mark.parametrize(
    ("timeline", "limit"),
    [
        (WATCHED, Limit.UNKNOWN),
        (replace(WATCHED, usage=(replace(usage(0.0), limit_percent=None),)), Limit.UNKNOWN),
        (replace(WATCHED, usage=(usage(97.0),)), Limit.CPU),
        (replace(WATCHED, usage=(usage(84.0),)), Limit.NONE),
        (replace(WATCHED, at_maximum=AtMaximum(90.0, 5, 9), usage=(usage(97.0),)), Limit.MAXIMUM),
        (replace(WATCHED, unplaced="1 pod found no node: 2000m of 2000m are requested"), Limit.NODE),
        (replace(WATCHED, metric_problem="FailedGetResourceMetric: no metrics"), Limit.METRIC),
        (None, Limit.UNKNOWN),
    ],
)
def test_each_limit_by_its_own_figures(timeline: Timeline | None, limit: Limit) -> None:
    assert bottleneck(PLAN, QUICK, GENERATOR, timeline).limit is limit


def test_a_generator_at_its_limit_comes_before_all_others() -> None:
    busy = replace(GENERATOR, busy_ratio=0.5)
    found = bottleneck(PLAN, QUICK, busy, replace(WATCHED, usage=(usage(99.0),)))
    assert found.limit is Limit.GENERATOR
    assert [suspect.limit for suspect in found.suspects] == [Limit.GENERATOR, Limit.CPU]


def test_a_busy_database_is_the_limit_only_where_the_application_is_not() -> None:
    waits = replace(WATCHED, usage=(usage(30.0),))
    assert bottleneck(PLAN, QUICK, GENERATOR, waits, database_percent=98.0).limit is Limit.DATABASE
    both = bottleneck(PLAN, QUICK, GENERATOR, replace(WATCHED, usage=(usage(97.0),)), database_percent=98.0)
    assert [(suspect.limit, suspect.proved) for suspect in both.suspects] == [(Limit.CPU, True), (Limit.DATABASE, False)]
    # Where the application was not measured, a busy database is a suspect and no more.
    assert bottleneck(PLAN, QUICK, GENERATOR, WATCHED, database_percent=98.0).limit is Limit.UNKNOWN


def test_new_pods_that_get_nothing_while_connections_are_kept() -> None:
    new = NewPod(PodName("app-3"), 100.0, 4.0, None)
    points = (ReplicaPoint(0.0, 2, 2, 90, 70), ReplicaPoint(100.0, 3, 3, 90, 70))
    pods = tuple(PodTraffic(PodName(f"app-{number}"), 5000, 0.5, 0.5, 0.1) for number in (1, 2))
    starved = bottleneck(PLAN, replace(QUICK, by_pod=pods), GENERATOR, replace(WATCHED, points=points, new_pods=(new,)))
    assert starved.limit is Limit.CONNECTIONS
    shared = (*pods, PodTraffic(PodName("app-3"), 900, 0.1, 0.3, 101.0))
    measured = replace(WATCHED, points=points, new_pods=(new,), usage=(usage(12.0),))
    assert bottleneck(PLAN, replace(QUICK, by_pod=shared), GENERATOR, measured).limit is Limit.NONE
    # A pod that came five seconds before the end cannot have had its share of the last thirty.
    late = replace(measured, new_pods=(replace(new, ready_at_s=235.0),))
    assert bottleneck(PLAN, replace(QUICK, by_pod=pods), GENERATOR, late).limit is Limit.NONE


def test_slow_answers_and_failures_without_a_culprit_are_unknown() -> None:
    slow = replace(TRAFFIC, p50_ms=40.0, p95_ms=900.0, failures=50)
    assert bottleneck(PLAN, slow, GENERATOR, WATCHED).limit is Limit.UNKNOWN


def test_none_is_said_only_of_a_load_that_nothing_held_back_and_of_pods_that_were_measured() -> None:
    idle = replace(WATCHED, usage=(usage(12.0),))
    assert bottleneck(PLAN, QUICK, GENERATOR, idle).limit is Limit.NONE
    # Every answer takes five times the pause, and no figure shows why: something is the limit.
    waiting = bottleneck(PLAN, replace(QUICK, p50_ms=5000.0, p95_ms=6000.0), GENERATOR, idle)
    assert waiting.limit is Limit.UNKNOWN
    assert waiting.suspects[0].evidence == "users who pause for 1 s wait 5000 ms for half of the answers, and so ask less"
    at_once = replace(PLAN, think_s=0.0)
    assert bottleneck(at_once, QUICK, GENERATOR, idle).limit is Limit.UNKNOWN
    at_a_rate = replace(at_once, rate_per_s=50.0)
    assert bottleneck(at_a_rate, QUICK, GENERATOR, idle).limit is Limit.NONE
    assert bottleneck(at_a_rate, replace(QUICK, late=4000), GENERATOR, idle).limit is Limit.UNKNOWN
    unmeasured = bottleneck(PLAN, QUICK, GENERATOR, replace(WATCHED, usage_problem="metrics-server does not answer"))
    assert unmeasured.suspects[0].evidence == "metrics-server does not answer: whether it held them back is not known"


@pytest.mark.parametrize(
    ("busy_ratio", "limit_percent", "limit"),
    [
        (0.05, 12.0, Limit.NONE),
        (0.3, 12.0, Limit.UNKNOWN),
        (0.7, 12.0, Limit.MACHINE),
        # What is throttled by its own limit would be so on a larger machine, too.
        (0.7, 97.0, Limit.CPU),
    ],
)
def test_a_machine_whose_cores_were_all_busy(busy_ratio: float, limit_percent: float, limit: Limit) -> None:
    machine = MachineLoad(2, 90.0, busy_ratio)
    found = bottleneck(PLAN, QUICK, GENERATOR, replace(WATCHED, usage=(usage(limit_percent),)), machine=machine)
    assert found.limit is limit
    told = [suspect.evidence for suspect in found.suspects if suspect.limit is Limit.MACHINE]
    assert [text.startswith("its 2 cores were busy to 95% and more for ") for text in told] == [True] * (busy_ratio >= 0.1)


def test_a_machines_load_is_of_its_seconds() -> None:
    assert machine_load(2, []) is None
    assert machine_load(2, [100.0, 95.0, 50.0, 15.0]) == MachineLoad(2, 65.0, 0.5)
