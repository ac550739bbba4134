"""Reads a user's own database from its own pod, with the credentials that its container has, or those of a Secret that the owner named."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence

from shelterctl.adapters.documents.client import Client, Login
from shelterctl.adapters.documents.sql import SqlShell
from shelterctl.adapters.documents.tokens import Shell, TokenDocuments
from shelterctl.adapters.kube.own.cluster import OwnCluster
from shelterctl.adapters.kube.own.mongo import MongoShell
from shelterctl.adapters.kube.own.postgres import PostgresShell
from shelterctl.core.faults.database import database_container
from shelterctl.core.serial import JsonValue
from shelterctl.core.stack.model import Engine
from shelterctl.core.state import Role
from shelterctl.errors import ClusterError, NotDeployed, PodCommandTimeout

#: A database that works off what a load left it answers late: one question took 56 s and the next more than 60.
_TIMEOUT_S = 150.0
_SHELLS: Mapping[Engine, Callable[[Client], Shell]] = {
    Engine.MONGODB: MongoShell, Engine.MYSQL: SqlShell, Engine.MARIADB: SqlShell, Engine.POSTGRESQL: PostgresShell,
}  # fmt: skip


class OwnDatabaseReader(TokenDocuments):
    """Fulfils `ports.faults.TokenReader`. `secret` is `name/user-key/password-key`; empty for the container's own credentials."""

    def __init__(
        self,
        cluster: OwnCluster,
        prefix_of: Callable[[str], str],
        sent: Callable[[str], Mapping[str, JsonValue]],
        *,
        wanted: str = "",
        secret: str = "",
    ) -> None:
        super().__init__(prefix_of, sent, wanted)
        self._cluster = cluster
        self._secret = secret

    def shell(self) -> Shell:
        engine = self._cluster.stack.roles.engine
        if engine is None:
            raise ClusterError(
                "which engine the database is was not recognized: it cannot be read",
                next_command="[database] engine in shelterctl.toml: mongodb, mysql, mariadb or postgresql",
            )
        pods = [pod for pod in self._cluster.state(with_usage=False).pods_of(Role.DATABASE) if pod.ready and not pod.deleting]
        container = database_container(pods[0]) if pods else None
        if container is None:
            raise NotDeployed("no pod of the database is ready to be read", next_command="shelterctl status")
        pod, name = pods[0], container.name

        def run(command: Sequence[str], stdin: str = "") -> tuple[int, str, str]:
            try:
                return self._cluster.api.exec(pod.namespace, pod.name, name, command, timeout_s=_TIMEOUT_S, stdin=stdin)
            except PodCommandTimeout as error:
                raise ClusterError(
                    f"the database in pod {pod.name} did not answer its own shell within {_TIMEOUT_S:.0f} s: it cannot be read",
                    why="it may still be at what a load before left it to do, or read a whole collection without an index",
                    next_command=f"kubectl -n {pod.namespace} top pod {pod.name}   (then again, when it is idle)",
                ) from error

        return _SHELLS[engine](Client(run, self._login(pod.namespace)))

    def _login(self, namespace: str) -> Login | None:
        """Raises ClusterError where the Secret, or one of its keys, is not there."""
        if not self._secret:
            return None
        name, *keys = self._secret.split("/")
        found = self._cluster.api.get_or_none(self._cluster.api.object_path("v1", "Secret", namespace, name))
        if found is None:
            raise ClusterError(
                f"[database] secret = {self._secret}: namespace {namespace} has no Secret {name}",
                next_command=f"kubectl -n {namespace} get secrets",
            )
        return login_of(found.get("data") or {}, name, keys)


def login_of(data: Mapping[str, str], name: str, keys: Sequence[str]) -> Login:
    """User and password out of a Secret's data, in base64. Raises ClusterError, which says nothing of what is in it."""
    values = []
    for key in keys:
        if key not in data:
            raise ClusterError(f"[database] secret: Secret {name} has no key {key}", why=f"it has {', '.join(data) or 'none'}")
        try:
            value = base64.b64decode(data[key], validate=True).decode().rstrip("\n")
        except (binascii.Error, UnicodeDecodeError):
            value = ""
        if not value or "\n" in value or "\0" in value:
            raise ClusterError(f"[database] secret: key {key} of Secret {name} is no single line of text")
        values.append(value)
    return Login(*values)
