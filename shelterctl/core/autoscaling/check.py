"""A prediction beside what came: the same load again, under the settings that were recommended."""

from __future__ import annotations

from dataclasses import dataclass

from shelterctl.core.autoscaling.capacity import latency
from shelterctl.core.autoscaling.course import RunCourse
from shelterctl.core.autoscaling.simulate import Simulated
from shelterctl.core.load.elasticity import Step, replicas_at
from shelterctl.core.load.thresholds import Threshold
from shelterctl.core.load.traffic import Traffic

#: A load that is shorter than another by less ended as the other did.
SHORTER_S = 5.0
#: As much as two runs of the same load differ in a request's price where nothing is wrong.
PRICE_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Compared:
    """A figure as it was predicted and as it came."""

    name: str
    predicted: float
    came: float
    unit: str


@dataclass(frozen=True, slots=True)
class Checked:
    """`agree_share` is the share of the seconds in which as many pods were ready as predicted, `near_share` with one more or less.

    Both are compared over `compared_s` seconds from the load's begin, as long as there are both. `measured_ms` is the load's percentile of
    the `objective`, which is `percent`, and `p95_ms` its p95; `doubts` are why what came may not be the settings'.
    """

    run: str
    predicted: tuple[Step, ...]
    came: tuple[Step, ...]
    agree_share: float
    near_share: float
    figures: tuple[Compared, ...]
    objective: str
    p95_ms: float | None
    undo: str
    doubts: tuple[str, ...] = ()
    percent: float = 95.0
    measured_ms: float | None = None
    compared_s: int = 0


def compare(
    prediction: Simulated,
    course: RunCourse,
    *,
    predicted_s: int,
    slo: Threshold,
    traffic: Traffic,
    undo: str,
    doubts: tuple[str, ...] = (),
    cost_millicore_s: float | None = None,
) -> Checked:
    """`predicted_s` is how long the prediction is, `traffic` what the load measured over all requests, `undo` the command that sets the
    autoscaler back. `slo` is of one of the percentiles that a run keeps. `cost_millicore_s` is a request's price that the prediction rests
    on: where it was another this time, so were the readings, whatever the settings."""
    end_s = min(int(course.duration_s), predicted_s)
    begin_s = int(course.ready[0].at_s) if course.ready else end_s
    seconds = range(begin_s, end_s)
    if course.duration_s < predicted_s - SHORTER_S:
        doubts = (*doubts, f"the load ended after {course.duration_s:.0f} s of the {predicted_s} s that are predicted: those are compared")
    pairs = [(replicas_at(prediction.ready, second), replicas_at(course.ready, second)) for second in seconds]
    total = max(len(pairs), 1)
    figures = [
        Compared("pods ready at most", max((a for a, _ in pairs), default=0), max((b for _, b in pairs), default=0), ""),
        Compared("pod-minutes ready", sum(a for a, _ in pairs) / 60, sum(b for _, b in pairs) / 60, "min"),
    ]
    first = [next((step.at_s for step in steps[1:] if step.at_s < end_s), None) for steps in (prediction.ready, course.ready)]
    if first[0] is not None and first[1] is not None:
        figures.append(Compared("first change", first[0], first[1], "s"))
    if cost_millicore_s and course.demand is not None:
        came = course.demand.cost_millicore_s
        figures.append(Compared("CPU of a request", cost_millicore_s, came, "millicore seconds"))
        if abs(came - cost_millicore_s) > PRICE_SHARE * cost_millicore_s:
            more = "more" if came > cost_millicore_s else "less"
            share = abs(came / cost_millicore_s - 1)
            doubts = (
                *doubts,
                f"a request cost {share:.0%} {more} CPU than in the run that the prediction rests on: so did the HPA's readings",
            )
    return Checked(
        run=course.run,
        predicted=prediction.ready,
        came=course.ready,
        agree_share=sum(a == b for a, b in pairs) / total,
        near_share=sum(abs(a - b) <= 1 for a, b in pairs) / total,
        figures=tuple(figures),
        objective=slo.text,
        p95_ms=traffic.p95_ms,
        percent=slo.percent,
        measured_ms=latency(traffic, slo.percent),
        compared_s=len(pairs),
        undo=undo,
        doubts=doubts,
    )
