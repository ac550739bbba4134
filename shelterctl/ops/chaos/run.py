"""What the parts of one `chaos kill-db` share: what was asked, what it works with, and what is known so far."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from shelterctl.core.events import Event
from shelterctl.core.faults.database import DatabaseIdentity
from shelterctl.core.faults.fault import KillMode, KillReport
from shelterctl.core.faults.ledger import WriteOutcome
from shelterctl.core.state import ContainerState, Pod, StackState
from shelterctl.core.verdict import Reason
from shelterctl.errors import Interrupted
from shelterctl.ops.chaos.dialogue import Dialogue
from shelterctl.ops.chaos.dns_recovery import DnsRecoveryWatch
from shelterctl.ops.chaos.pods_seen import PodHistory
from shelterctl.ops.chaos.read_result import ReadBack
from shelterctl.ops.chaos.unwritten.reason import NoWrites
from shelterctl.ops.chaos.writers import Ledger
from shelterctl.ops.steps import Done, run_step
from shelterctl.ports.capabilities import DnsProber, Lacking
from shelterctl.ports.clock import Clock
from shelterctl.ports.faults import DatabaseReader, FaultInjector
from shelterctl.ports.http import Http
from shelterctl.ports.runs import RunFolder
from shelterctl.ports.target import Target

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class KillDbRequest:
    """What was asked. `after_acks` successive acknowledged writes end the run; `recovery_timeout_s` bounds it.

    `settle_s` is in the place of the dialogue's own, where it is given.
    `warm_up_timeout_s` is how long after the warm-up acknowledged writes are waited for.
    """

    mode: KillMode
    writers: int
    warm_up_s: float = 3.0
    after_acks: int = 50
    recovery_timeout_s: float = 180.0
    accept_ephemeral: bool = False
    settle_s: float | None = None
    warm_up_timeout_s: float = 20.0


@dataclass(frozen=True, slots=True)
class KillDbPorts:
    """What the operation works with. `send_home` ends the users who are at work through the fault, where there are any."""

    target: Target
    faults: FaultInjector
    database: DatabaseReader
    names: DnsProber | Lacking
    dialogue: Dialogue
    make_http: Callable[[], Http]
    folder: RunFolder
    clock: Clock
    send_home: Callable[[], None] | None = None


class Traffic(Protocol):
    """What asks the service through the fault: writers, or GETs where nothing can be written. What it sees is in its ledger."""

    ledger: Ledger

    def start(self) -> None: ...

    def stop(self) -> bool:
        """Ends what is under way; False where one did not end in time."""


@dataclass
class KillRun:
    """One run: the database's pod and the stack before the fault, what writes and what watches, and what was learned.

    `prior` are the documents that were there (id to digest, by each way of reading), `identity` is the process that the application
    reached, `struck` whether a fault was sent, `seen_once` the ids that the first reading returned, and `doubts` what keeps the verdict
    open. `service` is what the service failed at, where that is a verdict of its own, and `service_open` what was not seen of it.
    `no_writes` is why nothing is written, where nothing is; `restless` what changed by itself before the fault.
    """

    ports: KillDbPorts
    request: KillDbRequest
    url: str
    pod_before: Pod
    container: ContainerState
    state_before: StackState
    prior: dict[str, dict[str, str]]
    identity: DatabaseIdentity
    writers: Traffic
    history: PodHistory
    struck: bool = False
    report: KillReport | None = None
    names: DnsRecoveryWatch | None = None
    seen_once: tuple[str, ...] = ()
    doubts: list[Reason] = field(default_factory=list)
    service: list[Reason] = field(default_factory=list)
    service_open: list[Reason] = field(default_factory=list)
    cut_off_before_s: float = 0.0
    no_writes: NoWrites | None = None
    restless: str = ""

    @property
    def settle_s(self) -> float:
        """How long after the last write something of it may still arrive."""
        asked = self.request.settle_s
        return self.ports.dialogue.settle_s if asked is None else asked

    @property
    def run_id(self) -> str:
        return self.ports.folder.run_id

    def step(self, name: str, title: str, work: Generator[str, None, Done[T]], *, left: str = "") -> Generator[Event, None, T]:
        return run_step(self.ports.clock, name, title, work, left=left)

    def start(self) -> None:
        """Begins to write and to watch."""
        self.writers.start()
        self.history.start()

    def stop(self) -> None:
        """Ends the writers and the watch, and lets the injector go. A writer that does not end is a doubt."""
        ended = self.writers.stop()
        self.history.stop()
        self.ports.faults.close()
        if not ended:
            what = "a writer did not end: its last write was still open" if self.no_writes is None else "a GET was still open at the end"
            self.doubts.append(Reason(what))
        if self.writers.ledger.problem:
            self.doubts.append(Reason(self.writers.ledger.problem))

    def interrupted(self, what: str) -> Interrupted:
        """The error for Ctrl-C, with what was done until then and where it is written down."""
        noun, path = self.ports.target.noun, self.ports.folder.path / ("writes.jsonl" if self.no_writes is None else "gets.jsonl")
        done = f"the database was killed, and {noun} starts it again by itself" if self.struck else "no fault was injected"
        so_far = f"the {'writes' if self.no_writes is None else 'GETs'} so far are in {path}"
        why = f"{done}; {so_far}" if what else so_far
        return Interrupted(f"interrupted: {what or done}", why=why, next_command="shelterctl status")

    def take(self, back: ReadBack) -> None:
        """What reading back left open, and what it showed of the service."""
        self.doubts += back.questions.values()
        # A service that did not come back cannot be read through either: that is no question of its own then.
        (self.service if self.service else self.service_open).extend(back.service_open)
        self.service += back.service_failed

    def replaced(self) -> bool:
        """Whether the database's pod is ready again, as another pod or after a restart."""
        pod, before = self.history.latest(self.pod_before), self.pod_before
        return pod is not None and pod.ready and (pod.uid, pod.restarts) != (before.uid, before.restarts)

    def outcomes(self) -> list[WriteOutcome]:
        """The writes that have ended."""
        return self.writers.ledger.snapshot()
