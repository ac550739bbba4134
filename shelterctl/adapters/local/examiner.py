"""`doctor` for the embedded target: this machine, the supervisor, the stack."""

from __future__ import annotations

import os
import resource
from collections.abc import Collection, Generator, Iterator, Sequence
from typing import TYPE_CHECKING

from shelterctl.adapters.local.client import Client
from shelterctl.adapters.local.home import Home
from shelterctl.core.checkup.check import Area, Check, Finding, Repair
from shelterctl.core.state import Role, StackState
from shelterctl.errors import ShelterError

if TYPE_CHECKING:
    from collections.abc import Callable

    from shelterctl.adapters.local.environment import Environment
    from shelterctl.adapters.local.own.packages import Packages

PYTHON = Check("python", Area.HOST, "packages")
CORES = Check("cores", Area.HOST, "cores")
FILES = Check("files", Area.HOST, "open files")
FOLDER = Check("folder", Area.HOST, "folder")
SUPERVISOR = Check("supervisor", Area.STACK, "supervisor")
REPLICAS = Check("replicas", Area.STACK, "replicas")
DATABASE = Check("database", Area.STACK, "database")
METRIC = Check("hpa-metric", Area.STACK, "HPA metric")
#: A replica takes about 60 for its clients, a load its users.
_FILES_WANTED = 1024


class LocalExaminer:
    """Fulfils `ports.checkup.Examiner`."""

    title = "Looking at this machine and the stack"

    def __init__(
        self, home: Home, environment: Callable[[], Environment | Packages], more: Callable[[], Sequence[Finding]] = tuple
    ) -> None:
        self._home = home
        self._environment = environment
        self._more = more

    def examine(self) -> Generator[str, None, tuple[Finding, ...]]:
        yield "this machine"
        found = [*self._machine()]
        yield "the supervisor"
        return (*found, *self._stack(), *self._more())

    def proof_of(self, repair: Repair) -> Collection[str]:
        return ()

    def _machine(self) -> Iterator[Finding]:
        environment = self._environment()
        if not environment.missing:
            yield PYTHON.ok(environment.held)
        elif environment.python() is not None:
            yield PYTHON.ok("in a virtual environment of their own")
        else:
            missing = environment.missing
            yield PYTHON.warning(f"missing: {', '.join(missing[:3])}", "`up` makes an environment with them first", "shelterctl up")
        cores = os.cpu_count() or 1
        if cores < 2:
            yield CORES.warning("one", "the load, the replicas and the database share it: the figures say little", "a machine with two")
        else:
            yield CORES.ok(str(cores))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if soft < _FILES_WANTED:
            yield FILES.warning(f"{soft} at most", "a load of many users needs more", "ulimit -n 4096")
        else:
            yield FILES.ok(f"{soft} at most")
        parent = next(each for each in (self._home.folder, *self._home.folder.parents) if each.exists())
        if os.access(parent, os.W_OK):
            yield FOLDER.ok(str(self._home.folder))
        else:
            yield FOLDER.problem(f"{parent} cannot be written to", "nothing can be kept there", "--state-dir names another folder")

    def _stack(self) -> Iterator[Finding]:
        try:
            state = Client(self._home).state()
        except ShelterError as error:
            yield SUPERVISOR.problem(error.what, error.why, "shelterctl up")
            yield from (check.unknown("the supervisor does not answer", blocked_by=SUPERVISOR.id) for check in (REPLICAS, DATABASE, METRIC))
            return
        if state is None:
            yield from (check.skipped("nothing is deployed") for check in (SUPERVISOR, REPLICAS, DATABASE, METRIC))
            return
        yield SUPERVISOR.ok("answers")
        yield from _judged(state)


def _judged(state: StackState) -> Iterator[Finding]:
    for role, check in ((Role.APP, REPLICAS), (Role.DATABASE, DATABASE)):
        workload = state.workload(role)
        if role is Role.DATABASE and state.database_elsewhere:
            yield check.skipped(f"not this stack's: {state.database_elsewhere}")
            continue
        if workload is None:
            yield check.skipped("the stack has none")
            continue
        if workload.desired and workload.ready >= workload.desired:
            yield check.ok(f"{workload.ready} of {workload.desired} ready, {workload.image}")
        else:
            last = next((each.message for each in reversed(state.happenings) if each.warning), "")
            why = last or "it may be starting still"
            yield check.problem(f"{workload.ready} of {workload.desired} ready", why, f"shelterctl logs {role.value}")
    scaler = state.autoscaler
    if scaler is None:
        yield METRIC.skipped("a fixed number of replicas")
    elif scaler.has_metric:
        yield METRIC.ok(f"cpu {scaler.cpu_percent}% of {scaler.cpu_target_percent}%")
    else:
        yield METRIC.warning("none yet", "the first one takes two periods of 15 s", "shelterctl status")


class NoRepairs:
    """Everything that can be mended here, `up` mends."""

    def repair(self, finding: Finding) -> Iterator[str]:
        yield from ()
