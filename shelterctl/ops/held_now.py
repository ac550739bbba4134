"""The conditions of a load (`--fail-on`, `--abort-on`) while it runs: told where one begins to hold, and where one ends the load."""

from __future__ import annotations

import math
from collections.abc import Iterator

from shelterctl.core.events import Event, Notice
from shelterctl.core.load.conditions import broken, under_way
from shelterctl.core.load.plan import Expectations, LoadPlan
from shelterctl.core.load.tally import LoadTally
from shelterctl.core.load.thresholds import Threshold
from shelterctl.core.load.traffic import GeneratorEnd
from shelterctl.ports.clock import Clock

#: How often they are held to what was counted.
HELD_EVERY_S = 1.0


class HeldNow:
    """`aborted` is the condition that ended the load, with what was measured; empty where none did."""

    def __init__(self, plan: LoadPlan, expectations: Expectations, tally: LoadTally, clock: Clock) -> None:
        self._plan = plan
        self._tally = tally
        self._clock = clock
        self._abort_on = expectations.abort_on
        self._fail_on = tuple(dict.fromkeys(item for item in expectations.fail_on if item not in expectations.abort_on))
        self._holding: set[Threshold] = set()
        self._looked_s = -math.inf
        self.aborted = ""

    def look(self, ready: int | None) -> Iterator[Event]:
        """Tells each change of a condition once. `ready` replicas are there; None where nobody watches them."""
        now_s = self._clock.monotonic_s()
        if not (self._abort_on or self._fail_on) or now_s - self._looked_s < HELD_EVERY_S:
            return
        self._looked_s = now_s
        lag_ms = self._tally.generator(GeneratorEnd.STOPPED, ()).lag_p99_ms
        for condition in self._fail_on:
            found = under_way(condition, self._plan, self._tally, ready, lag_ms)
            # What is too near to tell changes nothing: it would go to and fro each second.
            if found is None or found.holds is None or found.holds is (condition in self._holding):
                continue
            if found.holds:
                self._holding.add(condition)
                yield Notice(f"holds now: {condition.text}: it is {found.seen}; the run fails if that stays", "warning")
            else:
                self._holding.remove(condition)
                yield Notice(f"holds no more: {condition.text}: it is {found.seen}")
        self.aborted = broken(self._abort_on, self._plan, self._tally, ready, lag_ms)
        if self.aborted:
            yield Notice(f"{self.aborted}: the load is broken off", "warning")
