"""Asks the deployed application itself."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from tests.cluster.commands import Shelterctl


def url(shelterctl: Shelterctl) -> str:
    return str(shelterctl("url").result["url"])


def answering_tag(shelterctl: Shelterctl) -> str:
    """The tag of the image that answers."""
    return str(_json(f"{url(shelterctl)}/version")["image_tag"])


def write(address: str, key: str, data: dict[str, Any]) -> dict[str, Any]:
    """Stores a document under `key` and returns it."""
    return _json(f"{address}/data", json.dumps(data).encode(), {"Content-Type": "application/json", "Idempotency-Key": key})


def read(address: str, key: str) -> dict[str, Any]:
    return _json(f"{address}/data/{key}")


def ids(address: str, prefix: str) -> Iterator[str]:
    """The ids of the documents whose id begins with `prefix`, in order."""
    after = ""
    while True:
        page = _json(f"{address}/data?{urlencode({'prefix': prefix, 'limit': '1000', **({'after': after} if after else {})})}")
        yield from (item["id"] for item in page["items"])
        after = page["next"]
        if not after:
            return


def _json(address: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> dict[str, Any]:
    request = urllib.request.Request(address, body, {"Accept": "application/json", **(headers or {})})
    with urllib.request.urlopen(request, timeout=10) as answer:
        parsed = json.load(answer)
    assert isinstance(parsed, dict)
    return parsed
