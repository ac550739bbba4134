"""Follows the replicas down again after a load, until the autoscaler's minimum is reached."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace

from shelterctl.core.controller import down_window_s, effective_behavior
from shelterctl.core.duration import format_duration
from shelterctl.core.events import AutoscalerGone, AutoscalerSeen, Event, Notice, Outcome, PodsSeen, StepFinished, StepStarted, WatchDropped
from shelterctl.core.load.course.way_down import WayDown, milestones_down, way_down
from shelterctl.core.load.observer import Observer
from shelterctl.core.load.result import Descent, LoadResult
from shelterctl.core.state import Autoscaler, count_ready
from shelterctl.errors import ShelterError
from shelterctl.ops.feed import ClocksSeen, Gap, TargetFeed
from shelterctl.ops.loadtest import LoadPorts
from shelterctl.ports.clock import Clock
from shelterctl.ports.target import Target

STEP = "descent"
INTERRUPTED = "interrupted"
POLL_S = 0.2
#: A metric of the quiet application (two periods of 60 s), its reading, and a pod's graceful end.
BESIDES_S = 180.0
#: What a policy may let pass between two steps where it says nothing else.
STEP_S = 60.0


@dataclass(slots=True)
class _Seen:
    scaler: Autoscaler | None
    ready: int
    observer: Observer


def descent(target: Target, clock: Clock, observer: Observer | None = None) -> Generator[Event, None, Descent]:
    """Yields what the target tells, as a load does. It ends at the minimum, or after as long as the autoscaler's own rules can take.
    `observer` takes in what is seen.

    KeyboardInterrupt ends it with what was seen. Raises what the target raises before the first look.
    """
    state = target.state(with_usage=False)
    scaler = state.autoscaler
    ready = count_ready(state.pods)
    if scaler is None:
        return Descent(ready, ready, 0.0, reached=False, why="there is no autoscaler")
    most_s = longest_s(scaler, ready)
    yield StepStarted(STEP, f"Until {scaler.minimum} replicas are ready again: at most {format_duration(most_s)}")
    seen = _Seen(scaler, ready, observer or Observer())
    seen.observer.pods(clock.wall_s(), state.pods)
    seen.observer.autoscaler(clock.wall_s(), scaler)
    yield PodsSeen(state.pods)
    yield AutoscalerSeen(scaler)
    began_s = clock.monotonic_s()
    why = f"not within {format_duration(most_s)}: `shelterctl hpa explain` says why"
    feed = TargetFeed(target, clock)
    feed.start()
    try:
        while clock.monotonic_s() - began_s < most_s:
            yield from _taken(feed, seen)
            if seen.scaler is None:
                why = "the autoscaler was deleted"
                break
            if seen.ready <= seen.scaler.minimum and seen.scaler.desired <= seen.scaler.minimum:
                why = ""
                break
            clock.sleep(POLL_S)
    except KeyboardInterrupt:
        why = INTERRUPTED
    finally:
        feed.stop()
    took_s = clock.monotonic_s() - began_s
    yield StepFinished(STEP, why or f"{seen.ready} replicas again", Outcome.UNCHANGED if why else Outcome.CHANGED, took_s)
    return Descent(ready, seen.ready, took_s, reached=not why, why=why)


def followed_down(load: Generator[Event, None, LoadResult], ports: LoadPorts) -> Generator[Event, None, LoadResult]:
    """A load and the way down after it, as one operation; without the second where the load was interrupted or nothing is watched."""
    result = yield from load
    if result.interrupted or ports.target is None:
        return result
    observer = Observer()
    try:
        down = yield from descent(ports.target, ports.clock, observer)
    except (ShelterError, KeyboardInterrupt) as error:
        # The load is over, and what it showed is kept whatever becomes of the way down.
        ready = result.timeline.points[-1].ready if result.timeline is not None and result.timeline.points else 0
        why = f"{error.what}: {error.why}".rstrip(": ") if isinstance(error, ShelterError) else INTERRUPTED
        down = Descent(ready, ready, 0.0, reached=False, why=why)
    way = _way(result, observer, ports.clock.wall_s())
    if way is None:
        return replace(result, descent=down)
    moments = milestones_down(way)
    yield from moments
    return replace(result, descent=replace(down, way=way), milestones=(*result.milestones, *moments))


def _way(result: LoadResult, observer: Observer, ended_s: float) -> WayDown | None:
    """The way down by the time of the load, with what was seen during the load before it; None where the load's begin is not known."""
    if result.began_wall_s is None or result.timeline is None:
        return None
    points = (*result.timeline.points, *(p for p in observer.points(result.began_wall_s) if p.desired is not None))
    return way_down(points, last_request_s=result.traffic.duration_s, until_s=ended_s - result.began_wall_s)


def come_down(target: Target, clock: Clock) -> Generator[Event, None, None]:
    """Waits for the minimum before a load, where an earlier one has left more: what is decided then is this load's.

    It goes on where that does not come, whatever the reason: the load's own verdict tells what it could not show. Raises
    KeyboardInterrupt, and what the target raises.
    """
    state = target.state(with_usage=False)
    scaler = state.autoscaler
    if scaler is None or max(scaler.desired, count_ready(state.pods)) <= scaler.minimum:
        return
    there = max(scaler.desired, count_ready(state.pods))
    yield Notice(
        f"{there} replicas are there from before: they come down to {scaler.minimum} first, so that what is decided is this load's"
    )
    found = yield from descent(target, clock)
    if found.why == INTERRUPTED:
        raise KeyboardInterrupt


def _taken(feed: TargetFeed, seen: _Seen) -> Generator[Event, None, None]:
    for at_s, event in feed.take():
        if isinstance(event, ClocksSeen | WatchDropped):
            continue
        if isinstance(event, Gap):
            yield Notice(f"the target did not answer: {event.why}", "warning")
            continue
        if isinstance(event, PodsSeen):
            seen.ready = count_ready(event.pods)
            seen.observer.pods(at_s, event.pods)
        elif isinstance(event, AutoscalerSeen):
            seen.scaler = event.autoscaler
            seen.observer.autoscaler(at_s, seen.scaler)
        elif isinstance(event, AutoscalerGone):
            seen.scaler = None
            seen.observer.autoscaler(at_s, None)
        yield event


def longest_s(scaler: Autoscaler, ready: int) -> float:
    """How long the autoscaler's own rules can take from `ready` pods to its minimum (seconds)."""
    behavior = effective_behavior(scaler)
    period_s = max((policy.period_s for policy in behavior.scale_down.policies), default=STEP_S) if behavior is not None else STEP_S
    return down_window_s(scaler) + BESIDES_S + period_s * max(ready - scaler.minimum, 1)
