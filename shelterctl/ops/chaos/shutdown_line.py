"""Finds mongod's own line about an unclean shutdown in the log of the container that came after it."""

from __future__ import annotations

import json

from shelterctl.core.state import Pod
from shelterctl.errors import ShelterError
from shelterctl.ports.target import Target

#: mongod's structured log: id 22271, "Detected unclean shutdown - Lock file is not empty" (src/mongo/db/storage/storage_engine_init.cpp).
UNCLEAN_ID = 22271
_LINES = 2_000


def find(target: Target, pod: Pod, container: str) -> str:
    """The line's message, or an empty string where the log has none or cannot be read."""
    try:
        lines = target.log_tail(pod, container, lines=_LINES)
    except ShelterError:
        return ""
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("id") == UNCLEAN_ID:
            return str(entry.get("msg", "unclean shutdown"))
    return ""
