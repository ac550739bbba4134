"""Reads the documents back through the service, page by page, and computes what they say themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from urllib.parse import quote, urlencode

from shelterctl.core.faults.ledger import StoredDocument, payload_digest
from shelterctl.errors import ServiceUnreachable
from shelterctl.ports.clock import Clock
from shelterctl.ports.http import Http, SendOutcome

PAGE = 1000
_TIMEOUT_S = 15.0
#: A page that fails is asked for again: reading changes nothing. After this many tries the reading has failed.
_TRIES = 5


def read_back(http: Http, clock: Clock, url: str, *, run: str, prefix: str = "", until: str | None = None) -> Iterator[StoredDocument]:
    """Every document whose id begins with `prefix`, in id order, up to and with the id `until`.

    Documents whose payload names `run` carry the id that the payload claims.

    Raises ServiceUnreachable where a page could not be read, or where the pages do not go forward.
    """
    after = ""
    while True:
        query = {"limit": str(PAGE), **({"prefix": prefix} if prefix else {}), **({"after": after} if after else {})}
        page = _page(http, clock, f"{url}/data?{urlencode(query)}")
        items = page.get("items")
        if not isinstance(items, list):
            raise ServiceUnreachable(f"{url}/data gave a page without items")
        for item in items:
            document = _document(item, run)
            if document.id <= after:
                raise ServiceUnreachable(f"{url}/data gave {document.id} after {after}: its pages are not in id order")
            after = document.id
            if until is not None and document.id > until:
                return
            yield document
        if not page.get("next") or not items:
            return


def read_one(http: Http, clock: Clock, url: str, id_: str, *, run: str) -> StoredDocument | None:
    """The document of an id, None where the service has none. Raises ServiceUnreachable."""
    why = ""
    for attempt in range(_TRIES):
        if attempt:
            clock.sleep(1.0)
        try:
            answer = http.request("GET", f"{url}/data/{quote(id_)}", headers={"Accept": "application/json"}, timeout_s=_TIMEOUT_S)
            if answer.status == 404:
                return None
            if answer.status == 200:
                return _document(json.loads(answer.body), run)
            why = f"status {answer.status}"
        except (SendOutcome, ValueError) as error:
            why = str(error)
    raise ServiceUnreachable(f"the document {id_} could not be read through the service", why=why, next_command="shelterctl status")


def _page(http: Http, clock: Clock, url: str) -> Mapping[str, object]:
    why = ""
    for attempt in range(_TRIES):
        if attempt:
            clock.sleep(1.0)
        try:
            answer = http.request("GET", url, headers={"Accept": "application/json"}, timeout_s=_TIMEOUT_S)
            if answer.status == 200:
                page = json.loads(answer.body)
                if isinstance(page, dict):
                    return page
            why = f"status {answer.status}"
        except (SendOutcome, ValueError) as error:
            why = str(error)
    raise ServiceUnreachable("the documents could not be read back through the service", why=why, next_command="shelterctl status")


def _document(item: object, run: str) -> StoredDocument:
    if not isinstance(item, dict) or not isinstance(item.get("id"), str):
        raise ServiceUnreachable("the service gave a document without an id")
    data = item.get("data")
    marked = data if run and isinstance(data, dict) and data.get("run") == run else {}
    claimed = marked.get("id")
    return StoredDocument(item["id"], payload_digest(data), claimed if isinstance(claimed, str) else "", bool(marked))
