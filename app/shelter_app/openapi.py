"""The OpenAPI 3.1 description of the service. Pure."""

from __future__ import annotations

from typing import Final

from shelter_app import __version__
from shelter_app.documents import MAX_BODY_BYTES, MAX_DEPTH, MAX_ID_LENGTH, JsonObject, JsonValue
from shelter_app.paging import DEFAULT_LIMIT, MAX_LIMIT

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"

_PROBLEMS: Final = {
    400: "The request is malformed; `detail` says where.",
    404: "There is nothing at this path.",
    405: "The path has no such method; `Allow` lists those it has.",
    409: "Another document is stored under this Idempotency-Key.",
    413: f"The body is larger than {MAX_BODY_BYTES} bytes.",
    415: "The body is not uncompressed application/json.",
    500: "The service failed, or a record of the database is not its own.",
    503: "The database did not answer. `applied` says what is known about the write.",
}


def _ref(kind: str, name: str) -> JsonObject:
    return {"$ref": f"#/components/{kind}/{name}"}


def _schema(name: str) -> JsonObject:
    return _ref("schemas", name)


def _record(properties: dict[str, JsonValue], optional: tuple[str, ...] = (), *, closed: bool = True) -> JsonObject:
    required: list[JsonValue] = [name for name in properties if name not in optional]
    found: JsonObject = {"type": "object", "required": required, "properties": properties}
    if closed:
        found["additionalProperties"] = False
    return found


def _answer(description: str, schema: JsonObject, *headers: str) -> JsonObject:
    named: JsonObject = {name: _ref("headers", name) for name in ("X-Pod", *headers)}
    return {"description": description, "headers": named, "content": {JSON: {"schema": schema}}}


def _operation(
    operation_id: str, summary: str, answers: dict[str, JsonValue], problems: tuple[int, ...] = (), **more: JsonValue
) -> JsonObject:
    # Every path can answer these two: no method is hidden, and any code can fail.
    responses = answers | {str(status): _ref("responses", f"Problem{status}") for status in sorted({405, 500, *problems})}
    return {"operationId": operation_id, "summary": summary, **more, "responses": responses}


def _problem_response(status: int, description: str) -> JsonObject:
    headers: JsonObject = {"X-Pod": _ref("headers", "X-Pod")}
    for name, carried in (("Allow", 405), ("Retry-After", 503)):
        if status == carried:
            headers[name] = _ref("headers", name)
    return {"description": description, "headers": headers, "content": {PROBLEM: {"schema": _schema("Problem")}}}


def _query(name: str, description: str, schema: JsonObject) -> JsonObject:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _or_empty(schema: JsonObject) -> JsonObject:
    """An empty parameter is the same as none."""
    return {"anyOf": [schema, {"const": ""}]}


def _schemas() -> JsonObject:
    text: JsonObject = {"type": "string"}
    time: JsonObject = {"type": "string", "format": "date-time"}
    database = _record({"status": {"enum": ["up", "down"]}, "reason": {"type": ["string", "null"]}, "age_s": {"type": "number"}})
    checks = _record({"database": database})
    return {
        "Data": {"type": "object", "description": f"Any JSON object, nested at most {MAX_DEPTH} levels, without duplicate names."},
        "Document": _record(
            {
                "id": {"type": "string", "minLength": 1},
                "data": _schema("Data"),
                "digest": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
                "created_at": time,
            }
        ),
        "Page": _record({"items": {"type": "array", "items": _schema("Document")}, "next": {"type": ["string", "null"]}}),
        "Count": _record({"count": {"type": "integer", "minimum": 0}}),
        "Greeting": _record({"message": text, "utc": time, "local": time, "timezone": text, "version": text, "pod": text}),
        "Version": _record({"version": text, "image_tag": text, "git_revision": text, "pod": text, "python": text}),
        "Live": _record({"status": {"const": "live"}, "pod": text}),
        "Ready": _record({"status": {"const": "ready"}, "pod": text, "checks": checks}),
        "Health": _record(
            {
                "status": {"const": "healthy"},
                "pod": text,
                "live": _record({"status": {"const": "live"}}),
                "ready": _record({"status": {"const": "ready"}, "checks": checks}),
            }
        ),
        "Problem": _record(
            {
                "type": {"type": "string", "format": "uri-reference"},
                "title": text,
                "status": {"type": "integer", "minimum": 400, "maximum": 599},
                "detail": text,
                "instance": {"type": "string", "format": "uri-reference"},
                "pod": text,
                "applied": {
                    "enum": [False, "unknown"],
                    "description": "With 503: false only if it is certain that nothing was written.",
                },
            },
            optional=("applied",),
            closed=False,
        ),
    }


