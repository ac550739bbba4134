"""Which database a stack of the embedded target gets: a mongod on the PATH, else what stands in for it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from shelterctl.adapters import process
from shelterctl.adapters.local.environment import NX_VERSION
from shelterctl.adapters.local.spec import DatabaseSpec
from shelterctl.errors import ShelterError

NX = "nx-27017"
_VERSION = re.compile(r"db version v(\d+)\.(\d+)\.(\d+)")
_MAJORS = ("8", "7", "6")


def find(python: Path | None, *, kept: str = "") -> DatabaseSpec:
    """The database to run. `kept` is the kind that made the data which are there: another one cannot read them."""
    if kept != NX and (found := _mongod()) is not None:
        return found
    return DatabaseSpec(NX, NX_VERSION, (str(python or "python3"), "-m", "nx_27017.nx_27017"))


def _mongod() -> DatabaseSpec | None:
    program = shutil.which("mongod")
    if program is None:
        return None
    try:
        said = process.run([program, "--version"], timeout_s=10).text
    except ShelterError:
        return None
    version = _VERSION.search(said)
    if version is None or version.group(1) not in _MAJORS:
        return None
    return DatabaseSpec("mongod", ".".join(version.groups()), (program, "--journal") if version.group(1) == "6" else (program,))
