"""Reads a user's own database on this machine, past their application, by a program run with the tool's own driver."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from shelterctl.adapters import process
from shelterctl.adapters.documents.client import Client as DatabaseClient
from shelterctl.adapters.documents.client import Login
from shelterctl.adapters.documents.mongo import MongoDocuments
from shelterctl.adapters.documents.sql import SqlShell
from shelterctl.adapters.documents.tokens import Shell, TokenDocuments
from shelterctl.adapters.local.client import Client
from shelterctl.adapters.local.database import ask_program
from shelterctl.adapters.local.home import Home, read_json
from shelterctl.adapters.local.own import mariadb
from shelterctl.adapters.local.spec import MARIADB
from shelterctl.core.serial import JsonValue
from shelterctl.errors import ClusterError, NotDeployed

_TIMEOUT_S = 60.0


class LocalTokenReader(TokenDocuments):
    """Fulfils `ports.faults.TokenReader`. `python` is one that has pymongo."""

    def __init__(
        self,
        home: Home,
        python: Callable[[], Path | None],
        prefix_of: Callable[[str], str],
        sent: Callable[[str], Mapping[str, JsonValue]],
        wanted: str = "",
    ) -> None:
        super().__init__(prefix_of, sent, wanted)
        self._home = home
        self._python = python

    def shell(self) -> Shell:
        found = self._python()
        if found is None or not self._home.spec.exists():
            raise NotDeployed("nothing is deployed here", next_command="shelterctl up")
        if read_json(self._home.spec)["database"]["kind"] == MARIADB:
            return SqlShell(DatabaseClient(self._run, Login("root", (self._home.secrets / mariadb.ROOT).read_text(encoding="utf-8"))))
        return _LocalMongo(self._home, found)

    def _run(self, command: Sequence[str], stdin: str = "") -> tuple[int, str, str]:
        """Fulfils `documents.client.Exec`: the client of this machine, at the port where the database listens now."""
        found = mariadb.programs()
        beside = [str(Path(found.client).parent)] if found is not None else []
        environment = {
            "PATH": ":".join([*beside, os.environ.get("PATH", "")]),
            "SHELTERCTL_SQL_PORT": str(Client(self._home).ask("database")["port"]),
        }
        ran = process.run(command, timeout_s=_TIMEOUT_S, stdin=stdin.encode(), env=environment, check=False)
        return ran.returncode, ran.stdout.decode("utf-8", "replace"), ran.stderr.decode("utf-8", "replace")


class _LocalMongo(MongoDocuments):
    def __init__(self, home: Home, python: Path) -> None:
        self._home = home
        self._python = python

    def ask(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        import json

        source = files("shelterctl.adapters.documents").joinpath("token_probe.py").read_text(encoding="utf-8")
        # Asked each time: a supervisor that was started anew may have found another port.
        told = {**question, "port": Client(self._home).ask("database")["port"], "timeout_s": _TIMEOUT_S - 10}
        answer = ask_program(str(self._python), {}, self._home.folder, source, json.dumps(told), _TIMEOUT_S)
        if not isinstance(answer, dict):
            raise ClusterError("the database's reader printed something else than an answer")
        return answer
