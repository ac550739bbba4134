"""What `doctor` needs from the world: an examination of the target, and the few repairs."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Sequence
from typing import Protocol

from shelterctl.core.checkup.capacity import Demand, Requested
from shelterctl.core.checkup.check import Finding, Repair
from shelterctl.core.checkup.cluster import InsideNode, NodeFacts, StorageClassFacts, SystemPod
from shelterctl.core.checkup.host import EngineFacts, KubeconfigFacts, MachineFacts, ToolFacts
from shelterctl.core.checkup.metrics import MetricsFacts, StartOptions
from shelterctl.core.checkup.scaling import ScalingFacts
from shelterctl.core.checkup.service import AnswerFacts, ImageFacts, PortFacts
from shelterctl.core.checkup.stack import StackFacts


class Examiner(Protocol):
    """The checks of one kind of target: what is looked at, and in which order. `title` says at what."""

    @property
    def title(self) -> str: ...

    def examine(self) -> Generator[str, None, tuple[Finding, ...]]:
        """One examination, with fresh eyes. Yields what it waits for."""

    def proof_of(self, repair: Repair) -> Collection[str]:
        """The checks (ids) that must be well before the repair counts as one, beside those that asked for it."""


class CheckupRepairs(Protocol):
    """The mends that lose nothing."""

    def repair(self, finding: Finding) -> Iterator[str]:
        """Runs the finding's repair and yields its lines. Raises ShelterError where it failed."""


class ClusterFacts(Protocol):
    """One look at a cluster, the machine under it and the stack in it.

    Each method may be called from a thread of its own, and raises ShelterError where it cannot tell.
    """

    def engine(self) -> EngineFacts: ...

    def tools(self) -> ToolFacts: ...

    def minikube_program(self) -> tuple[str, str]:
        """Path and version; an empty path where there is none."""

    def machine(self) -> MachineFacts: ...

    def start_options(self) -> StartOptions: ...

    def kubeconfig(self) -> KubeconfigFacts: ...

    def server_version(self) -> str:
        """Raises ApiUnreachable, ContextError."""

    def nodes(self) -> Sequence[NodeFacts]: ...

    def inside_nodes(self) -> Sequence[InsideNode]:
        """At least one. Raises where no shell reaches a node."""

    def system_pods(self) -> Sequence[SystemPod]: ...

    def storage_classes(self) -> Sequence[StorageClassFacts]: ...

    def metrics(self) -> MetricsFacts: ...

    def requested(self) -> Sequence[Requested]: ...

    def demand(self) -> Demand: ...

    def stack(self) -> StackFacts: ...

    def scaling(self) -> ScalingFacts: ...

    def image(self) -> ImageFacts: ...

    def port(self) -> PortFacts: ...

    def answer(self) -> AnswerFacts: ...
