"""``/data``: store, read, page, count."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.routing import BaseConverter

from shelter_app.documents import MAX_BODY_BYTES, Document, DocumentId, digest_of, location_of, parse_key, parse_object
from shelter_app.paging import parse_query
from shelter_app.responses import UnsupportedBody, json_response, json_text, problem
from shelter_app.store import DocumentStore, Stored

JSON_TYPE: Final = "application/json"
BODY_SILENCE_S: Final = 5.0


class IdConverter(BaseConverter):
    """The rest of the path, whatever it holds: an id may begin with a slash, or hold several."""

    regex = "(?s:.+)"
    part_isolating = False


def receive_body() -> bytes:
    """The request's body; a client that stops sending does not keep its request thread.

    :raises werkzeug.exceptions.ClientDisconnected: nothing more came for :data:`BODY_SILENCE_S`.
    """
    connection = request.environ.get("gunicorn.socket")
    if isinstance(connection, socket.socket):
        # gunicorn's request threads read without a limit, and set the socket back for the next request.
        connection.settimeout(BODY_SILENCE_S)
    return request.get_data()


def utc_now() -> str:
    """ISO 8601, in UTC, to the microsecond."""
    return datetime.now(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def data_views(store: DocumentStore, pod: str, now: Callable[[], str] = utc_now) -> Blueprint:
    """The routes of ``/data``. The application's URL map must know :class:`IdConverter` as ``id``."""
    views = Blueprint("data", __name__)

    @views.post("/data", provide_automatic_options=False)
    def create() -> Response:
        if request.mimetype != JSON_TYPE:
            raise UnsupportedBody(f"the body must be {JSON_TYPE}", ("Accept", JSON_TYPE))
        if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            raise UnsupportedBody("the body must not be compressed", ("Accept-Encoding", "identity"))
        key = request.headers.get("Idempotency-Key")
        document_id = DocumentId(uuid.uuid4().hex) if key is None else parse_key(key)
        body = receive_body()
        if len(body) > MAX_BODY_BYTES:
            raise RequestEntityTooLarge
        data = parse_object(body)
        stored, document = store.put(Document(document_id, data, digest_of(data), now()))
        if stored is Stored.OTHER:
            return problem(409, "another document is stored under this Idempotency-Key", pod)
        response = json_response(document.as_json(), 201 if stored is Stored.CREATED else 200)
        response.headers["Location"] = location_of(document.id)
        return response

    @views.get("/data/<id:document_id>", provide_automatic_options=False)
    def read(document_id: str) -> Response:
        found = store.get(DocumentId(document_id))
        if found is None:
            return problem(404, "no document has this id", pod)
        return json_response(found.as_json())

    @views.get("/data", provide_automatic_options=False)
    def listing() -> Response:
        query = parse_query(request.args.to_dict(flat=False))
        if query.count:
            return json_response({"count": store.count(query)})
        page = store.page(query)
        after = json_response({"next": page.next}).get_data(as_text=True)
        return json_text('{"items": [' + ", ".join(page.items) + "], " + after[1:])

    return views
