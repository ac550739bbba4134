"""Becomes mariadbd, with its data folder made where there is none yet. Standard library only.

Run as `python mariadb_entry.py INSTALL MARIADBD --no-defaults ...`: the program that makes a data folder, and the server's command line, in
which --datadir names the folder. The process is the server itself in the end, under the number that this program had: what kills it kills
the database.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

#: The folder of the system's tables; with it a data folder is whole.
SYSTEM = "mysql"
#: Where a folder is made before it counts: one that was broken off is made anew.
_UNFINISHED = ".unfinished"
_INSTALL_S = 120.0


def make_data(install: str, folder: Path) -> None:
    """Raises subprocess.SubprocessError."""
    made = folder / _UNFINISHED
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(mode=0o700)
    command = [install, "--no-defaults", f"--datadir={made}", "--auth-root-authentication-method=normal", "--skip-test-db", *user()]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=_INSTALL_S)
    # The system's tables last: they are what tells that all of it is there.
    for entry in sorted(made.iterdir(), key=lambda path: path.name == SYSTEM):
        target = folder / entry.name
        if target.is_file():
            target.unlink()
        elif target.is_dir():
            shutil.rmtree(target)
        entry.rename(target)
    made.rmdir()


def user() -> list[str]:
    """The server refuses to be root's by chance."""
    return ["--user=root"] if os.geteuid() == 0 else []


def main(install: str, argv: list[str]) -> None:
    folder = Path(next(word for word in argv if word.startswith("--datadir=")).partition("=")[2])
    if not (folder / SYSTEM).is_dir():
        make_data(install, folder)
    os.execv(argv[0], [*argv, *user()])  # noqa: S606 - the program that the supervisor chose


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
