"""A database that runs elsewhere: what a URI says of it, as the application's settings take it."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, unquote

from shelterctl.adapters.local.home import Home, read_json
from shelterctl.adapters.local.spec import ELSEWHERE, DatabaseSpec
from shelterctl.core.serial import from_json
from shelterctl.errors import UsageError

#: Asks for the stack's own database again, where an earlier `up` took another.
OWN = "own"
_URI = re.compile(
    r"mongodb://((?P<user>[^:@/]+)(?P<password>:[^@]*)?@)?(?P<hosts>[^@/?]+)(/(?P<name>[A-Za-z0-9_-]{0,63}))?(\?(?P<options>[^#]*))?"
)
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
_FORM = "mongodb://USER@HOST:PORT/DATABASE?authSource=NAME"
_FLAG = "--mongo-uri"


def parse(uri: str, password_file: str | None) -> DatabaseSpec:
    """The database of a URI. The password never stands in it: a file holds that, as everywhere.

    Raises UsageError; what was given is not repeated, since it may hold a password.
    """
    if uri.startswith("mongodb+srv://"):
        raise UsageError(
            f"{_FLAG}: the application looks no SRV records up", why="mongodb+srv:// names them", next_command=f"{_FLAG} {_FORM}"
        )
    found = _URI.fullmatch(uri)
    if found is None:
        raise UsageError(
            f"{_FLAG}: this is no address of a database", why="what was given is not repeated here", next_command=f"{_FLAG} {_FORM}"
        )
    if found["password"] is not None:
        raise UsageError(
            f"{_FLAG}: a password in the address is not taken",
            why="it would stand in the process list and in the shell's history",
            next_command=f"{_FLAG} {_FORM} --mongo-password-file FILE",
        )
    hosts = found["hosts"].split(",")
    if not all(_HOST.fullmatch(host) for host in hosts):
        raise UsageError(f"{_FLAG}: {found['hosts']} is not host:port, or several with commas between", next_command=f"{_FLAG} {_FORM}")
    options = parse_qs(found["options"] or "", keep_blank_values=True)
    others = sorted(options.keys() - {"authSource"})
    if others:
        raise UsageError(
            f"{_FLAG}: the application takes no option {', '.join(others)}",
            why="it speaks plain TCP, with SCRAM where there is a user, and waits for a majority whatever it is told",
            next_command=f"{_FLAG} {_FORM}",
        )
    user = unquote(found["user"] or "")
    if bool(user) != bool(password_file):
        missing = "--mongo-password-file FILE" if user else f"{_FLAG} {_FORM}"
        raise UsageError(f"{_FLAG}: a user and a password belong together", next_command=missing)
    name = found["name"] or "shelter"
    source = options.get("authSource", [name])[-1] if user else ""
    return DatabaseSpec(
        ELSEWHERE, "", (), ",".join(host if ":" in host.rpartition("]")[2] else f"{host}:27017" for host in hosts), name, user, source,
        _password_file(password_file),
    )  # fmt: skip


def kept(home: Home) -> DatabaseSpec | None:
    """The one that the stack uses already; None where it uses none."""
    try:
        found = from_json(DatabaseSpec, read_json(home.spec)["database"])
    except (KeyError, ValueError):
        return None
    return None if found.own else found


def _password_file(given: str | None) -> str:
    if given is None:
        return ""
    path = Path(given).expanduser().absolute()
    try:
        if not path.read_text(encoding="utf-8").strip():
            raise UsageError(f"--mongo-password-file: {path} is empty")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--mongo-password-file: {path} cannot be read", why=str(error)) from error
    return str(path)
