"""Gets this machine ready for a stack: its Python, its database, and what an earlier supervisor left."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator

from shelterctl.adapters.local import claim
from shelterctl.adapters.local.client import Client
from shelterctl.adapters.local.database import check_elsewhere
from shelterctl.adapters.local.environment import Environment
from shelterctl.adapters.local.home import Home
from shelterctl.adapters.local.own.packages import Packages
from shelterctl.adapters.local.spec import DatabaseSpec
from shelterctl.errors import PrerequisiteError
from shelterctl.ports.target import Ready


class LocalPreparation:
    """Fulfils `ports.target.Preparation`."""

    title = "Looking at this machine"
    left = "nothing"
    #: Whether a database elsewhere is asked for its name: with the settings of the tool's own application.
    asks_elsewhere = True

    def __init__(self, home: Home, environment: Callable[[], Environment | Packages], database: Callable[[], DatabaseSpec]) -> None:
        self._home = home
        self._environment = environment
        self._database = database

    def work(self, *, dry_run: bool) -> Generator[str, None, Ready]:
        check_platform()
        client = Client(self._home)
        words = []
        if not client.find().runs and self._home.supervisor.exists() and not dry_run:
            yield "the supervisor is gone: ending what it left"
            ended = client.clear()
            names = ", ".join(each.what for each in ended)
            words.append(f"the supervisor had ended{f': {names} were ended, too' if ended else ''}")
        environment = self._environment()
        if environment.python() is None and not dry_run:
            yield from environment.make()
        database = self._database()
        title = database.title
        if not database.own and self.asks_elsewhere and (python := environment.python()) is not None:
            yield f"what answers at {database.hosts}"
            title = f"{check_elsewhere(database, python)} at {database.hosts}"
        elif database.own and not client.find().runs:
            claim.check(self._home.data, database.kind)
        words.insert(0, f"Python {sys.version_info.major}.{sys.version_info.minor}, {title}")
        return Ready("; ".join(words), "", len(words) > 1)


def check_platform() -> None:
    """Raises PrerequisiteError where processes are not kept as they must be."""
    if sys.platform == "win32":
        raise PrerequisiteError(
            "the embedded target runs on Linux and macOS",
            why="it needs Unix sockets, signals and process groups",
            next_command="shelterctl up --target minikube, or this in the Windows Subsystem for Linux",
        )
