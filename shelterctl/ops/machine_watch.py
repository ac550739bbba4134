"""Looks at the machine that a load comes from, a second at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from shelterctl.core.load.busy import MachineLoad, machine_load
from shelterctl.ports.clock import Clock
from shelterctl.ports.load import Machine

#: Its percentages are means of the time between two questions.
EVERY_S = 1.0


@dataclass(slots=True)
class MachineWatch:
    """`machine` is None where the load comes from elsewhere."""

    machine: Machine | None
    clock: Clock
    asked_s: float = -math.inf
    percents: list[float] = field(default_factory=list)

    def look(self, *, counts: bool) -> None:
        """A second, where one is over. Those before the load, when its generator starts, do not count."""
        now_s = self.clock.monotonic_s()
        if self.machine is None or now_s - self.asked_s < EVERY_S:
            return
        self.asked_s = now_s
        busy_percent = self.machine.busy_percent()
        if counts:
            self.percents.append(busy_percent)

    def load(self) -> MachineLoad | None:
        return None if self.machine is None else machine_load(self.machine.cores, self.percents)
