"""How a stack is written to and read by tokens: a text of its own in each write, which is looked for afterwards. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from urllib.parse import urlencode

from shelterctl.core.stack import answer_id, ok_rule
from shelterctl.core.stack.answer_id import OneRule
from shelterctl.core.stack.model import Body, Route, Sources
from shelterctl.core.stack.ok_rule import OkRule
from shelterctl.core.stack.requests import choose
from shelterctl.core.stack.stack import Requests, Stack

#: Letters and digits of one case: nothing that an application escapes, and one width, so that no token is part of another.
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
TOKEN_LENGTH = 24
#: What refuses the first write, while nothing is wrong with the database.
REFUSED = (400, 401, 403, 404, 405, 409, 413, 415, 419, 422)
#: What differs from write to write in a text: ids in hexadecimal, numbers, and what stands between the parts of a time.
#: A number does not reach into what follows it: `sha256:9f86d0…` is a name and a hash. The first is the end of a pod's name, in
#: the letters and digits of https://pkg.go.dev/k8s.io/apimachinery/pkg/util/rand: an application may answer with that name.
_VARYING = re.compile(
    r"(?<=-)[bcdfghjklmnpqrstvwxz2456789]{6,10}-[bcdfghjklmnpqrstvwxz2456789]{5}\b"
    r"|\b[0-9a-f]{8,}(?:-[0-9a-f]{4,}){0,4}\b|\d+(?:[:.,T-]+\d+(?![0-9a-su-y_]))*Z?",
    re.IGNORECASE,
)
_BESIDE = re.compile(r"#(?:[:.,T-]+#)+Z?")


class WriteOutcome(Enum):
    """What an answer says of a write. UNKNOWN is everything that is neither learned nor a refusal: a 5xx may have been stored."""

    ACKNOWLEDGED = "acknowledged"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


def token(run: str, number: int) -> str:
    """The token of a write: `t`, eleven characters of the run, twelve of the number. Raises ValueError for a number that does not fit."""
    digits = ""
    rest = number
    while rest:
        rest, digit = divmod(rest, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    if len(run) != 11 or len(digits) > 12:
        raise ValueError(f"no token for write {number} of run {run!r}")
    return f"t{run}{digits.rjust(12, ALPHABET[0])}"


def is_token(text: str) -> bool:
    return len(text) == TOKEN_LENGTH and text[0] == "t" and all(letter in ALPHABET for letter in text)


@dataclass(frozen=True, slots=True)
class Signature:
    """What acknowledges a write, as the first one showed it: the status, and the answer without what differs from write to write."""

    status: int
    skeleton: str
    location: str = ""


@dataclass(frozen=True, slots=True)
class WriteRule:
    """A write's request. `template` has `{token}` and `{n}` in its values.

    `rejected` are the statuses that say for sure that nothing was stored, by the owner's word: an application that answers every error with
    400 may have stored the write before its connection broke. `ok` is what acknowledges one by the owner's word, in the place of what the
    first write shows. `key` is the header in which the application takes a write's identity from its client; empty for none.
    """

    method: str
    path: str
    body: Body
    template: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    rejected: tuple[int, ...] = ()
    ok: OkRule | None = None
    key: str = ""

    def request(self, mark: str, number: int) -> tuple[bytes, dict[str, str]]:
        """The body and the headers of one write."""
        values = {key: _filled(value, mark, number) for key, value in self.template.items()}
        told = {**self.headers, **({self.key: mark} if self.key else {})}
        if self.body is Body.FORM:
            return urlencode(values).encode(), {**told, "Content-Type": "application/x-www-form-urlencoded"}
        return json.dumps(values).encode(), {**told, "Content-Type": "application/json"}

    def judge(self, status: int, body: bytes, location: str, mark: str, learned: Signature | None) -> WriteOutcome:
        """What an answer says. Without a learned signature nothing is acknowledged: a success that stores nothing looks the same."""
        if learned is not None and self.acknowledged(status, body, location, mark, learned):
            return WriteOutcome.ACKNOWLEDGED
        return WriteOutcome.REJECTED if status in self.rejected else WriteOutcome.UNKNOWN

    def acknowledged(self, status: int, body: bytes, location: str, mark: str, learned: Signature) -> bool:
        """Whether an answer is one that acknowledges, by the owner's word or as it was learned."""
        if self.ok is not None:
            return self.ok.holds(status, body, mark)
        return signature(status, body, location, mark) == learned


#: Bytes on purpose: an answer of many MiB is searched as it is.
_TOKEN = re.compile(rf"(?<![{ALPHABET}])t[{ALPHABET}]{{{TOKEN_LENGTH - 1}}}(?![{ALPHABET}])".encode())


