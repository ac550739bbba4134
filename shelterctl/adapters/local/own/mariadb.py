"""A user's MySQL or MariaDB as a mariadbd of this machine: what it needs, what is refused, and the users that the manifests speak of.

The variables are those of the official images (https://hub.docker.com/_/mysql, https://hub.docker.com/_/mariadb). Values may be secret:
they go into a file that the server reads at its start, never into a command line.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shelterctl.adapters import process
from shelterctl.adapters.local.home import Home
from shelterctl.adapters.local.own import variables
from shelterctl.adapters.local.spec import MARIADB, DatabaseSpec
from shelterctl.core.stack.model import Engine
from shelterctl.core.stack.stack import Stack
from shelterctl.errors import PrerequisiteError, ShelterError

ENGINES = (Engine.MYSQL, Engine.MARIADB)
#: The statements that the server runs before it takes connections, and the administrator's password for the reader.
STATEMENTS, ROOT = "mariadb.sql", "mariadb-root"
INSTALL = "apt-get install mariadb-server   (mariadbd, mariadb-install-db and mariadb on the PATH)"
_BESIDE_PATH = "/usr/sbin:/usr/local/sbin"
_VERSION = re.compile(r"Ver (\d+\.\d+\.\d+)-MariaDB")
_SCRIPTS = "/docker-entrypoint-initdb.d"
_UNSUPPORTED = re.compile(
    r"(?:MYSQL|MARIADB)_(?:\w+_FILE|RANDOM_ROOT_PASSWORD|\w+_HASH|ROOT_HOST)|MARIADB_MASTER_\w+|MARIADB_REPLICATION_\w+"
)


@dataclass(frozen=True)
class Credentials:
    """What the database's container is told: the administrator's password, a user of its own and a database."""

    root_password: str = field(repr=False)
    user: str = ""
    password: str = field(default="", repr=False)
    database: str = ""


@dataclass(frozen=True, slots=True)
class Programs:
    server: str
    install: str
    client: str
    version: str


def programs() -> Programs | None:
    """The programs of a MariaDB; None where one of them is not there, or the server is another one."""
    server, install = _which("mariadbd") or _which("mysqld"), _which("mariadb-install-db")
    client = _which("mariadb") or _which("mysql")
    if server is None or install is None or client is None:
        return None
    try:
        version = _VERSION.search(process.run([server, "--no-defaults", "--version"], timeout_s=10).text)
    except ShelterError:
        return None
    return Programs(server, install, client, version.group(1)) if version is not None else None


def _which(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path=_BESIDE_PATH)


def problems(stack: Stack) -> Iterator[tuple[str, str]]:
    """What of the database's workload cannot be had here, each with why."""
    database = stack.roles.database
    assert database is not None
    container = database.containers[0]
    if container.image in stack.built:
        yield f"{database.key}'s image {container.image}", "it is built here, and what its Dockerfile makes of the database is not done"
    for path in container.mounts:
        if path.startswith(_SCRIPTS):
            yield f"{path} of {database.key}", "its scripts are not run here"
        elif path.startswith("/etc/"):
            yield f"{path} of {database.key}", "the server's settings are not taken over here"
    if container.command:
        yield f"the command of {database.key}", "the server's options are not taken over here"
    values = variables.of_workload(stack.manifests, database, 0)
    for name in values:
        if _UNSUPPORTED.fullmatch(name):
            yield f"{name} of {database.key}", "it is not taken over here"
    if any("\n" in value or "\0" in value for name, value in values.items() if name.startswith(("MYSQL_", "MARIADB_"))):
        yield f"a variable of {database.key}", "it has a line break"
    if not _first(values, "ROOT_PASSWORD") and not (_first(values, "ALLOW_EMPTY_PASSWORD") or _first(values, "ALLOW_EMPTY_ROOT_PASSWORD")):
        yield f"{database.key} without MYSQL_ROOT_PASSWORD", "its image would not start either"


def credentials(stack: Stack) -> Credentials:
    database = stack.roles.database
    assert database is not None
    return credentials_of(variables.of_workload(stack.manifests, database, 0))


def credentials_of(values: Mapping[str, str]) -> Credentials:
    return Credentials(_first(values, "ROOT_PASSWORD"), _first(values, "USER"), _first(values, "PASSWORD"), _first(values, "DATABASE"))


def _first(values: Mapping[str, str], name: str) -> str:
    """MariaDB's image takes its own names first."""
    return values.get(f"MARIADB_{name}") or values.get(f"MYSQL_{name}") or ""


def statements(told: Credentials) -> str:
    """What makes the users and the database, however often it is run: a statement a line, as the server's init-file needs it."""
    lines = [f"CREATE DATABASE IF NOT EXISTS {_name(told.database)};"] if told.database else []
    # A new data folder has the last three without a password, and the nearest name counts.
    for host in ("%", "localhost", "127.0.0.1", "::1"):
        lines += [*_user("root", told.root_password, host), f"GRANT ALL ON *.* TO {_account('root', host)} WITH GRANT OPTION;"]
    if told.user and told.user != "root":
        lines += _user(told.user, told.password, "%")
        if told.database:
            # An underscore in the name of a database is any letter in a GRANT.
            pattern = _name(told.database.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%"))
            lines.append(f"GRANT ALL ON {pattern}.* TO {_account(told.user, '%')};")
    return "\n".join(lines) + "\n"


def _user(name: str, password: str, host: str) -> list[str]:
    account = _account(name, host)
    return [f"CREATE USER IF NOT EXISTS {account};", f"ALTER USER {account} IDENTIFIED BY {_text(password)};"]


def _account(name: str, host: str) -> str:
    return f"{_text(name)}@{_text(host)}"


def _name(text: str) -> str:
    return "`" + text.replace("`", "``") + "`"


def _text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def find(home: Home, python: Path | None) -> DatabaseSpec:
    """The server to run. Raises PrerequisiteError where it is not there."""
    found = programs()
    if found is None:
        raise PrerequisiteError("no MariaDB is on the PATH", next_command=INSTALL)
    entry = Path(__file__).parents[1] / "supervisor" / "mariadb_entry.py"
    program = (
        str(python or "python3"), str(entry), found.install, found.server, "--no-defaults", "--skip-name-resolve", "--socket=",
        f"--init-file={home.secrets / STATEMENTS}",
    )  # fmt: skip
    return DatabaseSpec(MARIADB, found.version, program, name="")


def write_secrets(home: Home, told: Credentials) -> None:
    """The files that the server and the reader read, for their user alone."""
    for name, content in ((STATEMENTS, statements(told)), (ROOT, told.root_password)):
        file = home.secrets / name
        file.touch(mode=0o600)
        file.write_text(content, encoding="utf-8")


def needs(stack: Stack) -> bool:
    """Whether the stack's database is one of these engines."""
    return stack.roles.database is not None and stack.roles.engine in ENGINES
