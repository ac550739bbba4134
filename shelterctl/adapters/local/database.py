"""Reads the database as the application reaches it: by a program run with the replicas' own Python and settings."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shelterctl.adapters import process
from shelterctl.adapters.documents.reader import ProgramReader
from shelterctl.adapters.local.client import Client
from shelterctl.adapters.local.home import Home, read_json
from shelterctl.adapters.local.spec import DatabaseSpec
from shelterctl.core.serial import JsonValue, from_json
from shelterctl.errors import ClusterError, CommandFailed, NotDeployed, PrerequisiteError

#: What a driver adds to the sentence that says what is wrong.
_DRIVERS_DETAIL = re.compile(r"[,;]? ?(\(configured timeouts:|full error:).*", re.DOTALL)


class LocalDatabaseReader(ProgramReader):
    """Fulfils `ports.faults.DatabaseReader`."""

    def __init__(self, home: Home) -> None:
        client = Client(home)

        def run(source: str, argument: str, timeout_s: float) -> tuple[str, JsonValue]:
            spec = read_json(home.spec)
            replica: Mapping[str, Any] = spec.get("replica") or {}
            if not replica:
                raise NotDeployed("nothing is deployed here", next_command="shelterctl up")
            port = client.ask("database")["port"]
            environment = {**replica["environment"], **from_json(DatabaseSpec, spec["database"]).environment(port)}
            return "on this machine", ask_program(replica["python"], environment, home.folder, source, argument, timeout_s)

        super().__init__(run)


def check_elsewhere(database: DatabaseSpec, python: Path) -> str:
    """What answers there, by name. Raises PrerequisiteError where the application could not use it: waiting mends no wrong password."""

    def run(source: str, argument: str, timeout_s: float) -> tuple[str, JsonValue]:
        return "there", ask_program(str(python), database.environment(0), Path.cwd(), source, argument, timeout_s)

    try:
        return ProgramReader(run).server()
    except ClusterError as error:
        raise PrerequisiteError(
            f"the database at {database.hosts} cannot be used",
            why=_DRIVERS_DETAIL.sub("", error.why.removeprefix("pymongo.errors.")),
            next_command="--mongo-uri and --mongo-password-file",
            details=(error.why,),
        ) from error


def ask_program(python: str, environment: Mapping[str, str], folder: Path, source: str, argument: str, timeout_s: float) -> JsonValue:
    """Raises ClusterError."""
    try:
        done = process.run([python, "-c", source, argument], timeout_s=timeout_s, env=environment, cwd=folder)
        answer: JsonValue = json.loads(done.text)
    except CommandFailed as error:
        raise ClusterError("the database cannot be read", why=error.why, details=error.details) from error
    except ValueError as error:
        raise ClusterError("the database's reader gave no JSON", why=done.text.strip()[-400:]) from error
    return answer
