"""How much of a reading a load alone must have caused, at the borders."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shelterctl.core.load.attribution import most_replicas, own_percent
from shelterctl.core.load.timeline import UsagePoint
from tests.core.load.examples import autoscaler

pytestmark = pytest.mark.unit

#: 600m measured over 60 s that began 15 s before the load, by pods whose limits are 1200m together.
ROUND = UsagePoint(46.0, 45.0, 60.0, 600, 2, 50.0, measured_from_s=-15.0)


@pytest.mark.parametrize(
    ("changes", "own"),
    [
        # A quarter of the window can have held 1200m of the 600m: 300m are the load's.
        ({}, 90),
        ({"measured_from_s": 0.0}, 180),
        ({"measured_from_s": -60.0}, 0),
        ({"measured_from_s": -600.0}, 0),
        ({"measured_from_s": None}, None),
        # Without limits, or without any use, nothing can be told apart.
        ({"limit_percent": None}, 0),
        ({"cpu_millicores": 0, "limit_percent": 0.0}, 0),
        ({"window_s": 0.0}, 0),
    ],
)
def test_what_a_load_must_have_caused(changes: dict[str, float | None], own: int | None) -> None:
    assert own_percent(180, replace(ROUND, **changes)) == own  # type: ignore[arg-type]
    assert own_percent(None, replace(ROUND, **changes)) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("percent", "most"),
    [
        # 77 of 70 is the border of the tolerance, and a reading of 76 stands for all below that.
        (76, 2),
        (77, 3),
        (139, 4),
        (None, None),
    ],
)
def test_the_most_that_a_reading_calls_for(percent: int | None, most: int | None) -> None:
    scaler = replace(autoscaler(2, 3), cpu_target_percent=70)
    assert most_replicas(scaler, percent, replicas=2, ready=2, at_s=50.0) == most


@pytest.mark.parametrize(("taken_away", "most"), [(0, 4), (1, 5), (3, 7)])
def test_what_went_within_the_period_may_come_again_and_more(taken_away: int, most: int) -> None:
    policies = [{"type": "Pods", "value": 2, "periodSeconds": 60}]
    scaler = replace(autoscaler(2, 3, maximum=10), behavior={"scaleUp": {"policies": policies}})
    assert most_replicas(scaler, 400, replicas=2, ready=2, at_s=50.0, taken_away=taken_away) == most
