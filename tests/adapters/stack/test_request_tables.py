"""[writes], [reads] and [load] of shelterctl.toml: what means nothing is an error where it is read, with the line that would be right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shelterctl.adapters.stack import config
from shelterctl.errors import UsageError

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('[reads]\nfinds = "some"', "finds = 'some'"),
        ('[reads]\nrequest = "POST /books"', "request = 'POST /books'"),
        ('[reads]\nrequest = "/books"', "request = '/books'"),
        ('[reads]\nrequest = "GET /books"\nfinds = "one"', "has no {id}, and finds one"),
        ('[reads]\nrequest = "GET /books/{id}"\nfinds = "all"', "request = 'GET /books/{id}'"),
        ('[reads]\nrequest = "GET /books/{book}"\nfinds = "one"', "request = 'GET /books/{book}'"),
        ('[reads]\nrequest = "GET /shelves/{id}/books/{id}"', "request = 'GET /shelves/{id}/books/{id}'"),
        ('[reads]\nmax_bytes = "much"', "max_bytes = 'much'"),
        ('[reads]\nmax_bytes = "0MiB"', "max_bytes = '0MiB'"),
        ('[reads]\nmax_bytes = "-1MiB"', "max_bytes = '-1MiB'"),
        ('[writes]\nid = "id"', "id = 'id' is no JSON pointer"),
        ('[writes]\nid = "$.item.id"', "id = '$.item.id' is no JSON pointer"),
        ("[writes]\nok = { state = 201 }", "ok has status and body"),
        ("[writes]\nok = { status = 500 }", "ok has status = 500"),
        ("[writes]\nok = { status = true }", "ok has status = True"),
        ("[writes]\nok = { status = [] }", "ok has status = []"),
        ('[writes]\nok = { status = "201" }', "ok has status = '201'"),
        ("[writes]\nok = { body = 7 }", "ok has body = 7"),
        ('[writes]\nok = { body = "" }', "ok has body = ''"),
        ('[load]\nmix = { "POST /adopt" = 1 }', "mix has 'POST /adopt'"),
        ("[load]\nmix = { raed = 1 }", "mix has 'raed' (did you mean read?)"),
        ('[load]\nmix = { "/dogs" = 1 }', "mix has '/dogs' (did you mean GET /dogs?)"),
        ('[load]\nmix = { "GET dogs" = 1 }', "mix has 'GET dogs'"),
        ('[load]\nmix = { "GET /dogs/{id}" = 1 }', "mix has 'GET /dogs/{id}'"),
        ('[load]\nmix = { "" = 1 }', "mix has ''"),
        ("[load]\nmix = { read = -1 }", "mix has 'read' = -1"),
        ('[load]\nmix = { read = "a" }', "mix has 'read' = 'a'"),
        ("[load]\nmix = { read = 0.5 }", "mix has 'read' = 0.5"),
        ("[load]\nmix = { read = true }", "mix has 'read' = True"),
        ("[load]\nmix = { read = 100000 }", "mix has 'read' = 100000"),
        ("[load]\nmix = {}", "mix asks for nothing"),
        ("[load]\nmix = { write = 0, read = 0 }", "mix asks for nothing"),
        ("[load]\nmax_writes = -5", "max_writes = -5"),
        ('[load]\nmax_writes = "many"', "max_writes = 'many'"),
        ("[writes]\nrejected = [200]", "rejected has 200"),
        ('[writes]\nrejected = ["422"]', "rejected has '422'"),
        ('[load]\nheaders = { "X Key" = "a" }', "[load] headers: 'X Key' is no header's name"),
        ("[load]\nheaders = { X-Key = 7 }", "[load] headers: the value of X-Key is no text"),
        ('[load]\nheaders = { X-Key = "{env:A B}" }', "[load] headers: X-Key: {env:A B} names no variable"),
        ('[load]\nheaders = { Host = "a" }', "[load] headers has Host"),
        ('[load]\nheaders = ["a"]', "[load] headers = ['a']"),
        ('[writes]\nheaders = { X-Key = "{secret:a/b}" }', "[writes] headers: X-Key: {secret:a/b} cannot be read here"),
        ('[writes]\nkey = ""', "key = '' is no header's name"),
        ('[writes]\nkey = "Idempotency Key"', "key = 'Idempotency Key' is no header's name"),
        ('[writes]\nkey = "content-type"', "[writes] key = 'content-type'"),
        ('[writes]\nkey = "X-Id"\nheaders = { x-id = "7" }', "[writes] key = 'X-Id'"),
        ("[writes]\nkey = 7", "[writes] key = 7"),
        ('[reads]\nversion = "version"', "[reads] version = 'version'"),
        ('[reads]\nlive = "GET /live"', "[reads] live = 'GET /live'"),
        ('[reads]\nhealth = "/health/{id}"', "[reads] health = '/health/{id}'"),
        ('[reads]\nversoin = "/version"', "[reads] has no key versoin (did you mean version?)"),
    ],
)
def test_what_means_nothing_is_an_error(text: str, what: str, tmp_path: Path) -> None:
    (tmp_path / "shelterctl.toml").write_text(text + "\n")
    with pytest.raises(UsageError, match=re.escape(what)):
        config.read(tmp_path)


def test_the_line_that_would_be_right_is_named(tmp_path: Path) -> None:
    for text, right in (
        ('[writes]\nid = "$.item.id"\n', '[writes] id = "/item/id"'),
        ('[reads]\nversion = "GET /about"\n', '[reads] version = "/about"'),
        ('[reads]\nlive = "alive"\n', '[reads] live = "/live"'),
    ):
        (tmp_path / "shelterctl.toml").write_text(text)
        with pytest.raises(UsageError) as caught:
            config.read(tmp_path)
        assert caught.value.next_command == right


@pytest.mark.parametrize(
    "text",
    [
        '[reads]\nrequest = "GET /books/{id}"\nfinds = "one"\nmax_bytes = "64MiB"\n[writes]\nid = "/item/id"\nrejected = [422]',
        '[reads]\nfinds = "one"',
        '[reads]\nrequest = "GET /books"\nfinds = "all"\nmax_bytes = "1 MiB"',
        '[writes]\nid = ""\nok = { status = [200, 201], body = { ok = true } }',
        '[writes]\nok = { body = "stored" }',
        '[load]\nheaders = { Authorization = "Bearer {env:API_TOKEN}", X-Key = "{secret:api-keys/reader}" }',
        '[writes]\nkey = "X-Request-Id"\nheaders = { X-Team = "blue" }\n[reads]\nversion = "/about?short=1"\nlive = "/"\nhealth = "/db"',
        '[load]\nmix = { write = 1, read = 2, "GET /" = 0, "GET /a?b=c" = 3 }\nmax_writes = 0',
    ],
)
def test_what_means_something_is_taken(text: str, tmp_path: Path) -> None:
    (tmp_path / "shelterctl.toml").write_text(text + "\n")
    assert config.read(tmp_path).path is not None
