"""Chooses the write and the read out of an application's routes. A route that deletes, logs in or takes a file is never guessed at."""

from __future__ import annotations

import re
from collections.abc import Sequence

from shelterctl.core.stack.documents import Origin
from shelterctl.core.stack.model import Body, Question, Route, Sources
from shelterctl.core.stack.stack import Requests

_NEVER = re.compile(
    r"delete|remove|drop|reset|clear|log_?in|log_?out|sign_?(in|up|out)|register|auth|token|password|upload|admin", re.IGNORECASE
)
_PARAMETER = re.compile(r"<[^>]*>|\{[^}]*\}")


def choose(sources: Sources, *, write: str = "", read: str = "") -> Requests:
    """The write and the read; `write` and `read` (`METHOD /path`) were configured and win."""
    writes = [route for route in sources.routes if _writes(route)]
    doubts: list[Question] = []
    chosen = _configured(sources, write) if write else None
    if chosen is None and not write and writes:
        ranked = sorted(writes, key=_write_rank)
        chosen = ranked[0]
        if len(ranked) > 1 and _write_rank(ranked[0]) == _write_rank(ranked[1]):
            choices = tuple(route.spoken(_write_method(route)) for route in ranked)
            doubts.append(Question("writes.request", "several routes write", choices, chosen.origin))
    reads = [route for route in sources.routes if route.reads and "GET" in route.methods and not _NEVER.search(route.path)]
    whole = [route for route in reads if not _PARAMETER.search(route.path)]
    named = _configured(sources, read) if read else None
    by_id = named is not None and bool(_PARAMETER.search(named.path))
    one = named if by_id else _one(reads, chosen)
    found = None if by_id else named
    if found is None and whole:
        # What is written at a path is read at the same one as a rule; else at the shortest that answers data, not pages.
        found = min(whole, key=lambda route: (chosen is None or route.path != chosen.path, route.html, len(route.path)))
    return Requests(chosen, found, one, tuple(doubts))


def _one(reads: Sequence[Route], chosen: Route | None) -> Route | None:
    """The route that reads one of what is written."""
    some = [
        route for route in reads if len(_PARAMETER.findall(route.path)) == 1 and (chosen is None or route.path.startswith(_stem(chosen)))
    ]
    # /items/<id> before /items/<id>/history.
    return min(some, key=lambda route: not route.path.endswith((">", "}")), default=None)


def _writes(route: Route) -> bool:
    method = _write_method(route)
    usable = route.body in (Body.JSON, Body.FORM) and not route.guarded
    return (
        bool(method)
        and route.writes
        and usable
        and not _NEVER.search(f"{route.path} {route.function}")
        and not _PARAMETER.search(route.path)
    )


def _write_method(route: Route) -> str:
    return next((method for method in ("POST", "PUT") if method in route.methods), "")


def _write_rank(route: Route) -> tuple[bool, bool, int]:
    return (_write_method(route) != "POST", route.body is not Body.JSON, 0 if route.verbatim else 1)


def _stem(route: Route) -> str:
    return route.path.rstrip("/") + "/"


def _configured(sources: Sources, words: str) -> Route:
    method, _, path = words.partition(" ")
    for route in sources.routes:
        if method in route.methods and _PARAMETER.sub("{}", route.path) == re.sub(r"\{[^}]*\}", "{}", path):
            return route
    return Route(path, (method,), Origin("shelterctl.toml"), writes=method != "GET", reads=method == "GET", body=Body.JSON)
