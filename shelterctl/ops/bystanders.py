"""Other commands that change the stack while it is under load: what they do calls for pods, and breaks requests."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from shelterctl.core.events import Event, Notice
from shelterctl.core.load.observer import Observer
from shelterctl.core.load.tally import LoadTally
from shelterctl.core.load.traffic import Disturbance, Traffic
from shelterctl.ports.clock import Clock

#: How often it is asked who else works on the stack: no command that changes one takes less.
OTHERS_EVERY_S = 0.5
#: Samples come up to a second late, and a command is seen up to OTHERS_EVERY_S after it began: what was counted this long before is not its
#: doing.
BEFORE_S = 2.0


class Bystanders:
    """Asks `others` who works on the stack, and remembers what the load had come to before the first of them."""

    def __init__(self, others: Callable[[], str] | None, clock: Clock, tally: LoadTally) -> None:
        self._others = others
        self._clock = clock
        self._tally = tally
        self._looked_s = self._counted_s = -math.inf
        self._earlier: Traffic | None = None
        self._latest: Traffic | None = None
        self._who: list[str] = []
        self._first: tuple[float, Traffic | None] | None = None

    def look(self, observer: Observer) -> Iterator[Event]:
        """Tells of each once."""
        now_s = self._clock.monotonic_s()
        if self._others is None or now_s - self._looked_s < OTHERS_EVERY_S:
            return
        self._looked_s = now_s
        who = self._others()
        if not who:
            observer.incidents.others_ended(self._clock.wall_s())
            self._count(now_s)
        elif observer.disturbed(who):
            self._who.append(who)
            observer.incidents.other(self._clock.wall_s(), who)
            if self._first is None:
                began_s = self._tally.began_wall_s
                self._first = (0.0 if began_s is None else self._clock.wall_s() - began_s, self._earlier)
            yield Notice(
                f"{who} works on the stack meanwhile: a scale-up can be its doing as well, and so can what fails from now on", "warning"
            )

    @property
    def disturbance(self) -> Disturbance | None:
        """None where nobody worked on it."""
        return None if self._first is None else Disturbance(" and ".join(self._who), *self._first)

    def _count(self, now_s: float) -> None:
        if now_s - self._counted_s >= BEFORE_S:
            self._counted_s = now_s
            self._earlier, self._latest = self._latest, self._tally.traffic()
