"""Whether an answer turns a write away before anything is done with it, and what its owner can say to be let in. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from shelterctl.core.stack.exchange import REFUSED

#: Who asks is not known, or may not: RFC 9110, 15.5.2 and 15.5.4, and Laravel's 419 for a CSRF token that is not there.
_STRANGER = (401, 403, 407, 419)
_CSRF = re.compile(rb"csrf|xsrf", re.IGNORECASE)
_LOGIN = re.compile(r"(?:^|[/_.-])(?:log_?-?in|sign_?-?in|sso|oauth2?|auth|authorize|session|sessions/new)(?:[/_.-]|$)", re.IGNORECASE)
#: The same request belongs elsewhere: RFC 9110, 15.4.8 and 15.4.9; of 301 a browser makes a GET. Nothing was stored all the same.
_MOVED = (301, 307, 308)


@dataclass(frozen=True, slots=True)
class Refusal:
    """`stranger` is whether a login, a key or a CSRF token is wanted; else what was sent, or where to, is not what the route takes."""

    stranger: bool
    what: str

    @property
    def next_command(self) -> str:
        if self.stranger:
            return "[writes] headers in shelterctl.toml, with a key or a token that lets it in, or [writes] request with another route"
        return "[writes] in shelterctl.toml says what the application takes: request, json or form, headers"


def of(status: int, body: bytes, location: str) -> Refusal | None:
    """What turns a write away; None for a success, an error of the server, and a redirect that may follow a success."""
    if status in _STRANGER:
        return Refusal(True, f"answers {status}: a login, a key or a CSRF token is wanted")
    if status in (400, 422) and _CSRF.search(body[:4096]):
        return Refusal(True, f"answers {status}: a CSRF token is wanted")
    if 300 <= status < 400 and _LOGIN.search(urlsplit(location).path):
        return Refusal(True, f"answers {status} and sends on to {urlsplit(location).path}: a login is wanted")
    if status in _MOVED:
        return Refusal(False, f"answers {status}: what is sent there belongs to {location or 'another address'}")
    return Refusal(False, f"answers {status}: what is sent is not what it takes") if status in REFUSED else None
