"""What the operations need from the world. Adapters fulfil these protocols for one kind of target; nothing here names one.

A *stack* is what `shelterctl up` deploys: the application, its database and what scales them. A *pod* is one running replica of a
workload, wherever it runs. Every method may raise `ShelterError`s and nothing else on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from shelterctl.core.deploy.image import LoadReport, LocalImage
from shelterctl.core.deploy.stack import ApplyReport, ObjectChange, RemovalReport, StackOptions, StackPlan
from shelterctl.core.dns.records import DnsAnswer, DnsQuery, DnsScene
from shelterctl.core.events import Event
from shelterctl.core.faults.fault import KillMode, KillReport
from shelterctl.core.faults.ledger import StoredDocument
from shelterctl.core.load.plan import LoadPlan, LoadSample
from shelterctl.core.serial import JsonValue
from shelterctl.core.state import Pod, PodName, Role, StackState, Usage


class Clock(Protocol):
    """Time. `monotonic_s` orders what happened here; `wall_s` (since the epoch) is compared with the cluster's times."""

    def monotonic_s(self) -> float: ...

    def wall_s(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """The image engine: its version, whether it keeps images by their configuration's digest, and the folder that it keeps them in."""

    version: str
    config_digest_ids: bool
    root_dir: str = ""


class ImageEngine(Protocol):
    """Builds images on this machine and keeps them."""

    def check(self) -> EngineInfo:
        """Raises DockerUnavailable where the engine does not answer."""

    def inspect(self, reference: str) -> LocalImage | None: ...

    def forget(self, reference: str) -> None:
        """Takes the name off an image. Raises DockerUnavailable."""

    def build(self, context: Path, reference: str, build_args: Mapping[str, str]) -> Iterator[str]:
        """Builds `context` and yields the builder's lines. Raises BuildFailed with the last of them."""


class BuildContext(Protocol):
    """The application's sources."""

    def tag(self) -> str:
        """The tag of the files as they are now (`core.image.context_tag`)."""

    def path(self) -> Path: ...

    def git_revision(self) -> str: ...


class NodeImageStore(Protocol):
    """The images that the target's nodes can start."""

    def runtime(self) -> str: ...

    def image_ids(self) -> Mapping[str, str]:
        """Reference (name:tag, without the default registry) to image id, for every image in the node."""

    def load(self, image: LocalImage) -> LoadReport:
        """Brings the image into the node. Raises ImageLoadFailed where it does not arrive as it was sent."""


@dataclass(frozen=True, slots=True)
class MachineState:
    """What runs the cluster. `exists` and `running` are about the machine, `metrics_enabled` about its metrics add-on."""

    profile: str
    exists: bool
    running: bool
    driver: str = ""
    version: str = ""
    metrics_enabled: bool | None = None
    detail: str = ""


class Machine(Protocol):
    """The machine under the cluster (a minikube profile), where shelterctl may start it."""

    def state(self) -> MachineState: ...

    def start(self) -> Iterator[str]:
        """Starts it and yields its lines. Raises MinikubeUnavailable."""

    def enable_metrics(self) -> None: ...


class Cluster(Protocol):
    """The target that runs the stack."""

    def version(self) -> str:
        """Raises ApiUnreachable, ContextError."""

    def plan(self, options: StackOptions) -> StackPlan:
        """Renders what `options` ask for. Changes nothing."""

    def pods_of_others(self, plan: StackPlan) -> tuple[str, ...]:
        """What others run where the plan would go, and where shelterctl was not before."""

    def ensure_credentials(self, plan: StackPlan, *, force: bool = False) -> tuple[tuple[str, ...], tuple[ObjectChange, ...]]:
        """Creates what passwords are absent, and before them the namespaces that they live in; never changes one that exists.

        Returns the names of the passwords created, and what became of the namespaces. `force` as for `apply`. Raises ApiRejected.
        """

    def apply(self, plan: StackPlan, *, dry_run: bool = False, force: bool = False) -> ApplyReport:
        """Makes the target equal to the plan and prunes what an earlier plan made, but for what running pods may still need.

        Raises ApiRejected.
        """

    def prune_superseded(self, plan: StackPlan) -> ApplyReport:
        """Prunes what only the pods of earlier revisions needed; called when they have gone."""

    def state(self, *, warnings_since_s: float = 0.0, with_usage: bool = True) -> StackState:
        """The stack now, with the warnings newer than `warnings_since_s` (epoch seconds)."""

    def usage(self) -> tuple[Usage, ...]:
        """The pods' last measured usage. Raises ApiRejected where nothing measures them."""

    def watch(self, stop: Callable[[], bool]) -> Iterator[Event]:
        """Pods, autoscaler and events as they change, until `stop()`; the first round tells what is there already."""

    def log_tail(self, pod: Pod, container: str, *, lines: int, previous: bool = False) -> tuple[str, ...]: ...

    def follow_logs(self, role: Role, *, follow: bool, previous: bool, lines: int) -> Iterator[tuple[PodName, str]]: ...

    def remove(self, *, delete_data: bool) -> Iterator[str | RemovalReport]:
        """Removes what `apply` made: yields what it waits for, and the report last."""

    def run_in_pod(self, pod: Pod, container: str, program: str, arguments: Sequence[str], *, timeout_s: float) -> JsonValue:
        """Runs a Python program in the container and returns the JSON that it printed."""


class FaultInjector(Protocol):
    """Kills for real, and says how it knows."""

    def prepare(self, pod: Pod, mode: KillMode) -> None:
        """Finds the process and opens what is needed, so that `kill` takes a moment only. Raises FaultFailed."""

    def kill(self) -> KillReport:
        """Injects the fault. Raises FaultFailed where nothing was killed."""

    def close(self) -> None: ...


class DatabaseReader(Protocol):
    """Reads the documents past the service, straight from the database."""

    def documents(self, *, run: str | None, until: str | None, limit: int) -> Sequence[StoredDocument]:
        """Documents in id order: of one run (by what their payload says) or of anybody, up to and with the id `until`.

        Without bounds the first `limit`. Raises ClusterError where the reading failed, or a bounded one found more than `limit`.
        """

    def server(self) -> str:
        """The database's own name and version, such as `mongod 8.0.4`."""


class DnsProber(Protocol):
    """Asks names from inside the target."""

    def scene(self) -> DnsScene:
        """The services, addresses and pods that the records are expected to match."""

    def ask(self, queries: Sequence[DnsQuery]) -> Sequence[DnsAnswer]: ...


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A response: status, lower-case headers, body. `elapsed_s` from the first byte sent to the last received."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed_s: float


class SendOutcome(Exception):
    """No response. `sent` is False only where it is certain that not one byte of the request left this machine."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent


class Http(Protocol):
    """One client with its own connections; it never retries."""

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None, timeout_s: float
    ) -> HttpAnswer:
        """Raises SendOutcome where there is no response."""

    def close(self) -> None: ...


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


class RunFolder(Protocol):
    """A run's folder: `events.jsonl`, `result.json` and what else the run writes."""

    @property
    def run_id(self) -> str: ...

    @property
    def path(self) -> Path: ...

    def append_journal(self, name: str, line: str) -> None:
        """Appends a line to a journal and hands it to the operating system before it returns."""
