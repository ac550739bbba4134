"""The whole database summed up after a fault, until two readings are equal, and held against what it was before."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from shelterctl.core.events import Outcome
from shelterctl.core.faults.summary import Comparison, DatabaseSummary, compare
from shelterctl.core.verdict import Reason
from shelterctl.core.words import listed
from shelterctl.errors import ShelterError
from shelterctl.ops.chaos.settled import MOST_READINGS, READINGS_TIMEOUT_S
from shelterctl.ops.steps import Done
from shelterctl.ports.clock import Clock
from shelterctl.ports.faults import Summarizer

#: Between two readings (seconds).
APART_S = 5.0
_STEP_S = 1.0


@dataclass
class Compared:
    """`tables` is None where the database could not be read after the fault."""

    tables: Comparison | None = None
    failures: list[Reason] = field(default_factory=list)
    doubts: list[Reason] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def again(database: Summarizer, clock: Clock, before: list[DatabaseSummary]) -> Generator[str, None, Done[None]]:
    """Another reading before the fault: what differs already is written to by somebody. Raises ClusterError."""
    yield from _pause(clock, APART_S)
    yield "summing up what the database holds, again"
    before.append(database.summary())
    return Done(f"{before[-1].words} before the kill", None, Outcome.UNCHANGED)


def after(database: Summarizer, clock: Clock, before: Sequence[DatabaseSummary]) -> Generator[str, None, Done[Compared]]:
    """Reads at least twice, until two readings in a row are equal. What cannot be read is a doubt."""
    began_s, readings = clock.monotonic_s(), list[DatabaseSummary]()
    compared = Compared()
    try:
        while len(readings) < 2 or readings[-1] != readings[-2]:
            if len(readings) >= MOST_READINGS or (len(readings) > 1 and clock.monotonic_s() - began_s >= READINGS_TIMEOUT_S):
                break
            if readings:
                yield from _pause(clock, APART_S)
            yield "summing up what the database holds"
            readings.append(database.summary())
    except ShelterError as error:
        text = f"the database could not be read after the kill: {error.what}: {error.why}".rstrip(": ")
        compared.doubts.append(Reason(text, error.next_command or "shelterctl logs db"))
        return Done("The database could not be read", compared, Outcome.FAILED)
    tables = compared.tables = compare(before, readings[-2:])
    compared.failures += tables.failures()
    compared.doubts += tables.doubts()
    compared.notes += tables.notes()
    if not before[-1].rows:
        compared.doubts.append(Reason(f"the database held no {tables.row} before the kill: nothing could be lost"))
    if before[-1].unread:
        compared.notes.append(f"not read, since the database's user may not: {listed(before[-1].unread, 3)}")
    return Done(f"{readings[-1].words} after the kill", compared, Outcome.FAILED if compared.failures else Outcome.UNCHANGED)


def _pause(clock: Clock, seconds: float) -> Generator[str, None, None]:
    due_s = clock.monotonic_s() + seconds
    while (left_s := due_s - clock.monotonic_s()) > 0:
        yield f"the database is read again in {left_s:.0f} s"
        clock.sleep(min(_STEP_S, left_s))
