"""What a target tells, taken in by who observes it."""

from __future__ import annotations

from shelterctl.core.events import AutoscalerGone, AutoscalerSeen, Event, NodesSeen, PodsSeen, UsageSeen, WatchDropped
from shelterctl.core.load.observer import Observer


def take_in(observer: Observer, at_s: float, event: Event) -> None:
    """`at_s` is when it came (epoch seconds)."""
    if isinstance(event, PodsSeen):
        observer.pods(at_s, event.pods)
    elif isinstance(event, AutoscalerSeen):
        observer.autoscaler(at_s, event.autoscaler)
    elif isinstance(event, AutoscalerGone):
        observer.autoscaler(at_s, None)
    elif isinstance(event, UsageSeen):
        observer.usage(at_s, event.usage)
    elif isinstance(event, NodesSeen):
        observer.nodes(at_s, event)
    elif isinstance(event, WatchDropped):
        observer.watch_dropped()
