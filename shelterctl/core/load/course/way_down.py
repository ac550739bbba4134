"""The way down after a load: from its last request to a reading that calls for fewer replicas, to each decision, to the minimum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shelterctl.core.events import Milestone
from shelterctl.core.load.elasticity import Elasticity, Step, elasticity
from shelterctl.core.load.timeline import ReplicaPoint


@dataclass(frozen=True, slots=True)
class StepDown:
    """A decision for fewer replicas. `ready_at_s` is when no more than so many were ready; None where that was not seen."""

    at_s: float
    before: int
    after: int
    cpu_percent: int | None
    ready_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class WayDown:
    """In seconds since the load's begin; None for what did not come while it was watched, until `watched_until_s`.

    `low_at_s` is when the autoscaler's reading (`low_percent`) came to call for fewer replicas than it asked for, before the last request
    where the load had ebbed away by then. `minimum_at_s` is when no more than the minimum were asked for and ready, and it stayed so.
    `elasticity` is of the time from the last request to that moment, or to the end of the watch, against the minimum: what is there beyond
    it then serves nobody. It is apart from that of the load, and None where there was nothing to come down from.
    """

    last_request_s: float
    watched_until_s: float
    from_ready: int
    minimum: int
    low_at_s: float | None = None
    low_percent: int | None = None
    steps: tuple[StepDown, ...] = ()
    minimum_at_s: float | None = None
    elasticity: Elasticity | None = None


def way_down(points: Sequence[ReplicaPoint], *, last_request_s: float, until_s: float) -> WayDown | None:
    """From the replicas over the load and the time after it, in order; None where no autoscaler was seen then."""
    known = [point for point in points if point.at_s <= until_s and point.desired is not None and point.minimum is not None]
    after = [point for point in known if point.at_s > last_request_s]
    before = [point for point in known if point.at_s <= last_request_s][-1:]
    if (not after and not before) or until_s <= last_request_s:
        return None
    watched = [*before, *after]
    minimum = watched[-1].minimum or 0
    low = _low(known, last_request_s)
    reached_s = _minimum_at_s(watched, last_request_s)
    end_s = until_s if reached_s is None else reached_s
    return WayDown(
        last_request_s=last_request_s,
        watched_until_s=until_s,
        from_ready=watched[0].ready,
        minimum=minimum,
        low_at_s=None if low is None else low.at_s,
        low_percent=None if low is None else low.cpu_percent,
        steps=tuple(_steps(watched, last_request_s)),
        minimum_at_s=reached_s,
        elasticity=_elasticity(watched, max(1, minimum), last_request_s, end_s) if end_s > last_request_s else None,
    )


def milestones_down(way: WayDown) -> tuple[Milestone, ...]:
    """Its moments in their order, beside those of the load."""
    found = [Milestone("last request", way.last_request_s)]
    if way.low_at_s is not None:
        found.append(Milestone("reading that calls for fewer", way.low_at_s, f"cpu {way.low_percent}%"))
    for step in way.steps:
        cpu = "" if step.cpu_percent is None else f" at cpu {step.cpu_percent}%"
        found.append(Milestone("autoscaler decided", step.at_s, f"{step.before} → {step.after}{cpu}"))
    if way.minimum_at_s is not None:
        found.append(Milestone("minimum reached", way.minimum_at_s, f"{way.minimum} replicas"))
    return tuple(sorted(found, key=lambda item: item.at_s))


def calls_for_fewer(point: ReplicaPoint) -> bool:
    """Whether the reading asks for fewer replicas than the autoscaler does: what it waits for before it comes down."""
    return point.wanted is not None and point.desired is not None and point.wanted < point.desired


def _low(known: Sequence[ReplicaPoint], last_request_s: float) -> ReplicaPoint | None:
    """The first point after the last request whose reading calls for fewer; where the one of then did already, the first of that time on
    end."""
    first: ReplicaPoint | None = None
    for point in known:
        if calls_for_fewer(point):
            first = first or point
            if point.at_s > last_request_s:
                return first
        elif point.at_s > last_request_s and first is not None:
            return first
        else:
            first = None
    return first


def _steps(watched: Sequence[ReplicaPoint], last_request_s: float) -> list[StepDown]:
    found = []
    for number, point in enumerate(watched[1:], 1):
        before, after = watched[number - 1].desired or 0, point.desired or 0
        if after < before and point.at_s > last_request_s:
            ready_at_s = next((later.at_s for later in watched[number:] if later.ready <= after), None)
            found.append(StepDown(point.at_s, before, after, point.cpu_percent, ready_at_s))
    return found


def _minimum_at_s(watched: Sequence[ReplicaPoint], last_request_s: float) -> float | None:
    """From when on no more than the minimum were there to the end; a metric that is late can still ask for more after the last request."""
    since: float | None = None
    for point in watched:
        there = point.ready <= (point.minimum or 0) and (point.desired or 0) <= (point.minimum or 0)
        since = (max(point.at_s, last_request_s) if since is None else since) if there else None
    return since


def _elasticity(watched: Sequence[ReplicaPoint], minimum: int, start_s: float, end_s: float) -> Elasticity | None:
    ready: list[Step] = []
    for point in watched:
        step = Step(max(point.at_s, start_s), point.ready)
        if ready and ready[-1].at_s == step.at_s:
            ready.pop()
        if not ready or ready[-1].replicas != step.replicas:
            ready.append(step)
    if not ready or ready[0].at_s > start_s:
        return None
    return elasticity([Step(start_s, minimum)], ready, start_s=start_s, end_s=end_s)
