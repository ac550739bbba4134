"""The background watch: whatever breaks it off is told as a time without sight."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from shelterctl.adapters.clock import SystemClock
from shelterctl.core.events import Event
from shelterctl.core.load.clocks import ClockReading
from shelterctl.errors import ApiRejected, ApiUnreachable
from shelterctl.ops import feed
from shelterctl.ops.feed import ClocksSeen, Gap, TargetFeed

pytestmark = pytest.mark.local


class Silent:
    """A target whose watch tells nothing, and whose clocks do what the test wants."""

    def __init__(self, clocks: Callable[[], tuple[ClockReading, ...]], watch: Callable[[], None] = lambda: None) -> None:
        self.clocks = clocks
        self._watch = watch

    def watch(self, stop: Callable[[], bool]) -> Iterator[Event]:
        self._watch()
        while not stop():
            time.sleep(0.01)
        yield from ()


def told(target: Silent, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    monkeypatch.setattr(feed, "PROBE_EVERY_S", 0.05)
    followed = TargetFeed(target, SystemClock())  # type: ignore[arg-type]
    followed.start()
    time.sleep(0.3)
    followed.stop()
    return [event for _, event in followed.take()]


def failing(error: Exception) -> Callable[[], tuple[ClockReading, ...]]:
    def clocks() -> tuple[ClockReading, ...]:
        raise error

    return clocks


def test_the_clocks_are_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    reading = ClockReading("minikube", 1.0, 1.0, 1.0)
    events = told(Silent(lambda: (reading,)), monkeypatch)
    assert events
    assert set(map(type, events)) == {ClocksSeen}


def test_a_refusal_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(Silent(failing(ApiRejected("leases is forbidden", status=403))), monkeypatch) == []


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ApiUnreachable("the API server does not answer", why="connection refused"), "the API server does not answer: connection refused"),
        (KeyError("metadata"), "unexpected: KeyError: 'metadata'"),
    ],
)
def test_an_end_of_the_answers_is_an_open_gap(error: Exception, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    gaps = [event for event in told(Silent(failing(error)), monkeypatch) if isinstance(event, Gap)]
    assert [(gap.until_s, gap.why) for gap in gaps] == [(None, why)]


def test_a_watch_that_breaks_down_is_an_open_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks() -> None:
        raise TypeError("a pod without a name")

    events = told(Silent(lambda: (), breaks), monkeypatch)
    assert [event.why for event in events if isinstance(event, Gap)] == ["unexpected: TypeError: a pod without a name"]
