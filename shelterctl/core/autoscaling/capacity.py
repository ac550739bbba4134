"""What one pod carries, and within an objective: how much of the load it can be offered so that most of its windows meet it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from shelterctl.core.autoscaling.recording import Recording
from shelterctl.core.events import LoadTick
from shelterctl.core.load.thresholds import Threshold
from shelterctl.core.load.traffic import Traffic
from shelterctl.core.state import count_ready

SMOOTH_S = 5
#: Where more of the requests fail, what the pods used and how fast they answered is not what such requests take.
MOST_FAILED = 0.05
#: The percentiles that a run keeps of each second.
PERCENTILES = (50.0, 95.0, 99.0)
#: Of a pod's windows so many must meet the objective. A half would be met by luck every other time.
_MOST_MET = 0.75
#: Windows that begin in fewer seconds than this show a moment, and no rate that is carried.
_LEAST_WINDOWS = 10
#: Windows whose pods were offered so nearly the same (share of it) tell of one rate together.
_NEAR = 0.1
#: Where more of the windows miss the objective although its pods had no more than they carry, that is worth a word.
_WORTH_TELLING = 0.05


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a pod carries (requests/s), how that is known, and what qualifies it."""

    per_s: float
    source: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Window:
    """SMOOTH_S seconds of the load: what each ready pod was offered and answered well (requests/s), and whether the objective was met."""

    offered: float
    carried: float
    met: bool


def latency(item: LoadTick | Traffic, percent: float) -> float | None:
    """The percentile (ms) of a second, or of a whole load. Raises ValueError for one that is not recorded."""
    if percent not in PERCENTILES:
        raise ValueError(f"a run records p50, p95 and p99 of each second, and no p{percent:g}")
    return {50.0: item.p50_ms, 95.0: item.p95_ms, 99.0: item.p99_ms}[percent]


def second_of(tick: LoadTick, length: int) -> int:
    """Which of a load's seconds a tick tells of, from 0 on."""
    return min(max(round(tick.elapsed_s) - 1, 0), length - 1)


def capacity_of(
    recording: Recording,
    offered_per_s: Sequence[float],
    requests: Sequence[int],
    failures: Sequence[int],
    *,
    by_limit: float | None,
    slo: Threshold | None,
) -> Capacity:
    """What a pod carries; with `slo` within it. Every sequence has a value for each second of the load.

    `by_limit` is what its CPU limit allows (requests/s), None without one. Raises ValueError where the run does not show it.
    """
    times: list[float | None] = [None] * len(requests)
    if slo is not None:
        for tick in recording.ticks.values:
            times[second_of(tick, len(times))] = latency(tick, slo.percent)
    ready = [count_ready(recording.pods.at(recording.began_s + second) or ()) for second in range(len(requests))]
    windows = [
        _window(slice(second, second + SMOOTH_S), offered_per_s, requests, failures, ready, times, slo)
        for second in range(len(requests) - SMOOTH_S)
    ]
    if not windows:
        raise ValueError(f"it lasted no more than {SMOOTH_S} s: what a pod carries is not shown")
    most = max(item.carried for item in windows)
    if most <= 0:
        raise ValueError("not one of its requests was answered well: what a pod carries is not shown")
    if slo is not None:
        return _within(slo, windows, by_limit)
    if by_limit is not None:
        return Capacity(by_limit, "its CPU limit over a request's price")
    return Capacity(most, "the most that one carried in the run, and it may carry more")


def _window(
    span: slice,
    offered_per_s: Sequence[float],
    requests: Sequence[int],
    failures: Sequence[int],
    ready: Sequence[int],
    times: Sequence[float | None],
    slo: Threshold | None,
) -> _Window:
    pods, asked, failed = max(min(ready[span]), 1), sum(requests[span]), sum(failures[span])
    met = False
    if slo is not None:
        # What fails is answered fast as a rule, and what hangs has no time: neither is carried within the bound.
        middle = median(float("inf") if value is None else value for value in times[span])
        met = failed <= MOST_FAILED * asked and slo.holds(middle, middle) is True
    return _Window(max(offered_per_s[span]) / pods, (asked - failed) / SMOOTH_S / pods, met)


def _within(slo: Threshold, windows: Sequence[_Window], by_limit: float | None) -> Capacity:
    """The highest rate that a pod was offered at which most windows met the objective, and most of those with less to carry as well.

    By what was offered, and not by what was answered: a pod that is full answers less, and would look like one with little to do.
    """
    told = sorted((item for item in windows if item.offered > 0), key=lambda item: item.offered)
    rates = [item.offered for item in told]
    met = [0]
    for item in told:
        met.append(met[-1] + item.met)

    def most(begin: int, end: int) -> bool:
        return end - begin >= _LEAST_WINDOWS and met[end] - met[begin] >= _MOST_MET * (end - begin)

    missed = len(told) - met[-1]
    boundary, end = 0.0, 0
    for rate in sorted(set(rates), reverse=True):
        low, high = bisect_right(rates, rate * (1 - _NEAR)), bisect_right(rates, rate * (1 + _NEAR))
        end = bisect_right(rates, rate)
        if most(low, high) and most(0, end):
            boundary = rate
            break
    if not boundary:
        raise ValueError(
            f"“{slo.text}” was missed in {missed / max(len(told), 1):.0%} of its windows of {SMOOTH_S} s, and at no rate did "
            f"{_MOST_MET:.0%} of them meet it, with those of a lower rate: what a pod carries within it is not shown"
        )
    # Users who wait for slow answers send less than they would: no pod carries more than one did.
    near = [item.carried for item in told if boundary * (1 - _NEAR) < item.offered <= boundary * (1 + _NEAR)]
    carried = boundary if max(near) >= boundary * (1 - _NEAR) else max(near)
    below = (end - met[end]) / end
    notes: tuple[str, ...] = ()
    if below > _WORTH_TELLING:
        notes = (
            f"“{slo.text}” was missed in {below:.0%} of the windows whose pods had no more than that to carry: "
            "what was slow there another setting does not mend",
        )
    if by_limit is not None and carried > by_limit:
        return Capacity(by_limit, "its CPU limit over a request's price", notes)
    beyond = len(told) - end
    full = beyond and (met[-1] - met[end]) < _MOST_MET * beyond
    what = f"measured: beyond it “{slo.text}” was missed" if full else f"the most that one had to carry while “{slo.text}” was met"
    return Capacity(carried, what, notes)
