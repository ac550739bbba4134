"""Keeps what a target's watch said of the pods, with the monotonic time at which it was heard."""

from __future__ import annotations

from shelterctl.core.events import PodsSeen
from shelterctl.core.faults.recovery import PodsAt
from shelterctl.core.state import Pod, successor
from shelterctl.ops.feed import Gap, TargetFeed
from shelterctl.ports.clock import Clock
from shelterctl.ports.target import Target


class PodHistory:
    """Start it, `drain` it now and then, stop it."""

    def __init__(self, target: Target, clock: Clock) -> None:
        self._feed = TargetFeed(target, clock)
        self._clock = clock
        self._seen: list[PodsAt] = []
        self._unseen: list[tuple[float, float]] = []

    def start(self) -> None:
        self._feed.start()

    def drain(self) -> None:
        """Takes in what came since the last call."""
        offset_s = self._clock.monotonic_s() - self._clock.wall_s()
        for wall_s, event in self._feed.take():
            if isinstance(event, PodsSeen):
                self._seen.append(PodsAt(wall_s + offset_s, event.pods))
            elif isinstance(event, Gap):
                until_s = self._clock.wall_s() if event.until_s is None else event.until_s
                self._unseen.append((event.from_s + offset_s, until_s + offset_s))

    def seen(self) -> tuple[PodsAt, ...]:
        self.drain()
        return tuple(self._seen)

    def unseen(self) -> tuple[tuple[float, float], ...]:
        """From when until when nothing was told (monotonic seconds)."""
        self.drain()
        return tuple(self._unseen)

    def latest(self, before: Pod) -> Pod | None:
        """The pod that stands where `before` stood, as it was last seen."""
        return successor(self._seen[-1].pods, before) if self._seen else None

    def stop(self) -> None:
        self._feed.stop()
