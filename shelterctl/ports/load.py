"""The load generator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from shelterctl.core.load.plan import LoadPlan, LoadSample


class LoadGenerator(Protocol):
    """Runs a swarm as a process of its own."""

    def start(self, plan: LoadPlan, folder: Path) -> None:
        """Raises LoadGeneratorFailed, with the generator's last lines."""

    def samples(self) -> Sequence[LoadSample]:
        """The samples since the last call; never blocks."""

    def running(self) -> bool: ...

    def stop(self) -> None:
        """Ends the swarm and waits until its last sample is written."""

    def last_lines(self) -> tuple[str, ...]: ...


class Machine(Protocol):
    """The machine that a load comes from."""

    @property
    def cores(self) -> int: ...

    def busy_percent(self) -> float:
        """How busy all its cores were together since the last question, 0 to 100."""
