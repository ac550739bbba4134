"""How long MongoDB's driver goes on looking for a server, as the application's sources and its URI say it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from shelterctl.core.stack.stack import Stack

#: The driver's own (pymongo's MongoClient, serverSelectionTimeoutMS).
DEFAULT_S = 30.0
#: The codes of the sources' traits, and the options of a URI in small letters: it is read without regard to them.
SELECTION, OPERATION = "server-selection-timeout", "operation-timeout"
OPTIONS = {"serverselectiontimeoutms": SELECTION, "timeoutms": OPERATION}


def is_said(stack: Stack) -> bool:
    return any(True for code in (SELECTION, OPERATION) for _ in _told(stack, code))


def timeout_s(stack: Stack) -> float:
    """How long a write that its client gave up on may still be made (seconds): the longest that a client is told. timeoutMS bounds an
    operation with the search for its server, and 0 there is for ever. A value that the sources compute counts as the default at least."""
    told = list(_told(stack, SELECTION))
    search_s = max((DEFAULT_S if ms is None else ms / 1000 for ms in told), default=DEFAULT_S)
    whole = list(_told(stack, OPERATION))
    if not whole or not all(whole):
        return search_s
    return min(search_s, max(ms / 1000 for ms in whole if ms))


def _told(stack: Stack, code: str) -> Iterator[int | None]:
    """The values that are given (milliseconds); None for one that is not known."""
    yield from (int(trait.detail) if trait.detail.isdigit() else None for trait in stack.sources.traits if trait.code == code)
    app = stack.roles.app
    for variable in (v for c in app.containers for v in c.variables) if app is not None else ():
        for name, value in (variable.query or {}).items():
            if OPTIONS.get(name.lower()) == code:
                yield int(value) if value.isdigit() else None
