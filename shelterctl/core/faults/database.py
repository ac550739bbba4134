"""Which container of a pod is the database, whether its data lie where they outlive the pod, and which process the application reaches."""

from __future__ import annotations

from dataclasses import dataclass

from shelterctl.core.state import ContainerState, Mount, Pod

#: The engines' own ports: MongoDB (https://www.mongodb.com/docs/manual/reference/default-mongodb-port/), MySQL and MariaDB, PostgreSQL.
PORTS = frozenset({27017, 3306, 5432})


#: A start is told as the time less the uptime, read a moment apart.
START_JITTER_S = 1.5


@dataclass(frozen=True, slots=True)
class DatabaseIdentity:
    """The database's process as the application reaches it: its own name for itself (`hello`'s processId), when it started by its own clock
    (epoch seconds), and the address that the host's name leads to. What it does not tell is empty."""

    process: str = ""
    started_s: float | None = None
    address: str = ""

    def is_still(self, later: DatabaseIdentity) -> bool | None:
        """Whether the same process answers later; None where that cannot be told."""
        if self.process and later.process:
            return self.process == later.process
        if self.started_s is not None and later.started_s is not None:
            return later.started_s - self.started_s < START_JITTER_S
        return False if self.address and later.address and self.address != later.address else None

    @property
    def words(self) -> str:
        return f"process {self.process}" if self.process else f"at {self.address or 'an unknown address'}"


#: What a database is that tells nothing of itself.
UNTOLD = DatabaseIdentity()


def database_container(pod: Pod) -> ContainerState | None:
    """The container that serves a database's port; the only one where there is one only; None where two could be meant, or none is."""
    if len(pod.containers) == 1:
        return pod.containers[0]
    serving = [container for container in pod.containers if PORTS & set(container.ports)]
    return serving[0] if len(serving) == 1 else None


def data_mount(container: ContainerState) -> Mount | None:
    """The volume that holds the database's data: the innermost mount above its folder.

    None where no volume does, or the folder is not known.
    """
    path = container.data_path.rstrip("/")
    above = [mount for mount in container.mounts if path and f"{path}/".startswith(f"{mount.path.rstrip('/')}/")]
    return max(above, key=lambda mount: len(mount.path.rstrip("/")), default=None)


def pod_problem(pod: Pod) -> str:
    """Why a claim of a database's pod does not keep its data; empty where it does, or where that is not known."""
    container = database_container(pod)
    return data_problem(pod, container) if container is not None and not pod.deleting else ""


def data_problem(pod: Pod, container: ContainerState) -> str:
    """Why a claim of the pod does not keep the database's data; empty where it does, or where the data's folder is not known."""
    if not container.data_path:
        return ""
    mount = data_mount(container)
    if mount is not None and mount.kind == "claim":
        return ""
    claims = [f"{item.name} at {item.path}" for item in container.mounts if item.kind == "claim"]
    where = f"in {mount.kind} {mount.name}" if mount is not None else "in the container's own layer"
    beside = f", and its claim is mounted elsewhere ({', '.join(claims)})" if claims else ""
    return f"{container.name} of pod {pod.name} keeps its data ({container.data_path}) {where}{beside}"
