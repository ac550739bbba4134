"""Throttled periods of a load: the end less the begin, of what was there for both, and what they say of the pods' CPU limit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shelterctl.core.events import ContainerPeriods, PeriodsSeen
from shelterctl.core.load.bottleneck import Limit, bottleneck
from shelterctl.core.load.course.throttling import Throttled, Throttling, throttling
from shelterctl.core.load.timeline import ReplicaPoint, Timeline, UsagePoint
from shelterctl.core.state import PodName
from tests.core.load.examples import GENERATOR, PLAN, TRAFFIC

pytestmark = pytest.mark.unit
THERE = {PodName("app-1"), PodName("app-2")}


def counted(pod: str, periods: int, throttled: int, cgroup: str = "c1") -> ContainerPeriods:
    return ContainerPeriods(PodName(pod), "app", cgroup, periods, throttled)


BEGIN = PeriodsSeen((counted("app-1", 1000, 100), counted("app-2", 500, 0)))


def test_the_share_is_of_the_load_alone() -> None:
    end = PeriodsSeen((counted("app-1", 3000, 1100), counted("app-2", 2500, 720), counted("app-3", 600, 590)))
    found = throttling(BEGIN, end, THERE)
    assert found.containers[:2] == (
        Throttled(PodName("app-1"), "app", 2000, 1000),
        Throttled(PodName("app-2"), "app", 2000, 720),
    )
    # What a new pod was throttled by as it started is told, and is no part of the share.
    assert found.containers[2] == Throttled(PodName("app-3"), "app", 600, 590, new=True)
    assert found.share == pytest.approx(0.43)


def test_a_container_that_was_restarted_counts_from_its_start() -> None:
    found = throttling(BEGIN, PeriodsSeen((counted("app-1", 300, 30, "c2"),)), THERE)
    assert found.containers == (Throttled(PodName("app-1"), "app", 300, 30, new=True),)
    assert found.share is None


@pytest.mark.parametrize(
    ("begin", "end", "problem"),
    [
        (None, BEGIN, "throttled periods were not read in time at the load's begin"),
        (BEGIN, None, "throttled periods were not read in time at the load's end"),
        (PeriodsSeen((), "forbidden"), PeriodsSeen((counted("app-1", 3000, 2900),)), "forbidden"),
        # Fewer than ten seconds of periods, and counts that went backwards.
        (BEGIN, PeriodsSeen((counted("app-1", 1050, 140),)), ""),
        (BEGIN, PeriodsSeen((counted("app-1", 900, 90),)), ""),
    ],
)
def test_a_reading_that_cannot_be_had_says_nothing(begin: PeriodsSeen | None, end: PeriodsSeen | None, problem: str) -> None:
    found = throttling(begin, end, THERE)
    assert (found.share, found.problem) == (None, problem)


def slow(limit_percent: float, share: float | None) -> Timeline:
    own = () if share is None else (Throttled(PodName("app-1"), "app", 1000, int(1000 * share)),)
    usage = (UsagePoint(60.0, 50.0, 15.0, 600, 2, limit_percent, 35.0),)
    return Timeline(240.0, True, (ReplicaPoint(0.0, 2, 2, 40, 70),), usage=usage, throttling=Throttling(own))


@pytest.mark.parametrize(
    ("timeline", "limit", "evidence"),
    [
        (slow(97.0, 0.43), Limit.CPU, "the pods used 97% of their CPU limits, throttled in 43% of the periods"),
        (slow(97.0, None), Limit.CPU, "the pods used 97% of their CPU limits"),
        (slow(60.0, 0.7), Limit.CPU, "throttled in 70% of the periods, though they used no more than 60% of their limits in the mean"),
        (slow(60.0, 0.3), Limit.UNKNOWN, "throttled in 30% of the periods"),
        (slow(60.0, 0.1), Limit.NONE, ""),
        (slow(60.0, None), Limit.NONE, ""),
    ],
)
def test_throttled_periods_are_evidence_for_the_pods_limit(timeline: Timeline, limit: Limit, evidence: str) -> None:
    found = bottleneck(PLAN, TRAFFIC, GENERATOR, timeline)
    assert found.limit is limit
    assert [evidence in suspect.evidence for suspect in found.suspects] == [True] * bool(evidence)
    quick = bottleneck(PLAN, replace(TRAFFIC, p95_ms=60.0), GENERATOR, timeline)
    assert quick.limit is Limit.NONE