def _paths() -> JsonObject:
    html: JsonObject = {"schema": {"type": "string"}}
    greeting = _answer("A greeting with date and time.", _schema("Greeting"))
    greeting["content"] = {JSON: {"schema": _schema("Greeting")}, "text/html": html}
    document = _schema("Document")
    key: JsonObject = {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Becomes the id: the same key with the same body is stored once. White space around it is no part of it.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_ID_LENGTH, "pattern": "^[!-~]([ -~]*[!-~])?$"},
    }
    name: JsonObject = {"type": "string", "maxLength": MAX_ID_LENGTH}
    return {
        "/": {"get": _operation("greet", "Greeting, as HTML or JSON", {"200": greeting})},
        "/data": {
            "post": _operation(
                "createDocument",
                "Store a JSON object",
                {
                    "201": _answer("Stored, and acknowledged by the database's journal.", document, "Location"),
                    "200": _answer("The same body was stored under this key before; nothing was written.", document, "Location"),
                },
                (400, 409, 413, 415, 503),
                parameters=[key],
                requestBody={
                    "required": True,
                    "description": f"At most {MAX_BODY_BYTES} bytes of UTF-8.",
                    "content": {JSON: {"schema": _schema("Data")}},
                },
            ),
            "get": _operation(
                "listDocuments",
                "Documents in the order of their ids, or their number",
                {"200": _answer("A page, or a count.", {"oneOf": [_schema("Page"), _schema("Count")]})},
                (400, 503),
                parameters=[
                    _query("prefix", "Only ids that begin so.", name),
                    _query("after", "Only ids greater than this: the `next` of the page before.", name),
                    _query(
                        "limit",
                        "The most documents in a page; a page of large ones ends earlier.",
                        _or_empty({"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}),
                    ),
                    _query("count", "The number instead of the documents; `limit` has no effect on it.", _or_empty({"type": "boolean"})),
                ],
            ),
        },
        "/data/{id}": {
            "get": _operation(
                "readDocument",
                "One document",
                {"200": _answer("The document.", document)},
                (404, 503),
                parameters=[{"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}],
            )
        },
        "/health": {"get": _operation("health", "Both probes, with reasons", {"200": _answer("Well.", _schema("Health"))}, (503,))},
        "/health/live": {"get": _operation("live", "Never asks the database", {"200": _answer("Live.", _schema("Live"))})},
        "/health/ready": {"get": _operation("ready", "A ping, at most a second old", {"200": _answer("Ready.", _schema("Ready"))}, (503,))},
        "/version": {"get": _operation("version", "What runs here", {"200": _answer("The version.", _schema("Version"))})},
        "/metrics": {
            "get": _operation(
                "metrics",
                "Prometheus metrics",
                {
                    "200": {
                        "description": "The text format.",
                        "headers": {"X-Pod": _ref("headers", "X-Pod")},
                        "content": {"text/plain": {"schema": {"type": "string"}}},
                    }
                },
            )
        },
        "/openapi.json": {"get": _operation("openapi", "This document", {"200": _answer("OpenAPI 3.1.", {"type": "object"})})},
    }


def openapi_document() -> JsonObject:
    """The whole document."""
    text: JsonObject = {"type": "string"}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "shelter",
            "version": __version__,
            "description": "Keeps JSON documents in MongoDB. A write is acknowledged once the database's journal has it.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": _paths(),
        "components": {
            "schemas": _schemas(),
            "responses": {f"Problem{status}": _problem_response(status, why) for status, why in _PROBLEMS.items()},
            "headers": {
                "X-Pod": {"description": "The pod that answered.", "required": True, "schema": text},
                "Location": {"description": "The path of the document.", "required": True, "schema": text},
                "Allow": {"description": "The methods of the path.", "required": True, "schema": text},
                "Retry-After": {"description": "Seconds to wait.", "required": True, "schema": {"type": "integer"}},
            },
        },
    }
