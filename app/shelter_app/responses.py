"""JSON and problem responses of the Flask application, and the handlers that make every error one."""

from __future__ import annotations

import json
from typing import Final
from urllib.parse import quote

from flask import Flask, Response, request
from werkzeug.exceptions import ClientDisconnected, HTTPException, MethodNotAllowed

from shelter_app import problems
from shelter_app.documents import MAX_BODY_BYTES, InvalidDocument, JsonObject, UnreadableRecord
from shelter_app.outcomes import DatabaseUnavailable, DocumentRefused
from shelter_app.paging import InvalidQuery

_DETAILS: Final = {
    404: "there is nothing at this path",
    413: f"the body is larger than {MAX_BODY_BYTES} bytes",
    500: "the service failed; its log says why",
}


def json_response(value: JsonObject, status: int = 200) -> Response:
    return json_text(json.dumps(value, ensure_ascii=False), status)


def json_text(text: str, status: int = 200) -> Response:
    return Response(text, status, content_type="application/json")


def problem(status: int, detail: str, pod: str, extensions: JsonObject | None = None) -> Response:
    """The problem response for the current request; a 503 asks to come back."""
    document = problems.Problem(status, detail, quote(request.path, safe="/:"), pod, extensions or {})
    response = Response(document.body(), status, content_type=problems.CONTENT_TYPE)
    if status == 503:
        response.headers["Retry-After"] = str(problems.RETRY_AFTER_S)
    return response


class UnsupportedBody(Exception):
    """A body in another format; ``accepted`` is the header that says what is taken."""

    def __init__(self, detail: str, accepted: tuple[str, str]) -> None:
        super().__init__(detail)
        self.accepted = accepted


def install_error_handlers(app: Flask, pod: str) -> None:
    """Every error becomes a problem document, the framework's own too."""

    def refused(error: Exception) -> Response:
        return problem(400, str(error), pod)

    for refusal in (InvalidDocument, InvalidQuery, DocumentRefused):
        app.register_error_handler(refusal, refused)

    @app.errorhandler(UnsupportedBody)
    def unsupported(error: UnsupportedBody) -> Response:
        response = problem(415, str(error), pod)
        response.headers[error.accepted[0]] = error.accepted[1]
        return response

    @app.errorhandler(DatabaseUnavailable)
    def unavailable(error: DatabaseUnavailable) -> Response:
        return problem(503, error.reason, pod, {"applied": error.applied})

    @app.errorhandler(UnreadableRecord)
    def unreadable(error: UnreadableRecord) -> Response:
        app.logger.error("%s", error)
        return problem(500, str(error), pod)

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        status = error.code or 500
        detail = _DETAILS.get(status) or error.description or problems.title_of(status)
        if isinstance(error, MethodNotAllowed):
            detail = f"{request.method} is not among the methods of this path"
        if isinstance(error, ClientDisconnected):
            detail = "the body did not arrive whole"
        response = problem(status, detail, pod)
        if isinstance(error, MethodNotAllowed) and error.valid_methods is not None:
            response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
        return response
