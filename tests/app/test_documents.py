"""What a body may be, its digest, and that it comes back as it was sent."""

from __future__ import annotations

import json
import math
from urllib.parse import unquote, urljoin, urlsplit

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shelter_app.documents import (
    MAX_DEPTH,
    Digest,
    Document,
    DocumentId,
    InvalidDocument,
    JsonObject,
    JsonValue,
    UnreadableRecord,
    after_prefix,
    canonical,
    digest_of,
    from_record,
    location_of,
    parse_key,
    parse_object,
    survives_bson,
    to_record,
)

pytestmark = pytest.mark.unit

TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
# Names that BSON or a server would change, more often than chance gives them.
NAMES = TEXT | st.sampled_from(["a.b", "$set", "$ref", "\0", "", "_id"])
VALUES: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
OBJECTS: st.SearchStrategy[JsonObject] = st.dictionaries(NAMES, VALUES, max_size=4)
IDS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=40)


@given(OBJECTS)
def test_a_body_parses_to_what_was_sent(data: JsonObject) -> None:
    assert canonical(parse_object(json.dumps(data).encode())) == canonical(data)


@given(OBJECTS, st.booleans())
def test_a_record_comes_back_from_bson_with_the_same_digest(data: JsonObject, reverse: bool) -> None:
    document = Document(DocumentId("k"), data, digest_of(data), "2026-01-01T00:00:00.000000Z")
    read = from_record(bson.decode(bson.encode(to_record(document))))
    assert (read.id, read.digest, digest_of(read.data)) == ("k", document.digest, document.digest)
    assert list(read.data) == list(data)


@given(OBJECTS)
def test_the_digest_does_not_depend_on_the_order_of_names(data: JsonObject) -> None:
    assert digest_of(dict(reversed(data.items()))) == digest_of(data)


def test_the_digest_is_the_sha256_of_the_canonical_text() -> None:
    data: JsonObject = {"b": [1, 1.0, None, True], "a": "é☃"}
    assert canonical(data) == '{"a":"é☃","b":[1,1.0,null,true]}'.encode()
    assert digest_of(data) == "sha256:c017cf74cf49eb9db9b69d555f272a32c32caed1183fb2ba54c08430ca5cb131"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the body is not JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"{", "the body is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (b"[]", "the body must be a JSON object"),
        (b'"text"', "the body must be a JSON object"),
        (b"null", "the body must be a JSON object"),
        (b'{"a":1,"a":1}', "the name 'a' appears twice in one object"),
        (b'{"a":{"b":1,"\\u0062":2}}', "the name 'b' appears twice in one object"),
        (b'{"a":NaN}', "NaN is not JSON"),
        (b'{"a":-Infinity}', "-Infinity is not JSON"),
        (b'{"a":1e400}', "the number 1e400 is beyond the range of a double"),
        (b'{"a":' + b"9" * 5000 + b"}", "an integer of 5000 digits is too long"),
        (b'{"a":"\\ud800"}', "a string holds half of a surrogate pair, which no UTF-8 text can"),
        (b'{"\\udfff":1}', "a string holds half of a surrogate pair, which no UTF-8 text can"),
        (b'{"a":"\xff"}', "the body is not UTF-8: byte 6"),
        ('{"a":1}'.encode("utf-16"), "the body is not UTF-8: byte 0"),
        (b'{"a":' * 30_000 + b"1" + b"}" * 30_000, f"nested deeper than {MAX_DEPTH} levels"),
        (b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}", f"nested deeper than {MAX_DEPTH} levels"),
    ],
)
def test_bodies_that_are_refused(body: bytes, reason: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        parse_object(body)
    assert str(caught.value) == reason


def test_the_deepest_body_is_taken() -> None:
    nested = MAX_DEPTH - 1
    body = b'{"a":' + b"[" * nested + b"]" * nested + b"}"
    assert canonical(parse_object(body)) == body


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ('{"run":"r1","id":"r1:w1:7","seq":7,"m":[{"a":[1]}]}', True),
        ('{"n":9223372036854775807,"m":-9223372036854775808}', True),
        ('{"a$":1,"_id":2,"":3}', True),
        ('{"n":9223372036854775808}', False),
        ('{"deep":[{"n":-9223372036854775809}]}', False),
        ('{"a.b":1}', False),
        ('{"a":{"$ref":"x","$id":1}}', False),
        ('{"a\\u0000":1}', False),
        ('{"a":[[1]]}', False),
        ('{"a":-0.0}', False),
    ],
)
def test_what_the_database_would_alter_is_kept_as_text(body: str, kept: bool) -> None:
    data = parse_object(body.encode())
    record = to_record(Document(DocumentId("k"), data, digest_of(data), "t"))
    form = {"data": data} if kept else {"json": json.dumps(data, ensure_ascii=False)}
    assert survives_bson(data) is kept
    assert record == {"_id": "k", **form, "digest": digest_of(data), "created_at": "t"}
    read = from_record(record).data
    assert canonical(read) == canonical(data)


