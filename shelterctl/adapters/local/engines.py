"""Which database of its own a stack of the embedded target gets: a mongod on the PATH, else what stands in for it."""

from __future__ import annotations

import re
import secrets
import shutil
from pathlib import Path

from shelterctl.adapters import process
from shelterctl.adapters.local.environment import NX_VERSION
from shelterctl.adapters.local.home import Home
from shelterctl.adapters.local.spec import DatabaseSpec
from shelterctl.errors import ShelterError, StateFolderError

MONGOD, NX = "mongod", "nx-27017"
#: The application's user, as the manifests name it.
USER = "shelter-app"
_VERSION = re.compile(r"db version v(\d+)\.(\d+)\.(\d+)")
_MAJORS = ("8", "7", "6")


def find(home: Home, python: Path | None, *, kept: str = "") -> DatabaseSpec:
    """The database to run. `kept` is the kind that made the data which are there: another one cannot read them."""
    if kept != NX and (found := _mongod(home, python)) is not None:
        return found
    return DatabaseSpec(NX, NX_VERSION, (str(python or "python3"), "-m", "nx_27017.nx_27017"))


def _mongod(home: Home, python: Path | None) -> DatabaseSpec | None:
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
    name = "shelter"
    entry = Path(__file__).with_name("supervisor") / "mongod_entry.py"
    # A journal is always kept from 6.1 on, and the option is gone with 7.
    journal = ("--journal",) if version.group(1) == "6" and version.group(2) == "0" else ()
    argv = (str(python or "python3"), str(entry), str(home.secrets), name, USER, program, *journal)
    return DatabaseSpec(MONGOD, ".".join(version.groups()), argv, "", name, USER, name, str(home.secrets / USER))


def make_passwords(home: Home, spec: DatabaseSpec) -> tuple[str, ...]:
    """Generates what a mongod's users need and is not there yet; returns the files' names. Raises StateFolderError."""
    if spec.kind != MONGOD:
        return ()
    made = []
    try:
        home.secrets.mkdir(mode=0o700, exist_ok=True)
        for name in ("root", USER):
            file = home.secrets / name
            if not file.exists():
                file.touch(mode=0o600)
                file.write_text(secrets.token_urlsafe(24), encoding="utf-8")
                made.append(name)
    except OSError as error:
        raise StateFolderError(f"{home.secrets} cannot be written", why=str(error.strerror or error)) from error
    return tuple(made)
