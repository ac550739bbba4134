"""The machine that a load comes from, as a load sees it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from shelterctl.adapters.machine import Processor
from shelterctl.cli.render.loadtest import lines
from shelterctl.core.load.bottleneck import Limit
from shelterctl.core.load.busy import MachineLoad
from shelterctl.core.load.plan import LoadPlan
from shelterctl.ops.loadtest import LoadPorts, loadtest
from shelterctl.ports.target import Target
from tests.core.load.examples import sample
from tests.ops.load_scenes import PreparedSwarm, SteppingClock
from tests.ops.test_loadtest import PLAN, SECONDS, finished, scaled_to_three


@dataclass
class Told:
    """A machine of four cores that was as busy as it is told."""

    percent: float
    cores: int = 4
    asked: list[float] = field(default_factory=list)

    def busy_percent(self) -> float:
        self.asked.append(self.percent)
        return self.percent


@pytest.mark.unit
@pytest.mark.parametrize(("percent", "limit"), [(20.0, False), (99.0, True)])
def test_a_load_is_told_with_its_machine(percent: float, limit: bool, tmp_path: Path) -> None:
    clock, machine = SteppingClock(), Told(percent)
    ports = LoadPorts(cast(Target, scaled_to_three(clock)), PreparedSwarm(clock, SECONDS, 240.0), clock, tmp_path, machine=machine)
    _, result = finished(loadtest(ports, PLAN))
    assert result.machine == MachineLoad(4, percent, 1.0 if limit else 0.0)
    assert 200 <= len(machine.asked) <= 245
    assert result.bottleneck is not None
    # Every answer came in 20 ms: it was busy, and kept the load from nothing.
    assert (Limit.MACHINE in [suspect.limit for suspect in result.bottleneck.reached]) is limit
    assert f"           This machine: its 4 cores {percent:.0f}% busy" in [line.text for line in lines(result, "run")]


@pytest.mark.unit
def test_a_load_from_elsewhere_says_nothing_of_this_machine(tmp_path: Path) -> None:
    clock = SteppingClock()
    plan: LoadPlan = PLAN
    swarm = PreparedSwarm(clock, [sample(1.0), sample(240.0, users=0, final=True)], 240.0)
    _, result = finished(loadtest(LoadPorts(None, swarm, clock, tmp_path), plan))
    assert result.machine is None
    assert not [line.text for line in lines(result, "run") if "This machine" in line.text]


@pytest.mark.local
def test_the_real_processor() -> None:
    processor = Processor()
    sum(number * number for number in range(2_000_000))
    assert processor.cores == os.cpu_count()
    assert 0 < processor.busy_percent() <= 100
