"""What a stack of the embedded target is asked to be: what the supervisor is given, and what it compares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ProbeSpec:
    """A probe as the manifest has it. `port` is its name there; `path` is empty for one that only connects."""

    path: str = ""
    port: str = ""
    period_s: float = 10.0
    timeout_s: float = 1.0
    failure_threshold: int = 3


@dataclass(frozen=True, slots=True)
class ReplicaSpec:
    """The application's template.

    `image` is `name:tag`, `folder` where its sources are kept, `python` what runs them. Requests and limits are per replica; 0 is none.
    """

    image: str
    image_id: str
    folder: str
    python: str
    environment: Mapping[str, str]
    cpu_request_millicores: int
    cpu_limit_millicores: int
    memory_request_bytes: int
    grace_s: float
    startup: ProbeSpec
    readiness: ProbeSpec
    liveness: ProbeSpec


@dataclass(frozen=True, slots=True)
class ScalerSpec:
    """The autoscaler's settings; `behavior` as written in the manifest."""

    minimum: int
    maximum: int
    cpu_target_percent: int
    behavior: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class DatabaseSpec:
    """What runs as the database. `kind` is `mongod` or `nx-27017`, `program` its command line without port and folders."""

    kind: str
    version: str
    program: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LocalSpec:
    """The whole stack. `replicas` is a fixed number where there is no autoscaler."""

    namespace: str
    replica: ReplicaSpec
    database: DatabaseSpec
    scaler: ScalerSpec | None
    replicas: int | None
    max_surge: int = 3
    min_ready_s: float = 1.0
    progress_deadline_s: float = 180.0
    sync_period_s: float = 15.0
    annotations: Mapping[str, str] = field(default_factory=dict)


def caveats(database: DatabaseSpec) -> tuple[str, ...]:
    """What the database is, where it is not MongoDB, and what it therefore says nothing about."""
    if database.kind == "mongod":
        return ()
    return (
        f"the database is {database.kind} {database.version}: MongoDB's wire protocol over SQLite, one node, no authentication; "
        "what holds for it need not hold for MongoDB",
    )
