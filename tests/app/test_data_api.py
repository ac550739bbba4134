"""/data against a real database."""

from __future__ import annotations

import http.client
import io
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pymongo import MongoClient
from shelter_app.documents import digest_of
from shelter_app.settings import Settings
from shelter_app.store import PAGE_BYTES

pytestmark = pytest.mark.local

Records = Callable[[], list[dict[str, object]]]


def put(client: FlaskClient, key: str, data: dict[str, object]) -> int:
    return client.post("/data", json=data, headers={"Idempotency-Key": key}).status_code


def test_a_document_is_stored_and_read_back(client: FlaskClient, records: Records) -> None:
    data = {"run": "r1", "id": "r1:w1:1", "n": 1, "nested": {"z": [1, {"y": None}], "a": 0.5}}
    posted = client.post("/data", json=data, headers={"Idempotency-Key": "r1:w1:1"})
    document = {
        "id": "r1:w1:1",
        "data": data,
        "digest": digest_of(json.loads(json.dumps(data))),
        "created_at": posted.get_json()["created_at"],
    }
    assert (posted.status_code, posted.get_json()) == (201, document)
    assert posted.headers["Location"] == "/data/r1:w1:1"
    assert posted.headers["X-Pod"] == "pod-a"
    read = client.get(posted.headers["Location"])
    assert (read.status_code, read.get_json()) == (200, document)
    assert records() == [{"_id": "r1:w1:1", "data": data, "digest": document["digest"], "created_at": document["created_at"]}]


