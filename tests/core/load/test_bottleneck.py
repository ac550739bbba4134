"""Who kept a load from more: each suspect by its own figures, and nobody without them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shelterctl.core.load.bottleneck import Limit, bottleneck, held_back
from shelterctl.core.load.busy import MachineLoad, machine_load
from shelterctl.core.load.course.database import DatabaseLoad, DatabaseUse
from shelterctl.core.load.timeline import AtMaximum, NewPod, ReplicaPoint, Timeline, UsagePoint
from shelterctl.core.load.traffic import PodTraffic, Traffic
from shelterctl.core.state import PodName, Role, Usage
from tests.core.load.examples import GENERATOR, PLAN, TRAFFIC, pod

pytestmark = pytest.mark.unit

QUICK = replace(TRAFFIC, p50_ms=40.0, p95_ms=60.0)
#: Half of the answers as before, and the slowest ones five times as long.
SLOW = replace(TRAFFIC, p50_ms=40.0, p95_ms=210.0)
AT_ITS_LIMIT = DatabaseLoad(98.0, 490.0)
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
    assert bottleneck(PLAN, SLOW, GENERATOR, timeline).limit is limit


@pytest.mark.parametrize(
    ("timeline", "database", "reached"),
    [
        (replace(WATCHED, usage=(usage(97.0),)), None, [Limit.CPU]),
        (replace(WATCHED, at_maximum=AtMaximum(90.0, 5, 9), usage=(usage(60.0),)), None, [Limit.MAXIMUM]),
        (replace(WATCHED, at_maximum=AtMaximum(90.0, 5, 9), usage=(usage(97.0),)), None, [Limit.MAXIMUM, Limit.CPU]),
        (replace(WATCHED, unplaced="1 pod found no node: 2000m of 2000m are requested", usage=(usage(60.0),)), None, [Limit.NODE]),
        (replace(WATCHED, metric_problem="FailedGetResourceMetric: no metrics", usage=(usage(60.0),)), None, [Limit.METRIC]),
        (replace(WATCHED, usage=(usage(30.0),)), AT_ITS_LIMIT, [Limit.DATABASE]),
    ],
)
def test_what_was_reached_while_the_load_was_served_kept_it_from_nothing(
    timeline: Timeline, database: DatabaseLoad | None, reached: list[Limit]
) -> None:
    found = bottleneck(PLAN, QUICK, GENERATOR, timeline, database=database)
    assert (found.limit, found.suspects, [item.limit for item in found.reached]) == (Limit.NONE, (), reached)
    slow = bottleneck(PLAN, SLOW, GENERATOR, timeline, database=database)
    assert (slow.limit, slow.reached) == (reached[0], ())


@pytest.mark.parametrize(
    "traffic",
    [
        replace(QUICK, failures=100),
        # Users who pause for a second and wait for 130 ms send an eighth less.
        replace(QUICK, p50_ms=130.0, p95_ms=140.0),
        # Slow from the first second on is not seen; slower than the fastest second is.
        replace(QUICK, p50_ms=60.0, p95_ms=170.0, fastest_ms=20.0),
        replace(QUICK, p50_ms=None, p95_ms=None),
    ],
)
def test_a_closed_load_is_held_back_by_its_answers(traffic: Traffic) -> None:
    full = replace(WATCHED, usage=(usage(97.0),))
    assert held_back(PLAN, traffic)
    assert bottleneck(PLAN, traffic, GENERATOR, full).limit is Limit.CPU


def test_fast_answers_that_vary_are_not_slow_ones() -> None:
    # A p95 of 40 ms is at once, whatever the fastest second took; and a few failures among ten thousand are no limit.
    assert held_back(PLAN, replace(QUICK, p50_ms=6.0, p95_ms=40.0, fastest_ms=4.0, failures=5)) == ""
    at_a_rate = replace(PLAN, think_s=0.0, rate_per_s=50.0)
    assert held_back(at_a_rate, QUICK) == ""
    assert held_back(at_a_rate, replace(QUICK, late=4000)) == "requests began late"
    # Who does not pause asks as soon as he is answered: the answers are what the load is made of.
    assert held_back(replace(PLAN, think_s=0.0), QUICK)


def test_a_generator_at_its_limit_does_not_show_that_the_load_was_served() -> None:
    busy = replace(GENERATOR, busy_ratio=0.5)
    found = bottleneck(PLAN, QUICK, busy, replace(WATCHED, at_maximum=AtMaximum(90.0, 5, 9)))
    assert ([suspect.limit for suspect in found.suspects], found.reached) == ([Limit.GENERATOR, Limit.MAXIMUM], ())


def test_a_generator_at_its_limit_comes_before_all_others() -> None:
    busy = replace(GENERATOR, busy_ratio=0.5)
    found = bottleneck(PLAN, QUICK, busy, replace(WATCHED, usage=(usage(99.0),)))
    assert found.limit is Limit.GENERATOR
    assert [suspect.limit for suspect in found.suspects] == [Limit.GENERATOR, Limit.CPU]


def test_a_busy_database_is_the_limit_only_where_the_application_is_not() -> None:
    waits = replace(WATCHED, usage=(usage(30.0),))
    assert bottleneck(PLAN, SLOW, GENERATOR, waits, database=AT_ITS_LIMIT).limit is Limit.DATABASE
    both = bottleneck(PLAN, SLOW, GENERATOR, replace(WATCHED, usage=(usage(97.0),)), database=AT_ITS_LIMIT)
    assert [(suspect.limit, suspect.proved) for suspect in both.suspects] == [(Limit.CPU, True), (Limit.DATABASE, False)]
    # Where the application was not measured, a busy database is a suspect and no more.
    assert bottleneck(PLAN, SLOW, GENERATOR, WATCHED, database=AT_ITS_LIMIT).limit is Limit.UNKNOWN


@pytest.mark.parametrize(("used", "limit"), [(1452.0, Limit.DATABASE), (990.0, Limit.MACHINE)])
def test_a_machine_is_crowded_by_the_database_that_takes_most_of_it(used: float, limit: Limit) -> None:
    """Users read a whole collection: the pods waited at a fifth of their limit while mongod had one and a half of two cores."""
    waits = replace(WATCHED, usage=(usage(22.0),))
    found = bottleneck(PLAN, SLOW, GENERATOR, waits, database=DatabaseLoad(None, used), machine=MachineLoad(2, 95.0, 0.85))
    assert found.limit is limit
    if limit is Limit.DATABASE:
        assert found.suspects[0].evidence == "it used 1,452 of this machine's 2,000 millicores, and has no CPU limit"
        assert [suspect.limit for suspect in found.suspects] == [Limit.DATABASE, Limit.MACHINE]
    # Where nothing was crowded, nobody was kept waiting by what the database took.
    idle = bottleneck(PLAN, SLOW, GENERATOR, waits, database=DatabaseLoad(None, used), machine=MachineLoad(2, 60.0, 0.0))
    assert idle.limit is Limit.NONE


def test_what_the_database_used_is_taken_once_for_each_measurement() -> None:
    use = DatabaseUse()
    assert use.load is None
    use.pods([replace(pod("mongodb-0", role=Role.DATABASE), cpu_limits_millicores=(500,)), pod("app-1")])
    for at_s, millicores in ((10.0, 100), (25.0, 450), (25.0, 450), (40.0, 400)):
        use.usage([Usage(PodName("mongodb-0"), millicores, 0, at_s, 15.0), Usage(PodName("app-1"), 200, 0, at_s, 15.0)])
    assert use.load == DatabaseLoad(90.0, 400.0)


def test_new_pods_that_get_nothing_while_connections_are_kept() -> None:
    new = NewPod(PodName("app-3"), 100.0, 4.0, None)
    points = (ReplicaPoint(0.0, 2, 2, 90, 70), ReplicaPoint(100.0, 3, 3, 90, 70))
    pods = tuple(PodTraffic(PodName(f"app-{number}"), 5000, 0.5, 0.5, 0.1) for number in (1, 2))
    starved = bottleneck(PLAN, replace(SLOW, by_pod=pods), GENERATOR, replace(WATCHED, points=points, new_pods=(new,)))
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
    found = bottleneck(PLAN, SLOW, GENERATOR, replace(WATCHED, usage=(usage(limit_percent),)), machine=machine)
    assert found.limit is limit
    quick = bottleneck(PLAN, QUICK, GENERATOR, replace(WATCHED, usage=(usage(limit_percent),)), machine=machine)
    assert quick.limit is Limit.NONE
    told = [suspect.evidence for suspect in found.suspects if suspect.limit is Limit.MACHINE]
    assert [text.startswith("its 2 cores were busy to 95% and more for ") for text in told] == [True] * (busy_ratio >= 0.1)


def test_a_machines_load_is_of_its_seconds() -> None:
    assert machine_load(2, []) is None
    assert machine_load(2, [100.0, 95.0, 50.0, 15.0]) == MachineLoad(2, 65.0, 0.5)


def test_a_generator_that_was_starved_by_its_machine_is_not_what_kept_the_load_from_more() -> None:
    full = MachineLoad(2, 100.0, 1.0)
    late = replace(GENERATOR, lag_p99_ms=107.0)
    found = bottleneck(PLAN, SLOW, late, WATCHED, machine=full)
    assert [suspect.limit for suspect in found.suspects] == [Limit.MACHINE, Limit.GENERATOR]
    # One that took a core for itself is late by its own doing.
    assert bottleneck(PLAN, SLOW, replace(late, busy_ratio=0.5), WATCHED, machine=full).limit is Limit.GENERATOR
    assert bottleneck(PLAN, SLOW, replace(late, cut_off_s=3.0), WATCHED, machine=full).limit is Limit.GENERATOR
    assert bottleneck(PLAN, SLOW, late, WATCHED, machine=MachineLoad(2, 50.0, 0.2)).limit is Limit.GENERATOR
