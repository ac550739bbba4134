"""[writes], [reads] and [load] of shelterctl.toml, held to what they can mean: a value that means nothing is an error where it is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shelterctl.core import headers
from shelterctl.core.stack.answer_id import is_pointer
from shelterctl.errors import UsageError
from shelterctl.settings import nearest

FINDS = ("all", "one")
_PLACE = re.compile(r"\{[^}]*\}")
_BYTES = re.compile(r"[1-9][0-9]{0,5} *MiB")
#: What an owner may call an acknowledgement: an error is none, however an application means it.
_STATUSES = range(200, 400)


#: A path as a request line has it.
_PATH = re.compile(r"/[^\s{}<>]*")
#: Those that a write has anyway.
_OWN_HEADERS = ("content-type", "content-length", "accept", "host", "connection", "transfer-encoding")
#: A request of the mix: a GET and a path without a place that nobody fills.
_ASKED = re.compile(r"GET /[^\s{}<>]*")
#: Each share is so many entries of a list that is drawn from.
_MOST_SHARE = 1000


def check(path: Path, writes: Mapping[str, Any], reads: Mapping[str, Any], load: Mapping[str, Any]) -> None:
    """Raises UsageError."""
    _reads(path, reads)
    _load(path, load)
    pointer = writes.get("id", "")
    if not is_pointer(pointer):
        near = f"/{pointer.lstrip('$').lstrip('.').replace('.', '/')}"
        raise UsageError(
            f"{path}: [writes] id = {pointer!r} is no JSON pointer",
            why="it leads from the top of the write's answer to the id, each step behind a slash",
            next_command=f'[writes] id = "{near}"',
        )
    _headers(path, "writes", writes, ("env",))
    _headers(path, "load", load, ("env", "secret"))
    _key(path, writes)
    _ok(path, writes.get("ok", {}))
    for status in writes.get("rejected", ()):
        if isinstance(status, bool) or not isinstance(status, int) or not 400 <= status < 600:
            raise UsageError(
                f"{path}: [writes] rejected has {status!r}", why="the statuses, 400 and above, that say that nothing was stored"
            )


def _reads(path: Path, reads: Mapping[str, Any]) -> None:
    request, finds = reads.get("request", ""), reads.get("finds", "")
    if request and not request.startswith("GET /"):
        raise UsageError(
            f"{path}: [reads] request = {request!r}", why="GET and a path are wanted", next_command='[reads] request = "GET /data"'
        )
    if finds and finds not in FINDS:
        raise UsageError(f"{path}: [reads] finds = {finds!r}", why=f"Known: {', '.join(FINDS)}")
    places = _PLACE.findall(request)
    if places and (finds == "all" or places != ["{id}"]):
        why = "what finds all has no {id}" if finds == "all" else "the place of the id is {id}, and there is one of it"
        raise UsageError(f"{path}: [reads] request = {request!r}", why=why, next_command='[reads] request = "GET /books/{id}"')
    if finds == "one" and request and not places:
        raise UsageError(
            f"{path}: [reads] request = {request!r} has no {{id}}, and finds one",
            why="each write is asked for by its id: the path says where that stands",
            next_command='[reads] request = "GET /books/{id}"',
        )
    most = reads.get("max_bytes", "")
    if most and not _BYTES.fullmatch(most):
        raise UsageError(
            f"{path}: [reads] max_bytes = {most!r}", why="a number of MiB is wanted", next_command='[reads] max_bytes = "64MiB"'
        )

    for name in ("version", "live", "health"):
        route = reads.get(name, "/")
        if not _PATH.fullmatch(route):
            near = f"/{route.partition('/')[2]}"
            raise UsageError(
                f"{path}: [reads] {name} = {route!r}",
                why="a path is wanted, which is asked by GET",
                next_command=f'[reads] {name} = "{near if _PATH.fullmatch(near) and near != "/" else f"/{name}"}"',
            )


def _headers(path: Path, table: str, given: Mapping[str, Any], kinds: tuple[str, ...]) -> None:
    """Names, and texts with places that can be filled. A load makes its own headers of connections and bodies."""
    for name, value in given.get("headers", {}).items():
        if problem := headers.problem_of(name, value, kinds=kinds):
            raise UsageError(
                f"{path}: [{table}] headers: {problem}",
                why='a name and a text, such as Accept = "text/html"; a key comes from the environment, or of a load from a Secret',
                next_command=f'[{table}] headers = {{ Authorization = "Bearer {{env:API_TOKEN}}" }}',
            )
        if table == "load" and name.lower() in ("content-length", "host", "connection", "transfer-encoding"):
            raise UsageError(f"{path}: [load] headers has {name}", why="the connection's own: it follows from what is sent")


def _key(path: Path, writes: Mapping[str, Any]) -> None:
    """The header of a write's identity is one of its own: what else is sent under that name would be lost."""
    if "key" not in writes:
        return
    key = writes["key"]
    if not headers.NAME.fullmatch(key):
        raise UsageError(
            f"{path}: [writes] key = {key!r} is no header's name",
            why="it is the header by which the application takes a write's identity; its value is made for each write",
            next_command='[writes] key = "Idempotency-Key"',
        )
    if key.lower() in (*_OWN_HEADERS, *(name.lower() for name in writes.get("headers", {}))):
        raise UsageError(f"{path}: [writes] key = {key!r}", why="a header that the write has with another value")


def _load(path: Path, load: Mapping[str, Any]) -> None:
    mix = load.get("mix", {"write": 1})
    for kind, share in mix.items():
        if kind not in ("write", "read") and not _ASKED.fullmatch(kind):
            method = kind.partition(" ")[0]
            if method in ("POST", "PUT", "PATCH", "DELETE"):
                why = f"what the mix names beside write and read is asked by GET: a {method} is [writes] request, and write is its share"
                raise UsageError(f"{path}: [load] mix has {kind!r}", why=why)
            meant = f" (did you mean GET {kind}?)" if kind.startswith("/") else nearest(kind, ("write", "read"))
            raise UsageError(f"{path}: [load] mix has {kind!r}{meant}", why='Known: write, read, and paths as "GET /path"')
        if isinstance(share, bool) or not isinstance(share, int) or not 0 <= share <= _MOST_SHARE:
            what = f"{path}: [load] mix has {kind!r} = {share!r}"
            raise UsageError(what, why=f"a share is a whole number from 0 to {_MOST_SHARE}: of write = 1 and read = 2 every third writes")
    if not any(mix.values()):
        raise UsageError(
            f"{path}: [load] mix asks for nothing", why="no share is above 0", next_command="[load] mix = { write = 1, read = 2 }"
        )
    if load.get("max_writes", 0) < 0:
        raise UsageError(f"{path}: [load] max_writes = {load['max_writes']}", why="a number of writes is wanted; 0 for a load without any")


def _ok(path: Path, given: Mapping[str, Any]) -> None:
    if not given:
        return
    if set(given) - {"status", "body"}:
        raise UsageError(f"{path}: [writes] ok has status and body", why=f"given: {', '.join(given)}")
    status, body = given.get("status", 200), given.get("body", "")
    statuses = status if isinstance(status, list) else [status]
    if not statuses or not all(isinstance(each, int) and not isinstance(each, bool) and each in _STATUSES for each in statuses):
        raise UsageError(f"{path}: [writes] ok has status = {status!r}", why="a status from 200 to 399 acknowledges, or a list of them")
    if not isinstance(body, str | dict) or ("body" in given and not body):
        raise UsageError(f"{path}: [writes] ok has body = {body!r}", why="a text that is in the answer, or a table of what its JSON has")
