"""Runs a database's own client in its own pod: with its container's variables, or as a user that the owner named.

Nothing secret is in a command line: a password goes into the pod by standard input, and to the client by its environment or a pipe.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from shelterctl.errors import ApiRejected

#: Functions of every script. `first` is the first of the named variables that holds something, each also as the file of that name with
#: _FILE, as the images take them. With `given` as the first argument user and password come by standard input.
_HEAD = r"""
secret() { eval "value=\${$1:-}; file=\${$1_FILE:-}"; if [ -n "$file" ]; then cat "$file"; else printf %s "$value"; fi; }
first() { for name in "$@"; do value=$(secret "$name"); [ -z "$value" ] || { printf %s "$value"; return; }; done; }
user= password= given=
if [ "$1" = given ]; then IFS= read -r user; IFS= read -r password; given=yes; fi
shift
"""


#: What servers say of a user whom they do not let in: MySQL and MariaDB, MongoDB, PostgreSQL.
_NOT_LET_IN = re.compile(
    r"Access denied for user|Authentication failed|AuthenticationFailed|requires authentication|authentication failed for user"
    r"|no password supplied|role \"[^\"]*\" does not exist",
    re.IGNORECASE,
)


class Exec(Protocol):
    """Runs a command in the database's container: exit code, standard output, standard error. Raises ClusterError."""

    def __call__(self, command: Sequence[str], stdin: str = "") -> tuple[int, str, str]: ...


@dataclass(frozen=True, slots=True)
class Login:
    """A user of the database, as a Secret of the owner's has it."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Client:
    """`login` is None for the container's own credentials."""

    run: Exec
    login: Login | None = None

    def script(self, text: str, *arguments: str) -> tuple[int, str, str]:
        """Runs a shell script with `$given`, `$user` and `$password` set, and the arguments as `$1` and on."""
        if self.login is None:
            return self.run(["sh", "-c", _HEAD + text, "sh", "pod", *arguments])
        return self.run(["sh", "-c", _HEAD + text, "sh", "given", *arguments], f"{self.login.user}\n{self.login.password}\n")

    def failed(self, by: str, said: str) -> ApiRejected:
        """The error for a database that could not be read by its client (`by`), with what that said last."""
        why, way_out = said.strip()[-300:], ""
        if _NOT_LET_IN.search(said):
            given = "the Secret of [database] secret" if self.login is not None else "the container's own variables"
            why = f"it does not let in the user of {given}: {why}"
            way_out = '[database] secret = "NAME/USER-KEY/PASSWORD-KEY" in shelterctl.toml: a Secret with a user whom the database knows'
        return ApiRejected(f"the database could not be read by {by} in its own pod", why=why, next_command=way_out)