@dataclass(frozen=True, slots=True)
class ReadRule:
    """A read's request, whose answer holds every write where nothing is left out."""

    path: str
    html: bool = False
    most_bytes: int = 32 * 2**20

    def found(self, body: bytes) -> tuple[str, ...]:
        """The tokens in an answer, each as often as it is there."""
        return tokens_in(body)


@dataclass(frozen=True, slots=True)
class Exchange:
    """The write and the reads of a stack: of all at once, and of one by its id. `by_id` is whether that comes first."""

    write: WriteRule | None
    read: ReadRule | None
    one: OneRule | None = None
    by_id: bool = False


def tokens_in(body: bytes) -> tuple[str, ...]:
    """The tokens in an answer, each as often as it is there."""
    return tuple(found.group().decode() for found in _TOKEN.finditer(body))


def signature(status: int, body: bytes, location: str, mark: str) -> Signature:
    """An answer without what belongs to one write: its token, and numbers and ids, which every write has others of.

    Of JSON the keys, the words and the truth values stay, and whether a number is 0; of anything else the whole text.
    """
    text = body.decode("utf-8", "replace").replace(mark, "{token}")
    try:
        text = json.dumps(_skeleton(json.loads(text)), sort_keys=True)
    except (ValueError, RecursionError):
        text = _same(text)
    return Signature(status, text, _same(location.replace(mark, "{token}")))


def _same(text: str) -> str:
    """A text with a mark in the place of what varies; of two with nothing but punctuation between them one is left."""
    return _BESIDE.sub("#", _VARYING.sub("#", text))


def _skeleton(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _skeleton(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_skeleton(item) for item in value[:1]]
    if isinstance(value, str):
        return _same(value)
    if value is None or isinstance(value, bool) or value == 0:
        # A count of nothing inserted, a success that is none: these are what an answer says.
        return value
    return type(value).__name__


def _filled(value: Any, mark: str, number: int) -> Any:
    if isinstance(value, str):
        if value == "{n}":
            return number
        return value.replace("{token}", mark).replace("{n}", str(number))
    if isinstance(value, dict):
        return {key: _filled(item, mark, number) for key, item in value.items()}
    return value


def of(stack: Stack, writes: Mapping[str, Any], reads: Mapping[str, Any]) -> Exchange:
    """The exchange of a stack; `writes` and `reads` are what its owner configured."""
    return _of(stack.requests, writes, reads)


def stated(writes: Mapping[str, Any], reads: Mapping[str, Any]) -> Exchange:
    """The exchange where the owner's file says all of it, and no source is asked."""
    return _of(choose(Sources(), write=writes.get("request", ""), read=reads.get("request", "")), writes, reads)


def _of(requests: Requests, writes: Mapping[str, Any], reads: Mapping[str, Any]) -> Exchange:
    route = requests.write
    write = None
    if route is not None:
        body = Body.FORM if "form" in writes else Body.JSON if "json" in writes else route.body
        given = writes.get("form") or writes.get("json") or template(route)
        rejected = tuple(writes.get("rejected", ()))
        ok = ok_rule.of(writes.get("ok", {}))
        write = WriteRule(route.write_method, route.path, body, given, writes.get("headers", {}), rejected, ok, writes.get("key", ""))
    read = requests.read
    most = int(str(reads.get("max_bytes", "")).removesuffix("MiB") or 32) * 2**20
    whole = None if read is None else ReadRule(read.path, read.html, most)
    one = _by_id(requests.read_one, writes)
    return Exchange(write, whole, one, by_id="one" in (reads.get("finds"), "one" if "{id}" in reads.get("request", "") else ""))


def _by_id(route: Route | None, writes: Mapping[str, Any]) -> OneRule | None:
    path = answer_id.template(route.path) if route is not None else None
    return None if path is None else OneRule(path, writes.get("id"))


#: Names of fields that take a number, and of those that take a text of people's, the likelier first.
_NUMBERS = re.compile(
    r"(^|[_-])(age|price|count|quantity|amount|year|number|rating|score|stock|weight|size|total|cost)($|[_-])", re.IGNORECASE
)
_TEXTS = ("message", "text", "content", "name", "title", "description", "note", "comment", "body")


def template(write: Route) -> Mapping[str, str]:
    """The body of a write as far as the sources tell: the token in the likeliest text, fitting values in the rest."""
    if not write.keys:
        return {"shelterctl": "{token}"}
    marked = min(write.keys, key=_rank)
    return {key: "{token}" if key == marked else "{n}" if _NUMBERS.search(key) else "n{n}" for key in write.keys}


def _rank(key: str) -> tuple[bool, int]:
    """Numbers last; among texts, what people write most freely first. The order of the sources decides between equals."""
    words = [index for index, word in enumerate(_TEXTS) if word in key.lower()]
    return bool(_NUMBERS.search(key)), min(words, default=len(_TEXTS))
