"""What broke during a load, told apart from what the autoscaler and a rollout do; and what failed near it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shelterctl.core.load.bottleneck import Limit, bottleneck
from shelterctl.core.load.course.faults import Incident, Incidents, felt_share
from shelterctl.core.load.result import milestones_of
from shelterctl.core.load.tally import LoadTally
from shelterctl.core.load.timeline import ReplicaPoint, Timeline, UsagePoint
from shelterctl.core.load.traffic import Trouble
from shelterctl.core.serial import from_json, to_json
from shelterctl.core.state import Pod, Role
from tests.core.load.examples import BEGAN, GENERATOR, PLAN, TRAFFIC, TWO, autoscaler, end, observed, pod, sample

pytestmark = pytest.mark.unit

DB = pod("mongodb-0", role=Role.DATABASE)


def container(of: Pod, **changes: object) -> Pod:
    """The pod with its container as it is now."""
    ready = bool(changes.get("ready", of.ready))
    return replace(of, ready=ready, containers=(replace(of.containers[0], **changes),))  # type: ignore[arg-type]


def told(*story: tuple[float, list[Pod], int | None]) -> list[tuple[float, str, float | None]]:
    seen = Incidents()
    for at_s, pods, desired in story:
        seen.pods(BEGAN + at_s, pods, desired)
    seen.settle(BEGAN + 300, story[-1][2])
    found = seen.found(BEGAN, BEGAN + 240)
    # Each is an event once, at its time.
    assert [(event.at_s - BEGAN, event.part) for event in seen.take()] == [(item.at_s, item.part) for item in found]
    assert seen.take() == ()
    return [(item.at_s, item.text, item.until_s) for item in found]


def test_a_database_that_was_killed_and_came_back() -> None:
    dead = container(DB, ready=False, state="terminated", last_exit_code=137, last_reason="OOMKilled")
    again = container(DB, ready=False, restarts=1, last_exit_code=137, last_reason="OOMKilled")
    back = container(DB, restarts=1, last_exit_code=137, last_reason="OOMKilled")
    text = "database: container db of pod mongodb-0 ended (OOMKilled, exit code 137)"
    story = [(0.0, [*TWO, DB], 2), (63.0, [*TWO, dead], 2), (64.0, [*TWO, again], 2), (71.0, [*TWO, back], 2)]
    assert told(*story) == [(63.0, text, 71.0)]
    # Where nobody saw it lie there, its restart tells the same.
    assert told(story[0], *story[2:]) == [(64.0, text, 71.0)]
    # A second time is another one.
    twice = container(DB, ready=False, restarts=2, last_exit_code=1, last_reason="Error")
    assert told(*story, (90.0, [*TWO, twice], 2))[1:] == [
        (90.0, "database: container db of pod mongodb-0 ended (Error, exit code 1)", None)
    ]


def test_a_database_pod_that_was_deleted_is_back_as_another() -> None:
    new = replace(DB, uid="uid-new")
    story = [
        (0.0, [*TWO, DB], 2),
        (50.0, [*TWO, replace(DB, deleting=True)], 2),
        (51.0, [*TWO], 2),
        (52.0, [*TWO, replace(new, ready=False)], 2),
        (60.0, [*TWO, new], 2),
    ]
    assert told(*story) == [(50.0, "database: pod mongodb-0 was deleted", 60.0)]
    # Forced: it is gone at once.
    assert told(story[0], *story[2:]) == [(51.0, "database: pod mongodb-0 was deleted", 60.0)]


THREE = [*TWO, pod("app-3")]
ROLLED = replace(pod("new-1"), revision="b")


@pytest.mark.parametrize(
    ("story", "count"),
    [
        # The autoscaler's status comes after what its decision did.
        ([(0.0, THREE, 3), (50.0, TWO, 3), (55.0, TWO, 2)], 0),
        # Somebody deleted one, and another comes for it.
        ([(0.0, THREE, 3), (50.0, TWO, 3), (55.0, [*TWO, pod("app-4")], 3)], 1),
        ([(0.0, THREE, None), (50.0, TWO, None), (55.0, TWO, None)], 1),
        # A rollout takes the old ones away.
        (
            [
                (0.0, TWO, 2),
                (49.0, [*TWO, ROLLED], 2),
                (50.0, [TWO[0], ROLLED], 2),
            ],
            0,
        ),
        # What was there before is no news.
        ([(0.0, TWO, 2), (50.0, TWO, 2)], 0),
    ],
)
def test_a_pod_of_the_application_that_went(story: list[tuple[float, list[Pod], int | None]], count: int) -> None:
    found = told(*story)
    assert [text.split(" was ")[0] for _, text, _ in found] == ["application: pod app-3"] * count


def test_the_containers_of_a_pod_that_goes_do_not_end_by_themselves() -> None:
    going = replace(container(DB, ready=False, state="terminated", last_exit_code=0), deleting=True)
    assert [text for _, text, _ in told((0.0, [DB], 2), (50.0, [replace(DB, deleting=True)], 2), (51.0, [going], 2))] == [
        "database: pod mongodb-0 was deleted"
    ]


def test_incidents_are_in_the_timeline_among_the_moments_and_can_be_absent_from_a_record() -> None:
    seen = observed()
    seen.pods(BEGAN + 1, [*TWO, DB])
    seen.pods(BEGAN + 63, [*TWO, container(DB, ready=False, restarts=1, last_exit_code=137, last_reason="Error")])
    seen.autoscaler(BEGAN + 64, autoscaler(2, 3))
    seen.incidents.other(BEGAN + 60, "shelterctl chaos kill-db (process 1)")
    seen.incidents.others_ended(BEGAN + 90)
    timeline = end(seen)
    moments = [(item.at_s, item.detail) for item in milestones_of(timeline) if item.name == "incident"]
    assert moments == [
        (60.0, "shelterctl chaos kill-db (process 1) worked on the stack, over at 90.0 s"),
        (63.0, "database: container db of pod mongodb-0 ended (Error, exit code 137)"),
    ]
    kept = to_json(timeline)
    assert isinstance(kept, dict)
    del kept["incidents"]
    assert from_json(Timeline, kept).incidents == ()


def test_how_much_of_a_time_lies_near() -> None:
    one, other = Incident(100.0, "database", "", 110.0), Incident(115.0, "database", "", 120.0)
    # Felt from 98 to 125 and from 113 to 135 s: no second counts twice.
    assert felt_share((other, one), 98.0, 135.0) == 1.0
    assert felt_share((one, other), 35.0, 235.0) == pytest.approx(37 / 200)
    assert felt_share((one,), 200.0, 210.0) == felt_share((), 0.0, 10.0) == 0.0
    # A command whose end was not seen works on; a part that was not seen to come back is felt for a minute.
    assert felt_share((Incident(100.0, "", ""),), 500.0, 600.0) == 1.0
    assert felt_share((Incident(100.0, "database", ""),), 500.0, 600.0) == 0.0


OOM = Incident(63.0, "database", "database: container db of pod mongodb-0 ended (OOMKilled, exit code 137)", 71.0)
FULL = Timeline(
    240.0, True, (ReplicaPoint(0.0, 2, 2, 40, 70),), usage=(UsagePoint(60.0, 50.0, 15.0, 600, 2, 97.0, 35.0),), incidents=(OOM,)
)


def test_what_failed_near_a_fault_is_not_explained_by_a_busy_cpu() -> None:
    failed = replace(TRAFFIC, p95_ms=60.0, failures=400, troubled=(Trouble(63.0, 72.0, 400),))
    found = bottleneck(PLAN, failed, GENERATOR, FULL)
    assert [(suspect.limit, suspect.proved) for suspect in found.suspects] == [(Limit.FAULT, True), (Limit.CPU, False)]
    assert found.suspects[0].evidence == f"{OOM.text} at 63 s: 100% of what failed lies near it"
    # The rest of the load was slow, too: the CPU explains that by itself.
    slow = bottleneck(PLAN, replace(failed, p50_ms=600.0, p95_ms=900.0), GENERATOR, FULL)
    assert [(suspect.limit, suspect.proved) for suspect in slow.suspects] == [(Limit.FAULT, True), (Limit.CPU, True)]


def test_slow_seconds_near_a_fault_and_trouble_all_over_the_load() -> None:
    slow = replace(TRAFFIC, troubled=(Trouble(62.0, 80.0, 0), Trouble(200.0, 203.0, 0)))
    found = bottleneck(PLAN, slow, GENERATOR, FULL)
    assert found.limit is Limit.FAULT
    assert found.suspects[0].evidence.endswith("86% of the slow seconds lies near it")
    # One long time of trouble that a fault lies in is not the fault's.
    everywhere = replace(TRAFFIC, failures=4000, troubled=(Trouble(5.0, 240.0, 4000),))
    assert bottleneck(PLAN, everywhere, GENERATOR, FULL).limit is Limit.CPU
    # A fault that nobody noticed kept the load from nothing.
    assert bottleneck(PLAN, replace(TRAFFIC, p95_ms=60.0), GENERATOR, FULL).limit is Limit.NONE


def test_the_times_of_trouble_are_counted_second_by_second() -> None:
    tally = LoadTally(PLAN)
    for second in range(1, 101):
        failed = 4 if second in (40, 41, 60) else 0
        tally.add(sample(float(second), failures=failed))
    traffic = tally.traffic()
    assert traffic.troubled == (Trouble(39.0, 41.0, 8), Trouble(59.0, 60.0, 4))
    assert traffic.fastest_ms == pytest.approx(20, rel=0.01)
