"""Finds the database's own line about an unclean shutdown in the log of the container that came after it."""

from __future__ import annotations

import json
from collections.abc import Iterable

from shelterctl.core.state import Pod
from shelterctl.errors import ShelterError
from shelterctl.ports.target import Target

#: mongod's structured log: id 22271, "Detected unclean shutdown - Lock file is not empty" (src/mongo/db/storage/storage_engine_init.cpp).
UNCLEAN_ID = 22271
#: PostgreSQL's, in English: StartupXLOG (src/backend/access/transam/xlog.c, xlogrecovery.c).
_POSTGRES = "database system was not properly shut down"
_LINES = 2_000


def find(target: Target, pod: Pod, container: str, server: str) -> str:
    """The line's message, or an empty string where the log has none or cannot be read."""
    try:
        lines = target.log_tail(pod, container, lines=_LINES)
    except ShelterError:
        return ""
    return unclean(lines, server)


def unclean(lines: Iterable[str], server: str) -> str:
    """The message; `server` is the database's own name, such as `mongod 8.0.4`."""
    if server.startswith("PostgreSQL "):
        found = next((line for line in lines if _POSTGRES in line), "")
        return found[found.index(_POSTGRES) :].strip() if found else ""
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("id") == UNCLEAN_ID:
            return str(entry.get("msg", "unclean shutdown"))
    return ""
