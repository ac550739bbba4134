"""Reads the database as the application reaches it: by a program run with the replicas' own Python and settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shelterctl.adapters import process
from shelterctl.adapters.documents.reader import ProgramReader
from shelterctl.adapters.local.client import Client
from shelterctl.adapters.local.home import Home, read_json
from shelterctl.core.serial import JsonValue
from shelterctl.errors import ClusterError, CommandFailed, NotDeployed


class LocalDatabaseReader(ProgramReader):
    """Fulfils `ports.faults.DatabaseReader`."""

    def __init__(self, home: Home) -> None:
        client = Client(home)

        def run(source: str, argument: str, timeout_s: float) -> tuple[str, JsonValue]:
            replica: Mapping[str, Any] = read_json(home.spec).get("replica") or {}
            if not replica:
                raise NotDeployed("nothing is deployed here", next_command="shelterctl up")
            port = client.ask("database")["port"]
            environment = {**replica["environment"], "SHELTER_MONGO_HOST": f"127.0.0.1:{port}", "SHELTER_MONGO_AUTH": "off"}
            try:
                done = process.run([replica["python"], "-c", source, argument], timeout_s=timeout_s, env=environment, cwd=Path(home.folder))
                answer: JsonValue = json.loads(done.text)
            except CommandFailed as error:
                raise ClusterError("the database cannot be read", why=error.why, details=error.details) from error
            except ValueError as error:
                raise ClusterError("the database's reader gave no JSON", why=done.text.strip()[-400:]) from error
            return "on this machine", answer

        super().__init__(run)
