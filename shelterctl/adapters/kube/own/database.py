"""Reads a user's own database from its own pod, with the credentials that its container has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from shelterctl.adapters.documents.tokens import Shell, TokenDocuments
from shelterctl.adapters.kube.own.cluster import OwnCluster
from shelterctl.adapters.kube.own.mongo import Exec, MongoShell
from shelterctl.adapters.kube.own.sql import SqlShell
from shelterctl.core.faults.database import database_container
from shelterctl.core.serial import JsonValue
from shelterctl.core.stack.model import Engine
from shelterctl.core.state import Role
from shelterctl.errors import ClusterError, NotDeployed

_TIMEOUT_S = 60.0
_SHELLS: Mapping[Engine, Callable[[Exec], Shell]] = {Engine.MONGODB: MongoShell, Engine.MYSQL: SqlShell, Engine.MARIADB: SqlShell}


class OwnDatabaseReader(TokenDocuments):
    """Fulfils `ports.faults.TokenReader`."""

    def __init__(self, cluster: OwnCluster, prefix_of: Callable[[str], str], sent: Callable[[str], Mapping[str, JsonValue]]) -> None:
        super().__init__(prefix_of, sent)
        self._cluster = cluster

    def shell(self) -> Shell:
        engine = self._cluster.stack.roles.engine
        made = _SHELLS.get(engine) if engine is not None else None
        if made is None:
            raise ClusterError(f"{engine.value if engine else 'this database'} is not read from its own pod yet")
        pods = [pod for pod in self._cluster.state(with_usage=False).pods_of(Role.DATABASE) if pod.ready and not pod.deleting]
        container = database_container(pods[0]) if pods else None
        if container is None:
            raise NotDeployed("no pod of the database is ready to be read", next_command="shelterctl status")
        pod, name = pods[0], container.name

        def run(command: Sequence[str]) -> tuple[int, str, str]:
            return self._cluster.api.exec(pod.namespace, pod.name, name, command, timeout_s=_TIMEOUT_S)

        return made(run)
