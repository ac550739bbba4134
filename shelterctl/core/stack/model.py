"""The records of a stack: workloads, containers, Services, claims, scalers, images, requests. Values of secrets are never in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from shelterctl.core.stack.documents import Origin


class Engine(Enum):
    """The database's engine. MARIADB is spoken to as MySQL is."""

    MONGODB = "mongodb"
    MYSQL = "mysql"
    MARIADB = "mariadb"
    POSTGRESQL = "postgresql"

    @property
    def data_path(self) -> str:
        """Where the official images keep their data."""
        return {"mongodb": "/data/db", "postgresql": "/var/lib/postgresql/data"}.get(self.value, "/var/lib/mysql")


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of a container's environment.

    `source` is empty for a literal, else `secret/NAME/KEY` or `configmap/NAME/KEY`. `shown` is the value without what may be secret in it;
    `hosts` are the `host` or `host:port` in it, `user` whether it names one, `query` the options of a URI.
    """

    name: str
    source: str
    shown: str
    origin: Origin
    hosts: tuple[str, ...] = ()
    user: bool = False
    database: str = ""
    query: Mapping[str, str] | None = None
    password_in_clear: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """A Secret or ConfigMap that a pod needs; `key` is empty where all of it is taken."""

    kind: str
    name: str
    key: str
    origin: Origin
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Container:
    """Requests and limits are millicores and bytes; None where none is stated. `probes` are startup, readiness, liveness."""

    name: str
    image: str
    image_origin: Origin
    policy: str
    ports: tuple[int, ...]
    variables: tuple[Variable, ...]
    references: tuple[Reference, ...]
    cpu_request_millicores: int | None
    cpu_limit_millicores: int | None
    memory_request_bytes: int | None
    memory_limit_bytes: int | None
    probes: frozenset[str]
    mounts: Mapping[str, str]
    command: tuple[str, ...]
    origin: Origin
    read_only_root: bool = False
    probe_commands: tuple[str, ...] = ()

    def variable(self, name: str) -> Variable | None:
        return next((item for item in self.variables if item.name == name), None)


@dataclass(frozen=True, slots=True)
class Volume:
    """A pod's volume. `kind` is claim, emptyDir, hostPath, secret, configMap or another; `source` the name or the path."""

    name: str
    kind: str
    source: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment, StatefulSet, DaemonSet or Pod. `namespace` is the effective one. `service_name` is a StatefulSet's."""

    kind: str
    name: str
    namespace: str
    labels: Mapping[str, str]
    selector: Mapping[str, str]
    containers: tuple[Container, ...]
    init_containers: tuple[Container, ...]
    replicas: int | None
    replicas_origin: Origin | None
    strategy: str
    service_name: str
    volumes: tuple[Volume, ...]
    claim_templates: tuple[str, ...]
    origin: Origin
    strategy_origin: Origin | None = None
    service_name_origin: Origin | None = None
    #: What its volumes hold of Secrets and ConfigMaps.
    mounted: tuple[Reference, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.kind}/{self.name}"

    @property
    def needs(self) -> tuple[Reference, ...]:
        """Every Secret and ConfigMap that its pods need."""
        return (*(r for container in (*self.containers, *self.init_containers) for r in container.references), *self.mounted)

    @property
    def images(self) -> tuple[str, ...]:
        return tuple(container.image for container in (*self.containers, *self.init_containers))

    def data_mount(self, path: str) -> tuple[Container, Volume | None, str] | None:
        """The container, the volume and the mount's path that hold what lies at `path`; the volume is None for a claim template."""
        for container in self.containers:
            for mounted, name in sorted(container.mounts.items(), key=lambda item: -len(item[0])):
                if path == mounted or path.startswith(mounted.rstrip("/") + "/"):
                    return container, next((volume for volume in self.volumes if volume.name == name), None), mounted
        return None


@dataclass(frozen=True, slots=True)
class Service:
    """`ports` are (port, target port, node port or 0)."""

    name: str
    namespace: str
    kind: str
    headless: bool
    selector: Mapping[str, str]
    ports: tuple[tuple[int, str, int], ...]
    origin: Origin

    def leads_to(self, workload: Workload) -> bool:
        return bool(self.selector) and self.namespace == workload.namespace and self.selector.items() <= workload.labels.items()


