"""Headers of a load's requests: where their values come from, and what of them may be shown. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

#: What stands in the place of a value that is not shown.
HIDDEN = "…"
#: `{env:NAME}` and `{secret:NAME/KEY}`: a value that stands in no file of the repository.
_PLACE = re.compile(r"\{(env|secret):([^{}]*)\}")
_NAMED = {"env": re.compile(r"[A-Za-z_][A-Za-z0-9_]*"), "secret": re.compile(r"[a-z0-9.-]+/[A-Za-z0-9._-]+")}
#: The name of a header (RFC 9110, 5.6.2).
NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
#: Headers whose value lets somebody in.
_SECRET = re.compile(r"auth|cookie|token|key|secret|passw|session|csrf|xsrf|signature|credential", re.IGNORECASE)


#: Headers that say what is wanted or sent, and let nobody in: with them alone a load can be run again from what was kept of it.
_HARMLESS = frozenset(
    {"accept", "accept-charset", "accept-encoding", "accept-language", "cache-control", "content-type", "user-agent", "x-requested-with"}
)


def problem_of(name: object, value: object, *, kinds: tuple[str, ...] = ("env", "secret")) -> str:
    """Why this is no header; empty where it is one. A value is never part of the reason."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        return f"{name!r} is no header's name"
    if not isinstance(value, str):
        return f"the value of {name} is no text"
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
        return f"the value of {name} has a control character"
    for kind, what in _PLACE.findall(value):
        if kind not in kinds:
            return f"{name}: {{{kind}:{what}}} cannot be read here; known: {', '.join(f'{{{each}:…}}' for each in kinds)}"
        if not _NAMED[kind].fullmatch(what):
            return f"{name}: {{{kind}:{what}}} names no {'variable' if kind == 'env' else 'NAME/KEY of a Secret'}"
    return ""


def filled(headers: Mapping[str, str], find: Callable[[str, str], str]) -> dict[str, str]:
    """The headers with every place filled; `find` takes the kind (`env`, `secret`) and what it names.

    Raises ValueError, which says nothing of a value, where one cannot be sent.
    """
    found = {}
    for name, value in headers.items():
        found[name] = _PLACE.sub(lambda place: find(place[1], place[2]).strip(), value)
        if any(ord(letter) < 32 or ord(letter) == 127 for letter in found[name]):
            raise ValueError(f"what {name} is filled with has a control character")
    return found


def merged(first: Mapping[str, str], second: Mapping[str, str]) -> dict[str, str]:
    """Both; where they name the same header, the second's. Names are the same in capitals and small letters."""
    over = {name.lower() for name in second}
    return {**{name: value for name, value in first.items() if name.lower() not in over}, **second}


def shown(text: str) -> str:
    """`Name: value` as it may be printed: what would let somebody in is left out, and a place that is filled later is not."""
    name, colon, value = text.partition(":")
    return f"{name}{colon} {HIDDEN}" if _SECRET.search(name) and not _PLACE.search(value) else text


def without_values(variables: Mapping[str, str]) -> dict[str, str]:
    """What a Locust file finds in its environment, as it may be kept: of headers the names, and the values of harmless ones."""
    found = {}
    for name, text in variables.items():
        try:
            found[name] = json.dumps(_hidden(json.loads(text))) if '"headers"' in text else text
        except ValueError:
            found[name] = text
    return found


def lacks_values(variables: Mapping[str, str]) -> bool:
    """Whether something of these variables was not kept: what is sent with them would be another request."""
    return any(f'"{HIDDEN}"' in text or json.dumps(HIDDEN) in text for text in variables.values())


def _hidden(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _kept(item) if key == "headers" and isinstance(item, dict) else _hidden(item) for key, item in value.items()}
    return value


def _kept(headers: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value if name.lower() in _HARMLESS else HIDDEN for name, value in headers.items()}
