"""Which database a user's stack gets on this machine: a mongod on the PATH, else what stands in for it; each takes the manifests' users."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from shelterctl.adapters.local import engines
from shelterctl.adapters.local.home import Home
from shelterctl.adapters.local.own.target import USERS
from shelterctl.adapters.local.spec import ELSEWHERE, NONE, DatabaseSpec


def find(home: Home, python: Path | None, *, kept: str = "") -> DatabaseSpec:
    """The database to run, without the users that the tool's own stack makes."""
    found = engines.find(home, python, kept=kept)
    entry = Path(engines.__file__).with_name("supervisor") / "stack_entry.py"
    # Of the tool's own command line the server's part stays: mongod and its options; nx-27017 is started by the entry.
    server = found.program[found.program.index(engines.USER) + 1 :] if found.kind == engines.MONGOD else ()
    program = (str(python or "python3"), str(entry), str(home.secrets / USERS), found.kind, *server)
    return replace(found, program=program, name="", user="", auth_source="", password_file="")


def not_ours(hosts: tuple[str, ...]) -> DatabaseSpec:
    """Where no workload of the stack is a database: one elsewhere that the variables name, or none at all."""
    return DatabaseSpec(ELSEWHERE, "", (), ",".join(hosts)) if hosts else DatabaseSpec(NONE, "", ())
