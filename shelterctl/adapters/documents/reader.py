"""The DatabaseReader port: reads past the service, by a program that runs where the application runs and talks to the database itself."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib.resources import files

from shelterctl.core.faults.database import DatabaseIdentity
from shelterctl.core.faults.ledger import StoredDocument
from shelterctl.core.serial import JsonValue
from shelterctl.errors import ClusterError

TIMEOUT_S = 90.0
_OBJECT_ID = re.compile(r"ObjectId\(([0-9a-f]{24})\)")


#: Runs a program (its source) with one argument, in the application's place; returns where that was and what the program printed, as JSON.
Run = Callable[[str, str, float], tuple[str, JsonValue]]


class ProgramReader:
    """Asks by a program that is run anew for each question."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._server = ""
        self._identity = DatabaseIdentity()

    def documents(self, *, run: str | None, among: Collection[str] | None, limit: int) -> Sequence[StoredDocument]:
        """Raises ClusterError where the reading failed, or where it was bounded and found more than `limit`: a part proves nothing."""
        until = _last_of_each_kind(among) if among is not None else None
        answer = self._ask({"run": run, "until": until, "limit": limit, "timeout_s": TIMEOUT_S - 10})
        if (run or until) and answer.get("truncated"):
            which = f"of run {run}" if run else "among those that were there before"
            raise ClusterError(f"the database holds more than {limit} documents {which}")
        try:
            rows = json.loads(zlib.decompress(base64.b64decode(str(answer["documents"]))))
            return [StoredDocument(*row) for row in rows]
        except (ValueError, TypeError, zlib.error) as error:
            raise ClusterError("what the database's reader sent cannot be read", why=str(error)) from error

    def identity(self) -> DatabaseIdentity:
        """Asked anew each time: that it changes is what matters."""
        self._ask({"run": None, "until": None, "limit": 1, "timeout_s": 10})
        return self._identity

    def server(self) -> str:
        if not self._server:
            self._ask({"run": None, "until": None, "limit": 1, "timeout_s": 10})
        return self._server

    def _ask(self, question: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
        source = files("shelterctl.adapters.documents").joinpath("database_probe.py").read_text(encoding="utf-8")
        where, answer = self._run(source, json.dumps(question), TIMEOUT_S)
        if not isinstance(answer, dict) or "documents" not in answer:
            raise ClusterError(f"the database's reader {where} printed something else than documents")
        self._server = str(answer.get("server", ""))
        told = answer.get("identity")
        told = told if isinstance(told, dict) else {}
        started_s = told.get("started_s")
        self._identity = DatabaseIdentity(
            str(told.get("process") or ""), float(started_s) if isinstance(started_s, int | float) else None, str(told.get("address") or "")
        )
        return answer


def _last_of_each_kind(ids: Collection[str]) -> list[JsonValue]:
    """The last id of each kind, as the probe writes them: a database orders ids within one kind only (BSON's comparison order)."""
    objects = [found.group(1) for id_ in ids if (found := _OBJECT_ID.fullmatch(id_))]
    texts = [id_ for id_ in ids if not _OBJECT_ID.fullmatch(id_)]
    return [*([max(texts)] if texts else []), *([{"$oid": max(objects)}] if objects else [])]
