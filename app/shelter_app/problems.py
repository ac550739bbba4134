"""RFC 9457 problem documents. Pure; no framework, for errors that never reach it use them too."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from shelter_app.documents import JsonObject, JsonValue

CONTENT_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """One error response.

    ``extensions`` are members beside the standard ones (RFC 9457, section 3.2), such as ``applied``.
    """

    status: int
    detail: str
    instance: str
    pod: str
    extensions: JsonObject = field(default_factory=dict)

    def as_json(self) -> JsonObject:
        standard: dict[str, JsonValue] = {
            # The type for "no more than the status says"; the title is then the status's own (section 4.2.1).
            "type": "about:blank",
            "title": title_of(self.status),
            "status": self.status,
            "detail": self.detail,
            "instance": self.instance,
            "pod": self.pod,
        }
        return standard | self.extensions

    def body(self) -> bytes:
        return json.dumps(self.as_json(), ensure_ascii=False).encode("utf-8")


def title_of(status: int) -> str:
    """The phrase of an HTTP status code, as http.HTTPStatus knows it."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
