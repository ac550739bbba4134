"""The database read until two readings are equal: what a driver still had in hand after the wait is no loss, and no surprise."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from shelterctl.core.faults.ledger import StoredDocument
from shelterctl.core.verdict import Reason
from shelterctl.core.words import counted
from shelterctl.ports.clock import Clock

#: How often the database is read at most.
MOST_READINGS = 6
#: After that long no further reading is begun (seconds).
READINGS_TIMEOUT_S = 120.0
_STEP_S = 1.0


@dataclass(frozen=True, slots=True)
class Agreed:
    """The last reading. `seen` are the run's ids in any of them, `doubt` is why no two were equal, `note` that the first two were not."""

    documents: list[StoredDocument]
    seen: frozenset[str]
    doubt: Reason | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Reading:
    ended_mono_s: float
    ended_wall_s: float
    documents: list[StoredDocument]
    own: dict[str, tuple[str, str]]


class Readings:
    """Reads at least `apart_s` apart; with 0 a single reading is what counts. What others write meanwhile is theirs: `is_own` tells."""

    def __init__(
        self, read: Callable[[], Sequence[StoredDocument]], is_own: Callable[[StoredDocument], bool], clock: Clock, apart_s: float
    ) -> None:
        self._read = read
        self._is_own = is_own
        self._clock = clock
        self._apart_s = apart_s
        self._taken: list[_Reading] = []

    def take(self) -> None:
        """One reading. Raises ClusterError."""
        documents = list(self._read())
        own = {document.id: (document.digest, document.payload_id) for document in documents if self._is_own(document)}
        self._taken.append(_Reading(self._clock.monotonic_s(), self._clock.wall_s(), documents, own))

    @property
    def held(self) -> frozenset[str]:
        """The run's writes in the latest reading, by what they claim to be."""
        return frozenset(payload for _, payload in self._taken[-1].own.values() if payload) if self._taken else frozenset()

    def agreed(self) -> Generator[str, None, Agreed]:
        """Reads on until two in a row are equal; what was read before counts. Raises ClusterError."""
        began_s = self._clock.monotonic_s()
        if not self._taken:
            yield "straight from the database"
            self.take()
        while self._apart_s and not self._equal():
            if len(self._taken) >= MOST_READINGS or self._clock.monotonic_s() - began_s >= READINGS_TIMEOUT_S:
                return self._result(self._doubt())
            yield from self._pause()
            yield "straight from the database, again"
            self.take()
        return self._result(None)

    def _equal(self) -> bool:
        return len(self._taken) > 1 and self._taken[-1].own == self._taken[-2].own

    def _pause(self) -> Generator[str, None, None]:
        due_s = self._taken[-1].ended_mono_s + self._apart_s
        while (left_s := due_s - self._clock.monotonic_s()) > 0:
            yield f"the database is read again in {left_s:.0f} s"
            self._clock.sleep(min(_STEP_S, left_s))

    def _result(self, doubt: Reason | None) -> Agreed:
        last = self._taken[-1]
        seen = frozenset(payload or id_ for reading in self._taken for id_, (_, payload) in reading.own.items())
        note = ""
        if doubt is None and len(self._taken) > 2:
            count = len(self._taken)
            note = f"the database was still changing after the wait ({self._changed(0, 1)}): readings {count - 1} and {count} are equal"
        return Agreed(last.documents, seen, doubt, note)

    def _changed(self, earlier: int, later: int) -> str:
        before, after = self._taken[earlier].own, self._taken[later].own
        other = sum(1 for id_ in before.keys() & after.keys() if before[id_] != after[id_])
        changed = f", {other} changed" if other else ""
        return f"{counted(len(after.keys() - before.keys()), 'document')} came, {len(before.keys() - after.keys())} went{changed}"

    def _doubt(self) -> Reason:
        times = [time.strftime("%H:%M:%S", time.gmtime(reading.ended_wall_s)) for reading in self._taken[-2:]]
        between = f"{self._changed(-2, -1)} between readings at {times[0]} and {times[1]} UTC"
        text = f"the database was still changing: {between}, and no two of {len(self._taken)} readings were equal; another writer?"
        return Reason(text, "shelterctl logs app")
