"""Holds the conditions of a load (`thresholds.py`) to what was measured."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from shelterctl.core.duration import format_duration
from shelterctl.core.load.histogram import RELATIVE_ERROR
from shelterctl.core.load.plan import LoadPlan
from shelterctl.core.load.scaling import ScalingCheck, ScalingState
from shelterctl.core.load.tally import LoadTally
from shelterctl.core.load.thresholds import Metric, Threshold
from shelterctl.core.load.timeline import Timeline
from shelterctl.core.load.traffic import NameTraffic
from shelterctl.core.words import listed, percent

#: A share of fewer requests jumps with each of them.
FEWEST = 20
#: A condition that ends a run must not do so by its first second.
FEWEST_UNDER_WAY = 100
SETTLED_AFTER_S = 10.0


@dataclass(frozen=True, slots=True)
class Held:
    """A condition, and whether it holds: None where the measurement does not decide it, and `why` says why.

    `seen` is what was measured, in words.
    """

    condition: str
    holds: bool | None
    seen: str
    why: str = ""


def hold(
    condition: Threshold,
    tally: LoadTally,
    timeline: Timeline | None,
    scaling: ScalingCheck | None,
    *,
    lag_ms: float,
) -> Held:
    """A condition at the end of a run. `lag_ms` is how late the generator was itself."""
    if condition.metric is Metric.REPLICAS:
        return _replicas(condition, timeline)
    if condition.metric is Metric.SCALE_UP:
        return _scale_up(condition, timeline, scaling)
    found = tally.of(condition.name)
    if condition.name and not found.requests:
        known = listed(list(tally.names), 5) or "none"
        return Held(condition.text, None, "no request of that name", f"the requests are {known}")
    if condition.name and tally.names_are_partial:
        why = "there are more names than a generator process counts apart, and each of several has others"
        return Held(condition.text, None, f"{found.requests:,} requests of that name, and perhaps more", why)
    if condition.metric in (Metric.REQUESTS, Metric.RATE):
        seconds = tally.traffic().duration_s
        rate = found.requests / seconds if seconds else 0.0
        of_rate = condition.metric is Metric.RATE
        count, seen = (rate, f"{rate:.1f} requests/s") if of_rate else (found.requests, f"{found.requests:,} requests")
        # What a generator process sent that died is not counted, nor what a missing one would have sent.
        holds = condition.holds(count, float("inf") if tally.told else count)
        return Held(condition.text, holds, seen, "" if holds is not None else "a generator process was missing or died")
    fewest = fewest_for(condition.percent) if condition.metric is Metric.PERCENTILE else FEWEST
    if found.requests < fewest:
        what = "of a percentile so far out" if fewest > FEWEST else "of a percentile" if condition.metric is Metric.PERCENTILE else "of it"
        return Held(condition.text, None, f"{found.requests:,} requests", f"fewer than {fewest:,} say nothing {what}")
    if condition.metric is not Metric.ERRORS and found.latency.count < found.requests:
        # Users of somebody's own may tell of requests without a time: what the others took says nothing of those.
        untold = found.requests - found.latency.count
        return Held(condition.text, None, f"{untold:,} of {found.requests:,} requests without a response time", "its users did not tell it")
    if condition.metric is Metric.ERRORS:
        own = tally.traffic().own_failures if not condition.name else 0
        asked = max(found.requests - own, 1)
        share = max(found.failures - own, 0) / asked
        return Held(condition.text, condition.holds(share, share), f"{percent(share)} of {asked:,} requests")
    return _latency(condition, found, lag_ms)


def fewest_for(percent: float) -> int:
    """How many requests a percentile takes: with fewer it rests on less than one value, the largest (or the smallest) alone."""
    beyond = min(percent, 100 - percent) / 100
    return max(FEWEST, math.ceil(round(1 / beyond, 6)))


def _latency(condition: Threshold, found: NameTraffic, lag_ms: float) -> Held:
    value = found.latency.max_ms if condition.metric is Metric.MAX and not condition.name else found.latency.percentile(_percent(condition))
    if value is None:
        return Held(condition.text, None, "no answer", "nothing was answered")
    exact = condition.metric is Metric.MAX and not condition.name
    low = value if exact else value / (1 + RELATIVE_ERROR)
    high = value if exact else value / (1 - RELATIVE_ERROR)
    holds = condition.holds(max(0.0, low - lag_ms), high)
    seen = f"{value:.4g} ms"
    why = f"too near to tell: it is measured to 1%, and the generator's own lag p99 was {lag_ms:.0f} ms" if holds is None else ""
    return Held(condition.text, holds, seen, why)


def _percent(condition: Threshold) -> float:
    return 100.0 if condition.metric is Metric.MAX else condition.percent


def _replicas(condition: Threshold, timeline: Timeline | None) -> Held:
    if timeline is None:
        return Held(condition.text, None, "not watched", "with --host no cluster is watched")
    most = timeline.peak_ready
    blind = bool(timeline.blind)
    holds = condition.holds(most, float("inf") if blind else most)
    why = "the cluster did not answer for a time: there may have been more" if holds is None else ""
    return Held(condition.text, holds, f"{most} ready at most", why)


def _scale_up(condition: Threshold, timeline: Timeline | None, scaling: ScalingCheck | None) -> Held:
    """A pod that became ready proves one only where its decision was this load's: it may have been on its way, or be a restarted one."""
    if timeline is None or scaling is None:
        return Held(condition.text, None, "not watched", "with --host no cluster is watched")
    took_s = scaling.ready_at_s
    if took_s is not None:
        return Held(condition.text, condition.holds(took_s, took_s), f"{format_duration(took_s)} from the load to a new pod ready")
    if scaling.state is ScalingState.NOT_CALLED_FOR:
        return Held(condition.text, None, "no scale-up", "the load called for no more pods")
    if scaling.state is ScalingState.AT_MAXIMUM:
        return Held(condition.text, None, "no scale-up", "the autoscaler was at its maximum already")
    if scaling.state not in (ScalingState.FAILED, ScalingState.TOO_SHORT):
        return Held(condition.text, None, "no scale-up that is this load's", next((r.text for r in scaling.judgement.reasons), ""))
    # One that was called for and has not come by now takes longer than that.
    holds = condition.holds(timeline.observed_s, float("inf")) if timeline.calls() else None
    why = "" if holds is not None else "no scale-up was seen, and whether one was called for is not known"
    return Held(condition.text, holds, f"none within {format_duration(timeline.observed_s)}", why)


