"""What a deployment was asked to be, and what applying it changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum


@dataclass(frozen=True, slots=True)
class StackOptions:
    """What `up` was asked for. None leaves the manifests' own value.

    `replicas` asks for a fixed number of pods and no autoscaler; it excludes the three fields of the autoscaler.
    The last three are the embedded target's: how often the autoscaler looks, where the service listens, a database elsewhere.
    """

    overlay: str
    image: str
    cpu_target_percent: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    node_port: int | None = None
    replicas: int | None = None
    sync_period_s: float | None = None
    port: int | None = None
    database_uri: str | None = None

    def problems(self) -> tuple[str, ...]:
        """Sentences about values that cannot be meant; empty where all is well."""
        found = []
        if self.cpu_target_percent is not None and not 1 <= self.cpu_target_percent <= 1000:
            found.append(f"--cpu-target {self.cpu_target_percent}: a percentage of the requested CPU, from 1 to 1000")
        for name, value in (("--min", self.minimum), ("--max", self.maximum), ("--replicas", self.replicas)):
            if value is not None and not 1 <= value <= 100:
                found.append(f"{name} {value}: a number of pods from 1 to 100")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            found.append(f"--min {self.minimum} is more than --max {self.maximum}")
        if self.node_port is not None and not 30000 <= self.node_port <= 32767:
            found.append(f"--node-port {self.node_port}: a port from 30000 to 32767, the range of NodePorts")
        if self.sync_period_s is not None and not 1 <= self.sync_period_s <= 300:
            found.append(f"--sync-period {self.sync_period_s:g}s: from 1 s to 5 min")
        if self.port is not None and not 1 <= self.port <= 65535:
            found.append(f"--port {self.port}: a port from 1 to 65535")
        if self.replicas is not None and (self.minimum, self.maximum, self.cpu_target_percent) != (None, None, None):
            found.append("--replicas asks for a fixed number of pods: it excludes --min, --max and --cpu-target")
        return tuple(found)


@dataclass(frozen=True, slots=True)
class StackPlan:
    """What is to be applied. `documents` belong to the adapter that rendered them; nobody else reads them.

    `edits` are sentences about what was changed in them on the way, where somebody else wrote them.
    """

    options: StackOptions
    images: tuple[str, ...]
    object_count: int
    autoscaled: bool
    documents: tuple[Mapping[str, object], ...] = field(repr=False)
    edits: tuple[str, ...] = ()


class Change(Enum):
    """What applying did to one object."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    PRUNED = "pruned"


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """One object (`kind/name`) and what happened to it; `diff` has unified lines, with secrets' values left out."""

    object: str
    namespace: str
    change: Change
    diff: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApplyReport:
    """What applying changed, object by object, in the order of application."""

    changes: tuple[ObjectChange, ...]

    def of(self, change: Change) -> tuple[ObjectChange, ...]:
        return tuple(item for item in self.changes if item.change is change)

    def including(self, others: Iterable[ObjectChange]) -> ApplyReport:
        """The same, with what was done to its objects besides, where applying them changed nothing."""
        known = {(item.object, item.namespace): item for item in others}
        return ApplyReport(
            tuple(known.get((item.object, item.namespace), item) if item.change is Change.UNCHANGED else item for item in self.changes)
        )

    @property
    def changed_anything(self) -> bool:
        return any(item.change is not Change.UNCHANGED for item in self.changes)


@dataclass(frozen=True, slots=True)
class RemovalReport:
    """What `down` removed and what it kept, as `kind/name`."""

    removed: tuple[str, ...]
    kept: tuple[str, ...]
