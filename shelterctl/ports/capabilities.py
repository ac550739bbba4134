"""What only some targets have. An operation that needs one gets it, or the words for a target that lacks it (`Lacking`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from shelterctl.errors import CapabilityMissing

if TYPE_CHECKING:
    from shelterctl.core.deploy.image import LoadReport, LocalImage
    from shelterctl.core.deploy.stack import StackPlan
    from shelterctl.core.dns.records import DnsAnswer, DnsQuery, DnsScene

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Lacking:
    """Stands where a target lacks a capability: the sentence that says so, why it is so, and what to run instead."""

    what: str
    why: str = ""
    next_command: str = ""


def required(capability: T | Lacking) -> T:
    """The capability, for an operation that can do nothing without it. Raises CapabilityMissing with the target's own words."""
    if isinstance(capability, Lacking):
        raise CapabilityMissing(capability.what, why=capability.why, next_command=capability.next_command)
    return capability


class NodeImages(Protocol):
    """Nodes that start what was sent to them: the images that they have."""

    def runtime(self) -> str: ...

    def image_ids(self) -> Mapping[str, str]:
        """Reference (name:tag, without the default registry) to image id, for every image in the node."""

    def ids_by_digest(self) -> Mapping[str, str]:
        """A manifest's digest to the id of the image that was once pulled by it: a pod of such an image is told by the digest."""

    def load(self, image: LocalImage) -> LoadReport:
        """Brings the image into the node. Raises ImageLoadFailed where it does not arrive as it was sent."""


class Policies(Protocol):
    """Rules that let only what is known through, in the whole of a namespace."""

    def cut_off(self, plan: StackPlan) -> tuple[str, ...]:
        """What others run where the plan would go, and where shelterctl was not before: its rules would cut it off."""


class DnsProber(Protocol):
    """Names that resolve inside the target: asks them from there."""

    def scene(self) -> DnsScene:
        """The services, addresses and pods that the records are expected to match."""

    def ask(self, queries: Sequence[DnsQuery]) -> Sequence[DnsAnswer]: ...

    def close(self) -> None:
        """Takes away what was made to ask from. It may be used again afterwards."""


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
    """A machine under the target that shelterctl may start (a minikube profile)."""

    def state(self) -> MachineState: ...

    def start(self) -> Iterator[str]:
        """Starts it and yields its lines. Raises MinikubeUnavailable."""

    def enable_metrics(self) -> None: ...
