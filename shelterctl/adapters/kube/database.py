"""Reads the database from a ready pod of the application: the NetworkPolicies let nobody else reach it."""

from __future__ import annotations

from shelterctl.adapters.documents.reader import ProgramReader
from shelterctl.adapters.kube.cluster import KubernetesCluster
from shelterctl.core.serial import JsonValue
from shelterctl.core.state import Role
from shelterctl.errors import NotDeployed


class PodDatabaseReader(ProgramReader):
    """Fulfils `ports.faults.DatabaseReader`."""

    def __init__(self, cluster: KubernetesCluster) -> None:
        def run(source: str, argument: str, timeout_s: float) -> tuple[str, JsonValue]:
            ready = [pod for pod in cluster.state(with_usage=False).pods_of(Role.APP) if pod.ready and not pod.deleting]
            if not ready:
                raise NotDeployed("no pod of the application is ready to read the database from", next_command="shelterctl status")
            pod = ready[0]
            return f"in pod {pod.name}", cluster.run_in_pod(pod, pod.containers[0].name, source, [argument], timeout_s=timeout_s)

        super().__init__(run)
