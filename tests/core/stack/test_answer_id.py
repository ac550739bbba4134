"""Where the id stands in the answer to a write, and the address that takes it."""

from __future__ import annotations

import json

import pytest

from shelterctl.core.stack.answer_id import NoId, OneRule, at, is_pointer, likely, template

pytestmark = pytest.mark.unit

#: The document and the pointers of RFC 6901, section 5.
RFC = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6, " ": 7, "m~n": 8}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", RFC), ("/foo", ["bar", "baz"]), ("/foo/0", "bar"), ("/", 0), ("/a~1b", 1), ("/c%d", 2), ("/e^f", 3), ("/g|h", 4),
        ("/i\\j", 5), ('/k"l', 6), ("/ ", 7), ("/m~0n", 8),
    ],
)  # fmt: skip
def test_a_pointer_leads_where_the_standard_says(pointer: str, value: object) -> None:
    assert is_pointer(pointer)
    assert at(RFC, pointer) == value


@pytest.mark.parametrize("pointer", ["/none", "/foo/2", "/foo/-", "/foo/01", "/foo/bar", "/a~1b/x"])
def test_a_pointer_that_leads_nowhere(pointer: str) -> None:
    with pytest.raises(LookupError):
        at(RFC, pointer)


@pytest.mark.parametrize("text", ["id", "$.id", "/a~2", "a/b"])
def test_what_is_no_pointer(text: str) -> None:
    assert not is_pointer(text)


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"status": "ok", "id": "65f0"}, "/id"),
        ({"item": {"id": 7}, "status": "ok"}, "/item/id"),
        ({"data": {"id": 1}, "book_id": 2}, "/book_id"),
        ({"_id": {"$oid": "65f0"}}, "/_id/$oid"),
        ({"bookId": 3, "valid": True}, "/bookId"),
        ({"_id": "a", "id": 5}, "/id"),
        ({"valid": "yes", "idea": 1, "paid": 2, "grid": 3}, None),
        ({"id": True, "item": {"id": None}}, None),
        ({"a": {"b": {"id": 1}}}, None),
        ([{"id": 1}], None),
        ("65f0", None),
    ],
)
def test_what_is_named_like_an_id(document: object, pointer: str | None) -> None:
    assert likely(document) == pointer


@pytest.mark.parametrize(
    ("answer", "pointer", "path"),
    [
        ({"id": "65f0"}, None, "/books/65f0"),
        ({"id": 17}, "/id", "/books/17"),
        ({"id": 0}, "/id", "/books/0"),
        ("65f0", "", "/books/65f0"),
        ({"made": ["x", "é/a b?c#d&e%2F"]}, "/made/1", "/books/%C3%A9%2Fa%20b%3Fc%23d%26e%252F"),
    ],
)
def test_the_address_of_a_write(answer: object, pointer: str | None, path: str) -> None:
    rule = OneRule("/books/{id}", pointer)
    assert rule.address(rule.id_in(json.dumps(answer).encode())) == path


@pytest.mark.parametrize(
    ("body", "pointer", "said"),
    [
        (b'{"name": "x", "at": 1}', "/id", "has no /id (it has name, at)"),
        (b'{"id": {"a": 1}}', "/id", "what the answer to a write has at /id is no id"),
        (b'{"id": null}', "/id", "is no id: null"),
        (b'{"id": true}', "/id", "is no id: true"),
        (b'{"id": ""}', "/id", 'is no id: ""'),
        (b'{"id": 1.5}', "/id", "is no id: 1.5"),
        # However it is quoted, a client makes another path of it.
        (b'{"id": ".."}', "/id", 'is no id: ".."'),
        (b"[]", "/0/id", "has no /0/id (it is a list)"),
        (b"<p>saved</p>", "/id", "no JSON"),
        (b"\xff\xfe", "/id", "no JSON"),
        (b'{"status": "stored"}', None, "nothing that is named like an id (it has status)"),
        (b"{}", None, "it has no key at all"),
    ],
)
def test_an_answer_without_an_id_says_what_it_has(body: bytes, pointer: str | None, said: str) -> None:
    with pytest.raises(NoId) as caught:
        OneRule("/books/{id}", pointer).id_in(body)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("route", "path"),
    [
        ("/books/<int:book_id>", "/books/{id}"),
        ("/books/<path:key>/one", "/books/{id}/one"),
        ("/books/{id}", "/books/{id}"),
        ("/books", None),
        ("/shelves/<shelf>/books/<book>", None),
    ],
)
def test_the_place_of_the_id_in_a_route(route: str, path: str | None) -> None:
    assert template(route) == path
