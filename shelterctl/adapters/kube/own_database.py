"""Reads a user's own database from its own pod, with the credentials that its container has. MongoDB, by mongosh."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib.resources import files
from typing import Any

from shelterctl.adapters.kube.own import OwnCluster
from shelterctl.core.faults.database import DatabaseIdentity, database_container
from shelterctl.core.faults.ledger import StoredDocument, payload_digest
from shelterctl.core.stack.exchange import TOKEN_LENGTH, is_token
from shelterctl.core.stack.model import Engine
from shelterctl.core.state import Role
from shelterctl.errors import ApiRejected, ClusterError, NotDeployed

_TIMEOUT_S = 60.0
#: What was written last is looked for among so many of each collection.
_LOOK_AT = 500


class OwnDatabaseReader:
    """Fulfils `ports.faults.TokenReader`. `digest` gives the content of a run's write from its token and the document's fields."""

    def __init__(
        self, cluster: OwnCluster, prefix_of: Callable[[str], str], digest: Callable[[str, Mapping[str, Any]], str], place: str = ""
    ) -> None:
        self._cluster = cluster
        self._prefix_of = prefix_of
        self._digest = digest
        self._place: list[str] = _parsed(place)

    def locate(self, mark: str) -> str:
        places = self._ask({"op": "locate", "mark": mark, "limit": _LOOK_AT})["places"]
        if len(places) != 1:
            return ""
        self._place = [str(part) for part in places[0]]
        return f"{self._place[0]}.{self._place[1]}:{self._place[2]}"

    def documents(self, *, run: str | None, among: Collection[str] | None, limit: int) -> Sequence[StoredDocument]:
        """The run's documents by their tokens, or the first that are there."""
        if not self._place:
            raise ClusterError("where the application's writes lie is not known", next_command="shelterctl chaos kill-db")
        prefix = self._prefix_of(run) if run is not None else ""
        most = limit if among is None else max(limit, len(among))
        texts = self._ask({"op": "read", "place": self._place, "prefix": prefix, "limit": most})["documents"]
        if run is not None and len(texts) > limit:
            raise ClusterError(f"the database holds more than {limit} documents of run {run}")
        found = [self._document(json.loads(text), prefix) for text in texts[:most]]
        return found if among is None else [document for document in found if document.id in among]

    def _document(self, item: Mapping[str, Any], prefix: str) -> StoredDocument:
        text: Any = item
        for part in self._place[2].split("."):
            text = text.get(part) if isinstance(text, dict) else None
        mark = _mark_in(text, prefix) if prefix else ""
        if mark:
            parent: Any = item
            for part in self._place[2].split(".")[:-1]:
                parent = parent.get(part)
            return StoredDocument(mark, self._digest(mark, {key: _plain(value) for key, value in parent.items()}), mark, True)
        raw = json.dumps(item, sort_keys=True)
        return StoredDocument(json.dumps(item.get("_id"), sort_keys=True), "sha256:" + hashlib.sha256(raw.encode()).hexdigest(), "")

    def identity(self) -> DatabaseIdentity:
        told = self._ask({"op": "identity"})
        started_s = told.get("started")
        return DatabaseIdentity(str(told.get("process") or ""), float(started_s) if started_s is not None else None)

    def server(self) -> str:
        return str(self._ask({"op": "identity"}).get("server") or "")

    def _ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        engine = self._cluster.stack.roles.engine
        if engine is not Engine.MONGODB:
            raise ClusterError(f"reading {engine.value if engine else 'this database'} from its own pod is not there yet")
        pods = [pod for pod in self._cluster.state(with_usage=False).pods_of(Role.DATABASE) if pod.ready and not pod.deleting]
        container = database_container(pods[0]) if pods else None
        if container is None:
            raise NotDeployed("no pod of the database is ready to be read", next_command="shelterctl status")
        program = files("shelterctl.adapters.kube.probes").joinpath("mongo_probe.js").read_text(encoding="utf-8")
        script = f"const ASKED = {json.dumps(question)};\n{program}"
        pod = pods[0]
        command = ["mongosh", "--quiet", "--nodb", "--norc", "--eval", script]
        code, out, err = self._cluster.api.exec(pod.namespace, pod.name, container.name, command, timeout_s=_TIMEOUT_S)
        line = next((line for line in out.splitlines() if line.startswith("ANSWER ")), "")
        if code != 0 or not line:
            raise ApiRejected(f"the database in pod {pod.name} could not be read", why=(err or out).strip()[-300:])
        answer: dict[str, Any] = json.loads(line.removeprefix("ANSWER "))
        return answer


def _parsed(place: str) -> list[str]:
    """`database.collection:path` as its three parts."""
    base, _, path = place.partition(":")
    database, _, collection = base.partition(".")
    return [database, collection, path] if database and collection and path else []


def _mark_in(text: object, prefix: str) -> str:
    if not isinstance(text, str) or prefix not in text:
        return ""
    found = text[text.index(prefix) : text.index(prefix) + TOKEN_LENGTH]
    return found if is_token(found) else ""


def _plain(value: Any) -> Any:
    """A value of canonical extended JSON as it was sent (https://www.mongodb.com/docs/manual/reference/mongodb-extended-json/)."""
    if isinstance(value, dict) and len(value) == 1:
        ((kind, inner),) = value.items()
        if kind in ("$numberInt", "$numberLong"):
            return int(inner)
        if kind == "$numberDouble":
            number = float(inner)
            return int(number) if number.is_integer() else number
    return value


def content_digest(sent: Mapping[str, object], item: Mapping[str, Any]) -> str:
    """The digest of what a document has of the fields that were sent; one that it lacks counts as lost."""
    return payload_digest({key: str(item.get(key, "(not there)")) for key in sent})