def test_negative_zero_keeps_its_sign() -> None:
    data: JsonObject = {"a": -0.0}
    read = from_record(to_record(Document(DocumentId("k"), data, digest_of(data), "t"))).data["a"]
    assert isinstance(read, float)
    assert math.copysign(1, read) == -1


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"_id": 7, "data": {}, "digest": "d", "created_at": "t"},
        {"_id": "k", "data": "text", "digest": "d", "created_at": "t"},
        {"_id": "k", "data": {}, "created_at": "t"},
        {"_id": "k", "data": {}, "digest": "d"},
        {"_id": "k", "json": "{", "digest": "d", "created_at": "t"},
        {"_id": "k", "json": "[]", "digest": "d", "created_at": "t"},
    ],
)
def test_records_of_someone_else(record: dict[str, object]) -> None:
    with pytest.raises(UnreadableRecord):
        from_record(record)


@pytest.mark.parametrize("key", ["a", "~" * 200, "run:w1:7", "a b", "../x", "..", "%2F?#"])
def test_keys(key: str) -> None:
    assert parse_key(key) == key


@pytest.mark.parametrize("key", ["", "~" * 201, "é", "tab\t", "a\x7f", "a\n"])
def test_keys_that_are_refused(key: str) -> None:
    with pytest.raises(InvalidDocument, match=r"^Idempotency-Key must be 1 to 200 printable ASCII characters$"):
        parse_key(key)


@given(IDS)
def test_a_location_leads_back_to_its_id(identity: str) -> None:
    joined = urlsplit(urljoin("http://service/data", location_of(DocumentId(identity))))
    assert (joined.query, joined.fragment) == ("", "")
    assert unquote(joined.path) == f"/data/{identity}"


@pytest.mark.parametrize(
    ("identity", "location"),
    [
        ("run:w1:7", "/data/run:w1:7"),
        ("a/b c", "/data/a%2Fb%20c"),
        ("?x=1#y", "/data/%3Fx%3D1%23y"),
        ("100%", "/data/100%25"),
        ("a/../b", "/data/a%2F..%2Fb"),
        ("..", "/data/%2E%2E"),
        (".", "/data/%2E"),
    ],
)
def test_locations(identity: str, location: str) -> None:
    assert location_of(DocumentId(identity)) == location


@given(TEXT, TEXT)
def test_the_end_of_a_prefix_bounds_exactly_the_strings_with_it(prefix: str, other: str) -> None:
    end = after_prefix(prefix)
    inside = prefix <= other and (end is None or other < end)
    assert inside is other.startswith(prefix)
    if end is not None:
        assert end.encode() > (prefix + "\U0010ffff").encode()


@pytest.mark.parametrize(
    ("prefix", "end"),
    [("", None), ("a", "b"), ("run:", "run;"), ("a\U0010ffff", "b"), ("\U0010ffff", None), ("\ud7ff", "\ue000")],
)
def test_ends_of_prefixes(prefix: str, end: str | None) -> None:
    assert after_prefix(prefix) == end


def test_a_document_over_http() -> None:
    document = Document(DocumentId("k"), {"a": 1}, Digest("sha256:0"), "2026-01-01T00:00:00.000000Z")
    assert document.as_json() == {
        "id": "k",
        "data": {"a": 1},
        "digest": "sha256:0",
        "created_at": "2026-01-01T00:00:00.000000Z",
    }