def test_without_a_key_every_post_is_another_document(client: FlaskClient, records: Records) -> None:
    first, second = (client.post("/data", json={"a": 1}) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.get_json()["id"] != second.get_json()["id"]
    assert len(records()) == 2


def test_the_same_key_and_body_is_written_once(client: FlaskClient, records: Records) -> None:
    first = client.post("/data", data='{"a":1,"b":2}', content_type="application/json", headers={"Idempotency-Key": "k"})
    again = client.post("/data", data='{ "b": 2, "a": 1 }', content_type="application/json", headers={"Idempotency-Key": "k"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.get_json() == first.get_json()
    assert again.headers["Location"] == "/data/k"
    assert len(records()) == 1


def test_the_same_key_with_another_body_is_a_conflict(client: FlaskClient, records: Records) -> None:
    put(client, "k", {"a": 1})
    conflict = client.post("/data", json={"a": 1.0}, headers={"Idempotency-Key": "k"})
    assert (conflict.status_code, conflict.content_type) == (409, "application/problem+json")
    assert conflict.get_json() == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "another document is stored under this Idempotency-Key",
        "instance": "/data",
        "pod": "pod-a",
    }
    assert [record["data"] for record in records()] == [{"a": 1}]


def test_of_concurrent_posts_with_one_key_one_writes(app: Flask, records: Records) -> None:
    barrier = threading.Barrier(16)

    def post(number: int) -> tuple[int, int]:
        barrier.wait(10)
        return number % 2, put(app.test_client(), "k", {"which": number % 2})

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(post, range(16)))
    (record,) = records()
    data = record["data"]
    assert isinstance(data, dict)
    winner = data["which"]
    assert sorted(status for which, status in answers if which == winner) == [200] * 7 + [201]
    assert [status for which, status in answers if which != winner] == [409] * 8


@pytest.mark.parametrize(
    "body",
    [
        '{"matrix":[[1,2],[3,[4]]]}',
        '{"a.b":{"$set":1},"c\\u0000":2}',
        '{"n":123456789012345678901234567890}',
        '{"x":{"$ref":"c","$id":1}}',
        '{"z":-0.0}',
        '{"i":9223372036854775807,"f":1e308,"tiny":5e-324,"one":1.0}',
        '{"text":"\\u0000\\u2028\\ud83d\\ude00","":{"":[]}}',
        '{"_id":1,"data":{"json":"{}"}}',
    ],
)
def test_unusual_objects_come_back_as_they_were_sent(client: FlaskClient, body: str) -> None:
    posted = client.post("/data", data=body, content_type="application/json")
    assert posted.status_code == 201, posted.get_data(as_text=True)
    read = client.get(posted.headers["Location"])
    sent = json.loads(body)
    assert json.dumps(read.get_json()["data"]) == json.dumps(sent)
    assert read.get_json()["digest"] == digest_of(sent)
    assert client.get("/data").get_json()["items"] == [read.get_json()]


@pytest.mark.parametrize(
    "identity",
    ["a/b", "/lead", "trail/", "a//b", "a b", "run:1", "..", ".", "a/../b", "../../x", "?q=1&r", "#f", "100%", "%2F", "\\", '"<>'],
)
def test_ids_of_any_printable_characters(app: Flask, identity: str) -> None:
    """Over a socket: test clients tidy paths up before they send them."""
    with serving(app) as port:
        posted = exchange(port, "POST", "/data", {"Idempotency-Key": identity, "Content-Type": "application/json"}, b"{}")
        location = posted[1]["Location"]
        read = exchange(port, "GET", location, {}, None)
        literal = exchange(port, "GET", "/data/" + quote(identity, safe="/:"), {}, None)
    assert (posted[0], read[0], literal[0]) == (201, 200, 200)
    assert json.loads(read[2])["id"] == json.loads(literal[2])["id"] == identity


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


class serving:
    """The application on a port of this machine, for the time of a ``with``."""

    def __init__(self, app: Flask) -> None:
        self._server = make_server("127.0.0.1", 0, app, handler_class=Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> int:
        self._thread.start()
        return self._server.server_port

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def exchange(port: int, method: str, path: str, headers: dict[str, str], body: bytes | None) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    found = (response.status, response.headers, response.read())
    connection.close()
    return found


@pytest.mark.parametrize("key", ["", "é", "x" * 201])
def test_keys_that_are_refused(client: FlaskClient, records: Records, key: str) -> None:
    refused = client.post("/data", json={}, headers={"Idempotency-Key": key})
    assert (refused.status_code, refused.get_json()["detail"]) == (
        400,
        "Idempotency-Key must be 1 to 200 printable ASCII characters",
    )
    assert records() == []


def test_a_malformed_body_is_told_where(client: FlaskClient, records: Records) -> None:
    refused = client.post("/data", data=b'{"a":1,}', content_type="application/json")
    assert refused.status_code == 400
    assert refused.get_json()["detail"].startswith("the body is not JSON: ")
    assert records() == []


def test_the_largest_body_and_one_byte_more(client: FlaskClient, records: Records) -> None:
    largest = b'{"a":"' + b"x" * (64 * 1024 - 8) + b'"}'
    assert len(largest) == 65536
    assert client.post("/data", data=largest, content_type="application/json").status_code == 201
    refused = client.post("/data", data=largest + b" ", content_type="application/json")
    assert (refused.status_code, refused.content_type) == (413, "application/problem+json")
    assert refused.get_json() == {
        "type": "about:blank",
        "title": refused.get_json()["title"],
        "status": 413,
        "detail": "the body is larger than 65536 bytes",
        "instance": "/data",
        "pod": "pod-a",
    }
    assert len(records()) == 1


def test_a_body_of_unknown_length_is_measured_too(client: FlaskClient, records: Records) -> None:
    def post(size: int) -> int:
        body = b'{"a":"' + b"x" * (size - 8) + b'"}'
        return client.post(
            "/data",
            input_stream=io.BytesIO(body),
            content_type="application/json",
            environ_overrides={"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""},
        ).status_code

    assert (post(65536), post(65537)) == (201, 413)
    assert len(records()) == 1


@pytest.mark.parametrize(
    ("headers", "header"),
    [
        ({}, ("Accept", "application/json")),
        ({"Content-Type": "text/plain"}, ("Accept", "application/json")),
        ({"Content-Type": "application/json; charset=utf-8", "Content-Encoding": "gzip"}, ("Accept-Encoding", "identity")),
    ],
)
def test_other_formats(client: FlaskClient, records: Records, headers: dict[str, str], header: tuple[str, str]) -> None:
    refused = client.post("/data", data=b"{}", headers=headers)
    assert (refused.status_code, refused.content_type) == (415, "application/problem+json")
    assert refused.headers[header[0]] == header[1]
    assert records() == []


def test_paging_visits_every_document_once_in_order(client: FlaskClient) -> None:
    ids = [f"r:{number:03}" for number in range(25)]
    for identity in reversed(ids):
        assert put(client, identity, {"id": identity}) == 201
    put(client, "other", {})
    pages: list[list[str]] = []
    after: str | None = ""
    while after is not None:
        page = client.get("/data", query_string={"prefix": "r:", "limit": "10", "after": after}).get_json()
        pages.append([item["id"] for item in page["items"]])
        after = page["next"]
    assert pages == [ids[:10], ids[10:20], ids[20:]]


def test_a_page_that_ends_with_the_last_document_has_no_next(client: FlaskClient) -> None:
    for identity in ("a", "b"):
        put(client, identity, {})
    assert client.get("/data?limit=2").get_json()["next"] is None
    assert client.get("/data?limit=1").get_json()["next"] == "a"
    assert client.get("/data?after=b").get_json() == {"items": [], "next": None}


def test_counts(client: FlaskClient) -> None:
    for identity in ("r1:1", "r1:2", "r2:1"):
        put(client, identity, {})
    assert client.get("/data?count=true").get_json() == {"count": 3}
    assert client.get("/data?count=true&prefix=r1:").get_json() == {"count": 2}
    assert client.get("/data?count=true&prefix=r1:&after=r1:1&limit=1").get_json() == {"count": 1}
    assert client.get("/data?count=true&prefix=none").get_json() == {"count": 0}


def test_a_page_of_large_documents_ends_early_and_goes_on(client: FlaskClient, settings: Settings) -> None:
    """1,000 documents of 64 KiB would be more than the pod's memory."""
    size = 60_000
    number = PAGE_BYTES // size + 10
    database: MongoClient[dict[str, object]] = MongoClient(settings.mongo.hosts[0])
    database[settings.mongo.database]["documents"].insert_many(
        [{"_id": f"{n:04}", "data": {"x": "x" * size}, "digest": "d", "created_at": "t"} for n in range(number)]
    )
    database.close()
    first = client.get("/data?limit=1000")
    assert PAGE_BYTES <= len(first.data) < PAGE_BYTES + 2 * size
    second = client.get("/data", query_string={"limit": "1000", "after": first.get_json()["next"]}).get_json()
    assert [item["id"] for item in first.get_json()["items"] + second["items"]] == [f"{n:04}" for n in range(number)]
    assert second["next"] is None


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "count=1", "prefx=a", "limit=1&limit=2"])
def test_queries_that_are_refused(client: FlaskClient, query: str) -> None:
    refused = client.get(f"/data?{query}")
    assert (refused.status_code, refused.content_type) == (400, "application/problem+json")


def test_an_unknown_id_is_not_found(client: FlaskClient) -> None:
    missing = client.get("/data/none/%2F")
    assert missing.status_code == 404
    assert missing.get_json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "no document has this id",
        "instance": "/data/none//",
        "pod": "pod-a",
    }


@pytest.fixture
def foreign(settings: Settings) -> Iterator[None]:
    database: MongoClient[dict[str, object]] = MongoClient(settings.mongo.hosts[0])
    database[settings.mongo.database]["documents"].insert_one({"_id": "foreign", "something": "else"})
    yield
    database.close()


def test_a_record_of_someone_else_is_named_and_not_guessed_at(client: FlaskClient, foreign: None) -> None:
    for path in ("/data/foreign", "/data"):
        failed = client.get(path)
        assert (failed.status_code, failed.get_json()["detail"]) == (
            500,
            "the record 'foreign' is not a document of this service",
        )
