"""Why a container ended by itself, where its last lines say so in words that are known: the cause, and what mends it.

The texts are those of the images themselves: CPython, gunicorn, pymongo, mysql-connector, and the entry points of mongo, mysql, mariadb
and postgres. What is not known word for word is not guessed: the lines are shown as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_ILLEGAL_INSTRUCTION = 132
_WRONG_VERSION = 62


@dataclass(frozen=True, slots=True)
class _Known:
    """A cause by its words, or by the exit code of an image whose words may be lost."""

    words: str
    cause: str
    exit_code: int | None = None
    image: str = ""


#: In the order in which they are looked for; `{0}` is what the words' group holds.
_CAUSES: Sequence[_Known] = (
    _Known(
        r"requires a CPU with AVX support",
        "MongoDB 5 and later need a CPU with AVX, and this node's has none: use the image mongo:4.4, or a node with AVX",
        _ILLEGAL_INSTRUCTION,
        "mongo",
    ),
    _Known(
        r"UPGRADE PROBLEM|Invalid featureCompatibilityVersion|Wrong mongod version",
        "the volume's data files are of another major version of MongoDB: name the version that wrote them in the image, and go on by one "
        "major at a time; or remove the claim, and the data with it",
        _WRONG_VERSION,
        "mongo",
    ),
    _Known(
        r"Unable to lock \./ibdata1|Can't lock aria control file",
        "another pod still has the same data files open: a database on a claim needs `strategy: Recreate` or a StatefulSet",
    ),
    _Known(
        r"Database is uninitialized and (?:superuser )?password",
        "the image makes no database without a password in its environment: the variable is missing, or the key of its Secret is named "
        "otherwise",
    ),
    _Known(
        r'initdb: error: directory "([^"]+)" exists but is not empty',
        "the volume is not empty at {0} (a disk's lost+found, say): set PGDATA to a folder below it",
    ),
    _Known(
        r"cannot import name '(url_quote|url_decode)' from 'werkzeug",
        "this Flask needs an older Werkzeug: add Werkzeug<3 to requirements.txt",
    ),
    _Known(
        r"ModuleNotFoundError: No module named '([^']+)'",
        "the image has no Python module {0}: it is missing in requirements.txt, or in the Dockerfile's COPY",
    ),
    _Known(
        r"Failed to find attribute '([^']+)' in '([^']+)'",
        "gunicorn finds no {0} in module {1}: its command names another variable than the sources",
    ),
    _Known(r"exec format error", "the image is built for another kind of processor: build it on this machine, or with --platform"),
    _Known(
        r"exec (/\S+): no such file or directory",
        "{0} cannot be started: it is not in the image, or its lines end as on Windows (the first then names a program that is not there)",
    ),
    _Known(
        r"([\w.-]+):\d+: \[Errno -[235]\] (?:Name or service not known|Temporary failure in name resolution|No address associated)",
        "the name {0} does not resolve in the cluster: no Service in its namespace is called so",
    ),
    _Known(
        r"Access denied for user '([^']*)'@",
        "the database does not take user {0} with this password: the Secret is another than the volume's data were made with",
    ),
    _Known(
        r"Authentication failed\.?, full error|codeName': 'AuthenticationFailed'",
        "MongoDB does not take this user and password (its users live in admin: authSource=admin)",
    ),
    _Known(
        r"[Cc]ommand \w+ requires authentication",
        "MongoDB lets nobody in without a user, and the application names none: mongodb://USER:PASSWORD@HOST/DATABASE?authSource=admin",
    ),
    _Known(
        r"Unknown (?:MySQL )?server host '([^']+)'|could not translate host name \"([^\"]+)\" to address",
        "the name {0} does not resolve in the cluster: no Service in its namespace is called so",
    ),
    _Known(
        r"password authentication failed for user \"([^\"]+)\"",
        "the database does not take user {0} with this password: the Secret is another than the volume's data were made with",
    ),
    _Known(
        r"([\w.-]+:\d+): \[Errno 111\] Connection refused",
        "nothing listens at {0}: the database is not there, or its Service leads to another port",
    ),
    _Known(
        r"\[Errno 98\] Address already in use|Address already in use: \('",
        "its port is taken in the pod already: two processes of the same pod listen on it",
    ),
    _Known(
        r"\[Errno 30\] Read-only file system: '([^']+)'", "it writes {0}, and its root file system is read-only: mount an emptyDir there"
    ),
)


def crash_cause(exit_code: int | None, image: str, lines: Iterable[str]) -> str:
    """The cause of a container's end as a sentence; empty where it is not known. `lines` are its last ones, oldest first."""
    said = list(lines)
    name = image.rpartition("/")[2].partition(":")[0].partition("@")[0]
    for known in _CAUSES:
        found = next((match for line in reversed(said) if (match := re.search(known.words, line))), None)
        if found is not None:
            return known.cause.format(*(group for group in found.groups() if group is not None))
        if exit_code is not None and exit_code == known.exit_code and name == known.image:
            return known.cause
    return ""
