"""The claim: a folder that outlives the database's process, and what can be wrong with it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from shelterctl.adapters.local.spec import MARIADB
from shelterctl.core.state import Claim
from shelterctl.errors import PrerequisiteError

CLAIM = "data"
#: What a write-ahead log and a handful of documents need.
LEAST_FREE_BYTES = 32 * 2**20
_GIVE_UP = "shelterctl down --delete-data   (gives the data up; or put a copy of them back)"


def record(folder: Path, namespace: str) -> Claim:
    """The claim as every target shows one. Its folder's device and inode tell it from another one that took its place."""
    try:
        found = folder.stat()
        identity, phase = f"{found.st_dev}:{found.st_ino}", "Bound"
    except OSError:
        identity, phase = "", "Lost"
    return Claim(CLAIM, namespace, identity, phase, str(folder), "folder", "", False, volume_uid=identity, volume_kind="folder")


def made_by(folder: Path) -> str:
    """Which database made the data that are there: `mongod`, `mariadbd`, `nx-27017`, or nothing yet."""
    if (folder / "WiredTiger").exists():
        return "mongod"
    if (folder / "mysql").is_dir():
        return MARIADB
    return "nx-27017" if any(folder.glob("*.db")) else ""


def check(folder: Path, kind: str) -> None:
    """Looks at data that nobody uses, before a database of this kind opens them.

    Raises PrerequisiteError where it could not, or would go on as if nothing had been there: an emptied file is an empty database to it.
    """
    if not folder.exists():
        return
    there = made_by(folder)
    if there and there != kind:
        raise PrerequisiteError(
            f"the data were made by {there}, and {kind} cannot read them",
            why=f"{folder} is {there}'s",
            next_command=f"put {there} on the PATH, or {_GIVE_UP}",
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PrerequisiteError(f"{folder} cannot be written to", next_command=f"ls -ld {folder}")
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        raise PrerequisiteError(
            f"the disk under {folder} is full: {free / 2**20:.0f} MiB are free",
            why="the database could not write, and the processes could not log",
            next_command=f"df -h {folder}",
        )
    for file in sorted(folder.glob("*.db")):
        damage = _damage(file)
        if damage:
            raise PrerequisiteError(f"the database's file {file} is damaged", why=damage, next_command=_GIVE_UP)


def _damage(file: Path) -> str:
    """What is wrong with a file of SQLite's; empty where nothing is."""
    if file.stat().st_size == 0:
        return "it is empty, and a database that was ever used is not"
    try:
        with closing(sqlite3.connect(file, timeout=5.0)) as database:
            (said,) = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        return str(error)
    return "" if said == "ok" else str(said)
