"""`status watch`: follows the stack until the user has seen enough or the time is over."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum

from shelterctl.core.events import Event
from shelterctl.core.state import Autoscaler, Place, Pod, Usage
from shelterctl.core.watch.history import HistorySample
from shelterctl.core.watch.model import WatchModel, fold
from shelterctl.core.watch.notes import Note
from shelterctl.ports.clock import Clock
from shelterctl.ports.target import Target


class WatchEnd(Enum):
    """Who ended it. Either way it did what it was asked for."""

    USER = "user"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """What to follow, and for how long; None means until it is interrupted."""

    place: Place
    limit_s: float | None = None


@dataclass(frozen=True, slots=True)
class WatchResult:
    """The last state that was told, the history of the replicas (epoch seconds) and the newest changes in words.

    `pods` is None where the target never told them. `watch_drops` counts the times that watches were away, `still_dropped`
    names those that were at the end: then the state is older than the end.
    """

    context: str
    namespace: str
    watched_s: float
    end: WatchEnd
    changes: int
    watch_drops: int
    still_dropped: tuple[str, ...]
    pods: tuple[Pod, ...] | None
    autoscaler: Autoscaler | None
    usage: tuple[Usage, ...]
    history: tuple[HistorySample, ...]
    notes: tuple[Note, ...]


def watch(target: Target, clock: Clock, request: WatchRequest) -> Generator[Event, None, WatchResult]:
    """Yields what the target tells. An interruption is the regular end. Raises ApiUnreachable where the target is not there at first."""
    began_s = clock.monotonic_s()
    model = WatchModel(request.place.namespace, request.place.context, clock.wall_s())

    def over() -> bool:
        return request.limit_s is not None and clock.monotonic_s() - began_s >= request.limit_s

    end = WatchEnd.TIME
    events = None
    try:
        events = target.watch(over)
        for event in events:
            model = fold(model, event, clock.wall_s()).model
            yield event
    except KeyboardInterrupt:
        end = WatchEnd.USER
    finally:
        if isinstance(events, Generator):
            # The watches end now, and not when somebody collects the garbage.
            events.close()
    return WatchResult(
        context=request.place.context,
        namespace=request.place.namespace,
        watched_s=clock.monotonic_s() - began_s,
        end=end,
        changes=model.changes,
        watch_drops=model.drops,
        still_dropped=model.dropped,
        pods=model.pods,
        autoscaler=model.autoscaler,
        usage=model.usage,
        history=model.history,
        notes=model.notes,
    )
