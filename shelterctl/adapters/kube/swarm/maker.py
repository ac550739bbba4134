"""Whose a load in the cluster is: a Job outlives a tool that was killed, and the next load must not run beside it."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from shelterctl.adapters.process_start import start_of

#: Who made a Job: a machine (as a digest: its name is nobody's business), a process of it, and that process's start.
ANNOTATION = "shelterctl.dev/made-by"


def maker() -> str:
    """This process, as the annotation says it."""
    return f"{_machine()} {os.getpid()} {start_of(os.getpid())}"


def is_left_over(job: Mapping[str, Any]) -> bool:
    """Whether nobody waits for a Job any more: it is over, or the process of this machine that made it is gone."""
    if any(c["status"] == "True" for c in (job.get("status") or {}).get("conditions") or ()):
        return True
    machine, _, process = str((job["metadata"].get("annotations") or {}).get(ANNOTATION, "")).partition(" ")
    if machine != _machine():
        return False
    pid, _, start = process.partition(" ")
    return not pid.isdecimal() or start_of(int(pid)) != start


def _machine() -> str:
    return sha256(platform.node().encode()).hexdigest()[:12]
