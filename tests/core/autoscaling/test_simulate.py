"""The simulation against the run that it rests on, and against what settings must do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelterctl.adapters.runs.recording import read_recording
from shelterctl.core.autoscaling.demand import Demand, demand_of
from shelterctl.core.autoscaling.recommend import grid, recommend
from shelterctl.core.autoscaling.recording import Recording, series
from shelterctl.core.autoscaling.simulate import Setting, dominated, simulate, with_down_window
from shelterctl.errors import UsageError
from shelterctl.ops.hpa.simulate import objective_of, recommendation, simulation
from tests.core.autoscaling.examples import unpacked

pytestmark = pytest.mark.unit

#: A pod carries 100 requests/s at 5 millicores each; 200 for two minutes, then 20.
DEMAND = Demand(
    offered_per_s=(*[200.0] * 120, *[20.0] * 600),
    cost_millicore_s=5.0,
    idle_millicores=5.0,
    request_millicores=100,
    limit_millicores=500,
    capacity_per_s=99.0,
    capacity_from="an example",
    start_s=4.0,
    metric_period_s=15.0,
    metric_window_s=15.0,
    sync_phase_s=3.0,
    metric_phase_s=5.0,
    replicas=1,
)
SETTING = Setting(70, 1, 6)
GENEROUS = objective_of("p95 < 10s")


@pytest.fixture
def real(tmp_path: Path) -> Recording:
    return read_recording(unpacked(tmp_path))


def test_the_runs_own_settings_give_what_the_run_did(real: Recording) -> None:
    result = simulation(real)
    (own,) = result.results
    assert [step.replicas for step in own.ready] == [step.replicas for step in result.recorded] == [2, 3, 4]
    for simulated, recorded in zip(own.ready, result.recorded, strict=True):
        assert abs(simulated.at_s - recorded.at_s) < 5.0


def test_a_load_that_needs_three_and_then_one() -> None:
    found = simulate(DEMAND, SETTING)
    assert found.demanded[0].replicas == 3
    assert found.demanded[1].replicas == 1
    assert found.most == 6
    # Five minutes after the load fell they begin to go.
    fell = next(step for step in found.replicas if step.at_s > 120 and step.replicas < found.most)
    assert 400 <= fell.at_s <= 460
    quicker = simulate(DEMAND, with_down_window(SETTING, 60))
    fell = next(step for step in quicker.replicas if step.at_s > 120 and step.replicas < quicker.most)
    assert 170 <= fell.at_s <= 220
    assert quicker.pod_minutes < found.pod_minutes


def test_a_lower_target_leaves_fewer_requests_late() -> None:
    gentle, eager = simulate(DEMAND, replace(SETTING, target_percent=90)), simulate(DEMAND, replace(SETTING, target_percent=30))
    assert eager.late_share <= gentle.late_share


def test_the_demand_does_not_come_from_cpu_that_a_limit_capped(real: Recording) -> None:
    def capped(factor: float) -> Recording:
        items = [
            (at_s, tuple(replace(item, cpu_millicores=int(item.cpu_millicores * factor)) for item in usage))
            for at_s, usage in zip(real.usage.times_s, real.usage.values, strict=True)
        ]
        return replace(real, usage=series(items))

    with pytest.raises(ValueError, match="ran at their CPU limits whenever they were measured"):
        demand_of(capped(10.0))
    with pytest.raises(ValueError, match="has no load"):
        demand_of(replace(real, ticks=series([])))
    with pytest.raises(ValueError, match="no measurement"):
        demand_of(replace(real, usage=series([])))


def test_one_that_costs_more_and_serves_no_better_is_beaten() -> None:
    good, costly = simulate(DEMAND, SETTING), simulate(DEMAND, replace(SETTING, minimum=6))
    worse = replace(good, pod_minutes=good.pod_minutes + 1)
    assert dominated([good, worse]) == (False, True)
    assert dominated([good, good]) == (False, False)
    assert costly.late_share == 0
    assert dominated([good, costly])[1] is False


def test_a_grid_leaves_out_what_is_no_setting() -> None:
    found = [*grid(SETTING, targets=(30, 50), minimums=(1, 4), maximums=(3, 5))]
    assert len(found) == 6
    assert all(item.minimum <= item.maximum for item in found)


def test_what_is_recommended_meets_the_objective_with_the_fewest_pod_minutes() -> None:
    steady = replace(DEMAND, offered_per_s=(*[90.0] * 60, *[250.0] * 1200))
    found = recommend(steady, SETTING, objective="p95 < 300ms", late_share=0.05)
    assert found.best is not None
    assert found.best.late_share <= 0.05
    for other in grid(SETTING, targets=(30, 50, 70, 90), down_windows_s=(60, 120, 300)):
        tried = simulate(steady, other)
        assert tried.late_share > 0.05 or tried.pod_minutes >= found.best.pod_minutes - 0.001
    # A peak that is over before any measurement tells of it needs its pods from the start.
    sudden = replace(DEMAND, offered_per_s=(*[290.0] * 20, *[10.0] * 100), metric_period_s=60.0)
    found = recommend(sudden, SETTING, objective="p95 < 300ms", late_share=0.05)
    assert found.best is not None
    assert found.best.setting.minimum == 3


def test_what_cannot_be_simulated_is_said(real: Recording) -> None:
    with pytest.raises(UsageError, match="recorded no autoscaler"):
        simulation(replace(real, scalers=series([])))
    with pytest.raises(UsageError, match="every minimum asked for is above the maximum"):
        simulation(real, minimums=(9,), maximums=(3,))
    with pytest.raises(UsageError, match="at most 400"):
        simulation(real, targets=range(1, 100), maximums=range(3, 10))
    for text in ("rps > 3", "p95 > 300ms", "p95{GET /} < 300ms", "fast"):
        with pytest.raises(UsageError, match="--slo"):
            recommendation(real, text)
    assert recommendation(real, "p95 < 300ms").found.tried > 10


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 600), min_size=30, max_size=120),
    st.integers(20, 90),
    st.integers(1, 3),
    st.integers(3, 8),
)
def test_the_bounds_always_hold(rates: list[int], target: int, minimum: int, maximum: int) -> None:
    demand = replace(DEMAND, offered_per_s=tuple(float(rate) for rate in rates for _ in range(5)))
    found = simulate(demand, Setting(target, minimum, maximum))
    assert all(minimum <= step.replicas <= maximum for step in found.replicas)
    assert all(step.replicas <= maximum for step in found.ready)
    assert 0 <= found.late_share <= 1
    least, most = (count * demand.duration_s / 60 for count in (minimum, maximum))
    assert least <= found.pod_minutes <= most


def failing(real: Recording, share: float, *, from_s: float = 0.0, p95_ms: float | None = 2.0) -> Recording:
    """The same load, of which a share fails at once from a time on."""
    ticks = [
        (at_s, replace(tick, failures=int(share * tick.requests), p95_ms=p95_ms) if tick.elapsed_s >= from_s else tick)
        for at_s, tick in zip(real.ticks.times_s, real.ticks.values, strict=True)
    ]
    return replace(real, ticks=series(ticks))


def test_what_fails_at_once_is_not_carried(real: Recording) -> None:
    """A service that refuses is the fastest of all, and costs no CPU."""
    assert demand_of(real, slo=GENEROUS).capacity_per_s > 50
    # Half of the load fails, where the pods had less to carry than before: more of them are no help.
    with pytest.raises(ValueError, match="at no rate did 75% of them meet it"):
        demand_of(failing(real, 0.9, from_s=120.0), slo=GENEROUS)
    with pytest.raises(ValueError, match="requests failed whenever it was measured"):
        demand_of(failing(real, 0.9), slo=GENEROUS)


def test_seconds_without_an_answer_are_not_fast(real: Recording) -> None:
    hung = failing(real, 0.0, p95_ms=None)
    with pytest.raises(ValueError, match="what a pod carries within it is not shown"):
        demand_of(hung, slo=objective_of("p95 < 300ms"))


def test_a_load_of_a_few_seconds_shows_no_capacity(real: Recording) -> None:
    ticks = list(zip(real.ticks.times_s, real.ticks.values, strict=True))
    with pytest.raises(ValueError, match="cannot be told from it"):
        demand_of(replace(real, ticks=series(ticks[:3])))
