"""A step of an operation: told when it starts, while it waits, and when it ends, however it ends."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from shelterctl.core.outcome import Outcome
from shelterctl.errors import Interrupted, ShelterError
from shelterctl.ports.clock import Clock

if TYPE_CHECKING:
    from shelterctl.core.events import Event

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """How a step's work ended: what is true now, and the value for the steps after it."""

    title: str
    value: T
    outcome: Outcome = Outcome.CHANGED


def wait(
    clock: Clock, look: Callable[[float], Done[T] | str], *, timeout_s: float, pause_s: float, late: Callable[[str], Done[T]]
) -> Generator[str, None, Done[T]]:
    """Looks until it is done, and yields what is still missing.

    `look` gets the seconds waited so far, and returns how the wait ended or words for what is missing; it raises where waiting mends
    nothing. `late` gets the last words when the time is over: it raises, or returns how the wait ended.
    """
    began_s = clock.monotonic_s()
    while True:
        seen = look(clock.monotonic_s() - began_s)
        if isinstance(seen, Done):
            return seen
        if clock.monotonic_s() - began_s > timeout_s:
            return late(seen)
        yield seen
        clock.sleep(pause_s)


def run_step(clock: Clock, step: str, title: str, work: Generator[str, None, Done[T]], *, left: str = "") -> Generator[Event, None, T]:
    """Runs `work`, which yields what it sees while it waits, as the step `step`.

    `left` says what an interruption in this step leaves behind. Raises what `work` raises, and Interrupted for KeyboardInterrupt.
    """
    from shelterctl.core.events import StepFinished, StepProgress, StepStarted

    began_s = clock.monotonic_s()
    yield StepStarted(step, title)
    try:
        while True:
            try:
                detail = next(work)
            except StopIteration as stop:
                done: Done[T] = stop.value
                break
            yield StepProgress(step, detail)
    except KeyboardInterrupt:
        work.close()
        raise Interrupted(f"interrupted: {title}", why=left) from None
    except ShelterError:
        yield StepFinished(step, title, Outcome.FAILED, clock.monotonic_s() - began_s)
        raise
    yield StepFinished(step, done.title, done.outcome, clock.monotonic_s() - began_s)
    return done.value
