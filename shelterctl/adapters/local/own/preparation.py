"""Says what of a user's stack cannot be had here, before the machine is got ready for it."""

from __future__ import annotations

from collections.abc import Callable, Generator

from shelterctl.adapters.local.environment import Environment
from shelterctl.adapters.local.home import Home
from shelterctl.adapters.local.own.packages import Packages
from shelterctl.adapters.local.preparation import LocalPreparation
from shelterctl.adapters.local.spec import DatabaseSpec
from shelterctl.ports.target import Ready


class OwnPreparation(LocalPreparation):
    """Fulfils `ports.target.Preparation`."""

    asks_elsewhere = False

    def __init__(
        self,
        home: Home,
        environment: Callable[[], Environment | Packages],
        database: Callable[[], DatabaseSpec],
        check: Callable[[], object],
    ) -> None:
        super().__init__(home, environment, database)
        self._check = check

    def work(self, *, dry_run: bool) -> Generator[str, None, Ready]:
        yield "what of the stack can be had here"
        self._check()
        return (yield from super().work(dry_run=dry_run))
