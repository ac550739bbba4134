"""`hpa simulate` and `hpa recommend`: other settings over the demand of a recorded run. Touches nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shelterctl.core.autoscaling.capacity import PERCENTILES
from shelterctl.core.autoscaling.course import ready_steps
from shelterctl.core.autoscaling.demand import Demand, demand_of
from shelterctl.core.autoscaling.recommend import Recommended, grid, recommend
from shelterctl.core.autoscaling.recording import Recording
from shelterctl.core.autoscaling.replay import pass_times
from shelterctl.core.autoscaling.simulate import Setting, Simulated, dominated, simulate
from shelterctl.core.controller import SYNC_S, effective_behavior, tolerances
from shelterctl.core.load.elasticity import Step
from shelterctl.core.load.thresholds import Metric, Threshold, parse_threshold
from shelterctl.core.state import Autoscaler
from shelterctl.errors import UsageError

#: A table of more is not read.
MOST_SETTINGS = 400


@dataclass(frozen=True, slots=True)
class Simulation:
    """What came of each setting. The first is the run's own, to be held against what it did: `recorded` are its ready replicas.

    `beaten` says of each whether another one was better in pod-minutes or in late requests and worse in neither.
    """

    run: str
    objective: str
    demand: Demand
    recorded: tuple[Step, ...]
    results: tuple[Simulated, ...]
    beaten: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A recommendation, and the run that it rests on."""

    run: str
    demand: Demand
    recorded: tuple[Step, ...]
    found: Recommended


def simulation(
    recording: Recording,
    *,
    targets: Sequence[int] = (),
    minimums: Sequence[int] = (),
    maximums: Sequence[int] = (),
    down_windows_s: Sequence[int] = (),
    slo: str | None = None,
) -> Simulation:
    """Raises UsageError for a run that cannot be simulated, or settings that cannot be."""
    bound = None if slo is None else objective_of(slo)
    setting, demand = _setting(recording), _demand(recording, bound)
    asked = [*grid(setting, targets=targets, minimums=minimums, maximums=maximums, down_windows_s=down_windows_s)]
    if not asked:
        raise UsageError("every minimum asked for is above the maximum", next_command="shelterctl hpa simulate --help")
    if len(asked) > MOST_SETTINGS:
        raise UsageError(f"{len(asked):,} settings: at most {MOST_SETTINGS}", next_command="fewer values to --target, --min or --max")
    settings = [setting, *(item for item in asked if item != setting)]
    results = tuple(simulate(demand, item) for item in settings)
    return Simulation(recording.run, slo or "", demand, ready_steps(recording), results, dominated(results))


def recommendation(recording: Recording, slo: str) -> Recommendation:
    """Raises UsageError for a run that cannot be simulated, or an objective that is none."""
    bound = objective_of(slo)
    setting, demand = _setting(recording), _demand(recording, bound)
    late_share = 1 - bound.percent / 100
    found = recommend(demand, setting, objective=bound.text, late_share=late_share)
    return Recommendation(recording.run, demand, ready_steps(recording), found)


def objective_of(text: str) -> Threshold:
    """A percentile below a time, of those that a run keeps of each second. Raises UsageError."""
    try:
        found = parse_threshold(text)
    except ValueError as error:
        raise UsageError(f"--slo: {error}", next_command="--slo 'p95 < 300ms'") from error
    if found.metric is not Metric.PERCENTILE or found.operator not in ("<", "<=") or found.name:
        raise UsageError(f"--slo {text}: a percentile of all requests below a time", next_command="--slo 'p95 < 300ms'")
    if found.percent not in PERCENTILES:
        what = f"--slo {text}: a run records p50, p95 and p99 of each second, and no p{found.percent:g}"
        raise UsageError(what, next_command=f"--slo 'p99 {found.operator} {found.value:g}ms'")
    return found


def _setting(recording: Recording) -> Setting:
    scaler = recording.scalers.at(recording.began_s + 1) or next((item for item in recording.scalers.values if item is not None), None)
    found = setting_of(scaler)
    if found is None:
        what = "it recorded no autoscaler" if scaler is None else "its autoscaler has no CPU utilization target"
        raise UsageError(f"{recording.run} cannot be simulated: {what}", next_command="shelterctl loadtest --users 200")
    return found


def setting_of(scaler: Autoscaler | None) -> Setting | None:
    """An autoscaler's settings; None where there is none, or it has no CPU utilization target."""
    if scaler is None or not scaler.cpu_target_percent:
        return None
    return Setting(
        scaler.cpu_target_percent,
        min(scaler.minimum, scaler.maximum),
        scaler.maximum,
        effective_behavior(scaler),
        tolerances(scaler),
    )


def _demand(recording: Recording, bound: Threshold | None) -> Demand:
    phase_s = next(iter(pass_times(recording, SYNC_S)), recording.began_s) - recording.began_s
    try:
        return demand_of(recording, slo=bound, sync_phase_s=phase_s)
    except ValueError as error:
        raise UsageError(f"{recording.run} cannot be simulated: {error}", next_command="shelterctl loadtest --users 200") from error