@dataclass(frozen=True, slots=True)
class Scaler:
    """A HorizontalPodAutoscaler. `target` is `Kind/name`; `cpu_percent` None where it does not go by the CPU."""

    name: str
    namespace: str
    target: str
    minimum: int
    maximum: int
    cpu_percent: int | None
    behavior: bool
    origin: Origin


@dataclass(frozen=True, slots=True)
class ClaimFact:
    name: str
    namespace: str
    storage_class: str | None
    volume_name: str
    size_bytes: int
    origin: Origin


@dataclass(frozen=True, slots=True)
class VolumeFact:
    """A PersistentVolume. `retained` as its reclaim policy says (hand-made ones keep their data by default)."""

    name: str
    kind: str
    path: str
    storage_class: str
    size_bytes: int
    retained: bool
    origin: Origin


@dataclass(frozen=True, slots=True)
class Build:
    """An image that is built from the stack's folder: the Dockerfile and its context, relative to it.

    `copies` are the paths of the context that the Dockerfile copies; `.` where it copies all of it. `packages` are those that it installs,
    `data_path` where it says that a database keeps its data (PGDATA), `sets` the variables that it sets.
    """

    dockerfile: str
    context: str
    base: str
    command: tuple[str, ...] = ()
    user: str = ""
    copies: tuple[str, ...] = (".",)
    packages: tuple[str, ...] = ()
    data_path: str = ""
    sets: tuple[str, ...] = ()


class Body(Enum):
    """What a write carries."""

    JSON = "json"
    FORM = "form"
    FILE = "file"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the application, as its sources have it.

    `keys` are those that it takes out of the body, `verbatim` whether it stores the body as it comes. `statuses` are those that it
    answers by name, `answers_id` is the JSON pointer to what is named like an id in its answer, empty where the sources show none.
    """

    path: str
    methods: tuple[str, ...]
    origin: Origin
    function: str = ""
    writes: bool = False
    reads: bool = False
    deletes: bool = False
    body: Body = Body.NONE
    keys: tuple[str, ...] = ()
    verbatim: bool = False
    statuses: tuple[int, ...] = ()
    redirects: bool = False
    html: bool = False
    guarded: str = ""
    answers_id: str = ""

    @property
    def write_method(self) -> str:
        """The method to write with: POST, else PUT, else the first that the route takes."""
        return next((method for method in ("POST", "PUT") if method in self.methods), self.methods[0])

    def spoken(self, method: str) -> str:
        return f"{method} {self.path}"


@dataclass(frozen=True, slots=True)
class VariableRead:
    """A variable that the sources read; `default` is what they take without it."""

    name: str
    default: str
    origin: Origin


#: What the trait `write-concern` says that sources ask of MongoDB before it acknowledges a write.
JOURNALED, UNACKNOWLEDGED, UNDECIDED = "journaled", "unacknowledged", "undecided"


@dataclass(frozen=True, slots=True)
class Trait:
    """Something in the sources that a finding rests on: its code, and where it stands."""

    code: str
    origin: Origin
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Sources:
    """What the Flask sources say. `root` is their folder; `files` how many were read; `addresses` lead to hosts (`told.addresses`)."""

    routes: tuple[Route, ...] = ()
    reads: tuple[VariableRead, ...] = ()
    traits: tuple[Trait, ...] = ()
    requirements: Mapping[str, str] | None = None
    roots: tuple[str, ...] = ()
    files: int = 0
    unreadable: tuple[Origin, ...] = ()
    addresses: tuple[Variable, ...] = ()

    def trait(self, code: str) -> Trait | None:
        return next((trait for trait in self.traits if trait.code == code), None)


class Weight(Enum):
    """BLOCKS: the stack cannot work so. RISK: it works until something happens. NOTE: worth knowing."""

    BLOCKS = "blocks"
    RISK = "risk"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class StackFinding:
    """A fault or a trait of the stack. `code` names its kind for good; `mend` is what to do about it."""

    code: str
    weight: Weight
    what: str
    origin: Origin
    why: str = ""
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A doubt that only the owner can settle: the setting that answers it, and what it may be."""

    setting: str
    text: str
    choices: tuple[str, ...]
    origin: Origin
