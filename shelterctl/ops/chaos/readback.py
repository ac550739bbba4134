"""Reads the documents back through the service, page by page, and computes what they say themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from urllib.parse import urlencode

from shelterctl.core.faults.ledger import StoredDocument, payload_digest
from shelterctl.errors import ServiceUnreachable
from shelterctl.ports.clock import Clock
from shelterctl.ports.http import Http, SendOutcome

PAGE = 1000
_TIMEOUT_S = 15.0
#: What fails is asked for again: reading changes nothing. After this many tries the reading has failed.
_TRIES = 5


def read_back(http: Http, clock: Clock, pages: str, *, run: str, prefix: str = "", until: str | None = None) -> Iterator[StoredDocument]:
    """Every document whose id begins with `prefix`, in id order, up to and with the id `until`; `pages` is the address that lists them.

    Documents whose payload names `run` carry the id that the payload claims.

    Raises ServiceUnreachable where a page could not be read, or where the pages do not go forward.
    """
    after = ""
    while True:
        query = {"limit": str(PAGE), **({"prefix": prefix} if prefix else {}), **({"after": after} if after else {})}
        page = _page(http, clock, f"{pages}?{urlencode(query)}")
        items = page.get("items")
        if not isinstance(items, list):
            raise ServiceUnreachable(f"{pages} gave a page without items")
        for item in items:
            document = _document(item, run)
            if document.id <= after:
                raise ServiceUnreachable(f"{pages} gave {document.id} after {after}: its pages are not in id order")
            after = document.id
            if until is not None and document.id > until:
                return
            yield document
        if not page.get("next") or not items:
            return


def read_one(http: Http, clock: Clock, address: str, id_: str, *, run: str) -> StoredDocument | None:
    """The document of an id, which is asked for at `address`; None where the service has none. Raises ServiceUnreachable."""
    what = f"the document {id_} could not be read through the service"
    found = _asked(http, clock, address, what, may_lack=True)
    return _document(found, run) if found is not None else None


def _page(http: Http, clock: Clock, url: str) -> Mapping[str, object]:
    what = "the documents could not be read back through the service"
    page = _asked(http, clock, url, what, may_lack=False)
    assert page is not None
    return page


def _asked(http: Http, clock: Clock, url: str, what: str, *, may_lack: bool) -> Mapping[str, object] | None:
    """The object that a GET answers with; None for 404 where it `may_lack` it. After the last try raises ServiceUnreachable with `what`."""
    why = ""
    for attempt in range(_TRIES):
        if attempt:
            clock.sleep(1.0)
        try:
            answer = http.request("GET", url, headers={"Accept": "application/json"}, timeout_s=_TIMEOUT_S)
            if answer.status == 404 and may_lack:
                return None
            if answer.status == 200:
                found = json.loads(answer.body)
                if isinstance(found, dict):
                    return found
            why = f"status {answer.status}"
        except (SendOutcome, ValueError) as error:
            why = str(error)
    raise ServiceUnreachable(what, why=why, next_command="shelterctl status")


def _document(item: object, run: str) -> StoredDocument:
    if not isinstance(item, dict) or not isinstance(item.get("id"), str):
        raise ServiceUnreachable("the service gave a document without an id")
    data = item.get("data")
    marked = data if run and isinstance(data, dict) and data.get("run") == run else {}
    claimed = marked.get("id")
    return StoredDocument(item["id"], payload_digest(data), claimed if isinstance(claimed, str) else "", bool(marked))
