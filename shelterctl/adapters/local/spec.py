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
    initial_delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ReplicaSpec:
    """The application's template.

    `image` is `name:tag`, `folder` where its sources are kept, `python` what runs them. Requests and limits are per replica; 0 is none.

    `arguments` are gunicorn's for an application that is not the tool's: it knows no variable of ours. `late` are variables of it that hold
    `{database_port}` and `{pod_name}`. `probed` is whether its manifest has a probe for readiness.
    """

    image: str
    image_id: str
    folder: str
    python: str
    environment: Mapping[str, str] = field(repr=False)
    cpu_request_millicores: int
    cpu_limit_millicores: int
    memory_request_bytes: int
    grace_s: float
    startup: ProbeSpec
    readiness: ProbeSpec
    liveness: ProbeSpec | None
    arguments: tuple[str, ...] = ()
    late: Mapping[str, str] = field(repr=False, default_factory=dict)
    probed: bool = True


@dataclass(frozen=True, slots=True)
class ScalerSpec:
    """The autoscaler's settings; `behavior` as written in the manifest."""

    minimum: int
    maximum: int
    cpu_target_percent: int
    behavior: Mapping[str, object] | None = None


#: A user's MySQL or MariaDB as a process of this machine.
MARIADB = "mariadbd"
#: A database that is not the stack's: it is used, and neither started, killed nor removed.
ELSEWHERE = "elsewhere"
#: An application that keeps nothing.
NONE = "none"


@dataclass(frozen=True, slots=True)
class DatabaseSpec:
    """What the application keeps its documents in.

    `kind` is `mongod`, `nx-27017`, `mariadbd` or `elsewhere`; `program` the command line of the former three, without port and folders.
    `hosts` is where one elsewhere is. `user` is empty without authentication; its password is in `password_file`.
    """

    kind: str
    version: str
    program: tuple[str, ...]
    hosts: str = ""
    name: str = "shelter"
    user: str = ""
    auth_source: str = ""
    password_file: str = ""

    @property
    def own(self) -> bool:
        """Whether its process is the stack's."""
        return self.kind not in (ELSEWHERE, NONE)

    @property
    def title(self) -> str:
        if self.kind == NONE:
            return "no database"
        return f"{self.kind} {self.version}" if self.own else f"a database elsewhere ({self.hosts})"

    def environment(self, port: int) -> dict[str, str]:
        """What the application's settings say of it, where the stack's own listens on `port`."""
        found = {"SHELTER_MONGO_HOST": self.hosts or f"127.0.0.1:{port}", "SHELTER_MONGO_DATABASE": self.name}
        if not self.user:
            return {**found, "SHELTER_MONGO_AUTH": "off"}
        secret = {"SHELTER_MONGO_USER": self.user, "SHELTER_MONGO_PASSWORD_FILE": self.password_file}
        return {**found, **secret, "SHELTER_MONGO_AUTH": "on", "SHELTER_MONGO_AUTH_SOURCE": self.auth_source}


@dataclass(frozen=True, slots=True)
class LocalSpec:
    """The whole stack. `replicas` is a fixed number where there is no autoscaler, `port` the one that was asked for.

    `database_port` is where the application's sources look for the database; None where they are told. `deviations` is what differs here.
    """

    namespace: str
    replica: ReplicaSpec
    database: DatabaseSpec
    scaler: ScalerSpec | None
    replicas: int | None
    max_surge: int = 3
    min_ready_s: float = 1.0
    progress_deadline_s: float = 180.0
    sync_period_s: float = 15.0
    port: int | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    database_port: int | None = None
    deviations: tuple[str, ...] = ()


def caveats(database: DatabaseSpec) -> tuple[str, ...]:
    """What the database is, where it is not MongoDB, and what it therefore says nothing about."""
    if database.kind in ("mongod", NONE):
        return ()
    if not database.own:
        return (
            f"the database is not this stack's: it runs at {database.hosts}, and nothing is known of how it keeps its data; "
            "it cannot be killed from here",
        )
    if database.kind == MARIADB:
        return (f"the database is MariaDB {database.version} of this machine, whatever version and settings its image has",)
    return (
        f"the database is {database.kind} {database.version}: MongoDB's wire protocol over SQLite, one node, no authentication; "
        "what holds for it need not hold for MongoDB",
    )
