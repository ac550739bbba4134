"""The documents: what a body may be, its digest, and its form in the database. Pure: no I/O, no clock."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NewType, TypeAlias
from urllib.parse import quote

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = "dict[str, JsonValue]"

DocumentId = NewType("DocumentId", str)
Digest = NewType("Digest", str)

MAX_BODY_BYTES: Final = 64 * 1024
# BSON promises 100 levels of nesting; the stored document itself is one of them.
MAX_DEPTH: Final = 99
MAX_ID_LENGTH: Final = 200
_PRINTABLE = re.compile(rf"[ -~]{{1,{MAX_ID_LENGTH}}}")
_INT64 = range(-(2**63), 2**63)


class InvalidDocument(ValueError):
    """A body or a key that the service refuses; the message says why."""


class UnreadableRecord(ValueError):
    """A record in the collection that this service did not write."""


@dataclass(frozen=True, slots=True)
class Document:
    """One stored document. ``created_at`` is ISO 8601 in UTC."""

    id: DocumentId
    data: JsonObject
    digest: Digest
    created_at: str

    def as_json(self) -> JsonObject:
        return {"id": self.id, "data": self.data, "digest": self.digest, "created_at": self.created_at}


def _object_without_duplicates(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    found: JsonObject = {}
    for key, value in pairs:
        if key in found:
            # RFC 8259, section 4: which of the two counts is up to each reader.
            raise InvalidDocument(f"the name {key!r} appears twice in one object")
        found[key] = value
    return found


def _refuse_constant(name: str) -> JsonValue:
    raise InvalidDocument(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise InvalidDocument(f"the number {text[:40]} is beyond the range of a double")
    return number


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:  # Python's limit on the digits that it converts
        raise InvalidDocument(f"an integer of {len(text)} digits is too long") from error


def parse_object(body: bytes) -> JsonObject:
    """The JSON object in a request's body, in the order of its names.

    Whatever readers of JSON disagree about is refused rather than stored as one of its readings: duplicate names, NaN
    and Infinity, numbers beyond a double, lone surrogates, other encodings than UTF-8 (RFC 8259, section 8.1).

    :raises InvalidDocument: the body is not such an object.
    """
    try:
        text = body.decode("utf-8")
        value = json.loads(
            text,
            object_pairs_hook=_object_without_duplicates,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_integer,
        )
    except UnicodeDecodeError as error:
        raise InvalidDocument(f"the body is not UTF-8: byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise InvalidDocument(f"the body is not JSON: {error}") from error
    except RecursionError as error:
        raise InvalidDocument(f"nested deeper than {MAX_DEPTH} levels") from error
    if not isinstance(value, dict):
        raise InvalidDocument("the body must be a JSON object")
    if any(depth > MAX_DEPTH for depth, _ in _walk(value)):
        raise InvalidDocument(f"nested deeper than {MAX_DEPTH} levels")
    try:
        canonical(value)
    except UnicodeEncodeError as error:
        raise InvalidDocument("a string holds half of a surrogate pair, which no UTF-8 text can") from error
    return value


def _walk(value: JsonValue) -> Iterator[tuple[int, JsonValue]]:
    """Every value with its depth, the outermost at 1; without recursion, for the depth is the client's."""
    stack: list[tuple[int, JsonValue]] = [(1, value)]
    while stack:
        depth, item = stack.pop()
        yield depth, item
        if isinstance(item, dict):
            stack.extend((depth + 1, inner) for inner in item.values())
        elif isinstance(item, list):
            stack.extend((depth + 1, inner) for inner in item)


def canonical(data: JsonObject) -> bytes:
    """The one spelling of a document: names sorted by code point, no white space, UTF-8.

    :raises UnicodeEncodeError: a string holds a lone surrogate.
    """
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def digest_of(data: JsonObject) -> Digest:
    """``sha256:`` and the hexadecimal SHA-256 of the canonical form."""
    return Digest("sha256:" + hashlib.sha256(canonical(data)).hexdigest())


def survives_bson(data: JsonObject) -> bool:
    """Whether the database gives this object back exactly, as a sub-document.

    False for what BSON or a server that speaks MongoDB's protocol refuses or alters: names with a dot, a leading dollar
    ($ref comes back as a DBRef) or NUL, integers beyond 64 bits, arrays directly inside arrays, and negative zero.
    """
    for _, value in _walk(data):
        if isinstance(value, dict):
            if any("." in name or name.startswith("$") or "\0" in name for name in value):
                return False
        elif isinstance(value, list):
            if any(isinstance(inner, list) for inner in value):
                return False
        elif isinstance(value, float):
            if value == 0 and math.copysign(1, value) < 0:
                return False
        elif isinstance(value, int) and value not in _INT64:
            return False
    return True


def to_record(document: Document) -> dict[str, object]:
    """The document as the collection holds it.

    ``data`` is a sub-document, which queries can reach into. An object that would not come back the same is kept as its
    JSON text in ``json`` instead.
    """
    record: dict[str, object] = {"_id": document.id}
    if survives_bson(document.data):
        record["data"] = document.data
    else:
        record["json"] = json.dumps(document.data, ensure_ascii=False, allow_nan=False)
    record["digest"] = document.digest
    record["created_at"] = document.created_at
    return record


def from_record(record: Mapping[str, object]) -> Document:
    """The inverse of :func:`to_record`.

    :raises UnreadableRecord: a field is absent or of another type.
    """
    identity, digest, created_at = record.get("_id"), record.get("digest"), record.get("created_at")
    text = record.get("json")
    try:
        data = json.loads(text) if isinstance(text, str) else record.get("data")
    except ValueError as error:
        raise UnreadableRecord(f"the record {identity!r} holds no JSON") from error
    if not isinstance(identity, str) or not isinstance(data, dict) or not isinstance(digest, str) or not isinstance(created_at, str):
        raise UnreadableRecord(f"the record {identity!r} is not a document of this service")
    return Document(DocumentId(identity), data, Digest(digest), created_at)


def parse_key(value: str) -> DocumentId:
    """The id that an ``Idempotency-Key`` header asks for.

    :raises InvalidDocument: not 1 to 200 printable ASCII characters.
    """
    if not _PRINTABLE.fullmatch(value):
        raise InvalidDocument(f"Idempotency-Key must be 1 to {MAX_ID_LENGTH} printable ASCII characters")
    return DocumentId(value)


def location_of(document_id: DocumentId) -> str:
    """The path of a document, for ``Location``; every character that means something in a URL is encoded."""
    segment = quote(document_id, safe=":")
    if segment in (".", ".."):
        # Written out, these segments would be removed by the client (RFC 3986, section 5.2.4).
        segment = segment.replace(".", "%2E")
    return f"/data/{segment}"


def after_prefix(prefix: str) -> str | None:
    """The least string that is greater than every string with this prefix; None if there is none.

    MongoDB compares strings as UTF-8 bytes, which is the order of their code points.
    """
    for end in range(len(prefix), 0, -1):
        code = ord(prefix[end - 1])
        if code < 0x10FFFF:
            # Surrogates are no characters: the next one after U+D7FF is U+E000.
            return prefix[: end - 1] + chr(0xE000 if code == 0xD7FF else code + 1)
    return None