def broken(conditions: Iterable[Threshold], plan: LoadPlan, tally: LoadTally, ready: int | None, lag_ms: float) -> str:
    """The first condition that holds already while the load runs, with what was measured; empty where none does."""
    seen = (under_way(condition, plan, tally, ready, lag_ms) for condition in conditions)
    return next((f"{found.condition}: {found.seen}" for found in seen if found is not None and found.holds), "")


def under_way(condition: Threshold, plan: LoadPlan, tally: LoadTally, ready: int | None, lag_ms: float) -> Held | None:
    """A condition while the load runs; None where nothing is told of it yet.

    A shortage (of replicas, of requests, of a rate) is told by the end alone, but for a rate once all users are there.
    """
    shortage = condition.operator in ("<", "<=")
    if condition.metric is Metric.REPLICAS:
        if ready is None or shortage:
            return None
        return Held(condition.text, condition.holds(ready, ready), f"{ready} replicas ready")
    if condition.metric is Metric.SCALE_UP or (shortage and condition.metric is not Metric.RATE):
        return None
    if condition.metric is not Metric.REQUESTS:
        full = tally.elapsed_s >= (plan.ramp_s if shortage else 0.0) + SETTLED_AFTER_S
        if not full or (not shortage and tally.of(condition.name).requests < FEWEST_UNDER_WAY):
            return None
    return hold(condition, tally, None, None, lag_ms=lag_ms)
