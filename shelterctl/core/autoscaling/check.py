"""A prediction beside what came: the same load again, under the settings that were recommended."""

from __future__ import annotations

from dataclasses import dataclass

from shelterctl.core.autoscaling.course import RunCourse
from shelterctl.core.autoscaling.simulate import Simulated
from shelterctl.core.load.elasticity import Step, replicas_at


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

    `p95_ms` is what the load measured, to be held against the `objective`; `doubts` are why what came may not be the settings'.
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


def compare(
    prediction: Simulated, course: RunCourse, *, objective: str, p95_ms: float | None, undo: str, doubts: tuple[str, ...] = ()
) -> Checked:
    """`p95_ms` is what the load measured over all requests, `undo` the command that sets the autoscaler back."""
    begin_s = int(course.ready[0].at_s) if course.ready else int(course.duration_s)
    seconds = range(begin_s, int(course.duration_s))
    pairs = [(replicas_at(prediction.ready, second), replicas_at(course.ready, second)) for second in seconds]
    total = max(len(pairs), 1)
    figures = [
        Compared(
            "pods ready at most", max(step.replicas for step in prediction.ready), max((s.replicas for s in course.ready), default=0), ""
        ),
        Compared("pod-minutes ready", sum(a for a, _ in pairs) / 60, sum(b for _, b in pairs) / 60, "min"),
    ]
    first = [next((step.at_s for step in steps[1:]), None) for steps in (prediction.ready, course.ready)]
    if first[0] is not None and first[1] is not None:
        figures.append(Compared("first change", first[0], first[1], "s"))
    return Checked(
        run=course.run,
        predicted=prediction.ready,
        came=course.ready,
        agree_share=sum(a == b for a, b in pairs) / total,
        near_share=sum(abs(a - b) <= 1 for a, b in pairs) / total,
        figures=tuple(figures),
        objective=objective,
        p95_ms=p95_ms,
        undo=undo,
        doubts=doubts,
    )
