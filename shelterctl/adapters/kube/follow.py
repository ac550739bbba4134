"""The threads of a watch: each lists and streams one resource and sends messages; nothing is kept or judged here.

The rules are those of the Kubernetes API's "Efficient detection of changes": go on from the last resourceVersion, list again on 410
Gone, take bookmarks.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from shelterctl.adapters.kube.api import Json, KubeApi
from shelterctl.core.events import Event, UsageSeen, WatchRestored
from shelterctl.core.state import Usage
from shelterctl.errors import ApiRejected, ApiUnreachable

#: The server ends a watch after this long, which is no fault: it is renewed in silence.
WATCH_S = 240
#: Bookmarks come about once a minute. A watch that is silent for longer is renewed, in silence too, rather than trusted.
SILENCE_S = 100.0
#: metrics.k8s.io cannot be watched; a measurement is new every 15 to 60 s.
USAGE_EVERY_S = 10.0
BACKOFF_S = (0.5, 1.0, 2.0, 5.0, 10.0)
#: A watch that lived for this long was well: the next failure is a first one.
_WELL_S = 10.0


@dataclass(frozen=True, slots=True)
class Source:
    """A watched list. `name` is what people read in a message, and unique."""

    kind: str
    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Listed:
    source: Source
    items: tuple[Json, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    source: Source
    item: Json
    deleted: bool


@dataclass(frozen=True, slots=True)
class Dropped:
    source: Source
    why: str


Message: TypeAlias = "Listed | Changed | Dropped | Event | Exception"
Inbox: TypeAlias = "queue.SimpleQueue[Message]"


class Follower:
    """Lists, then watches from that version on, until `ended`."""

    def __init__(self, api: KubeApi, source: Source, inbox: Inbox, ended: threading.Event) -> None:
        self._api = api
        self._source = source
        self._inbox = inbox
        self._ended = ended
        self._version = ""
        self._failures = 0
        self._dropped_s: float | None = None
        self._opened_s: float | None = None
        self._break_off: Callable[[], None] | None = None

    def run(self) -> None:
        try:
            while not self._ended.is_set():
                self._round()
        except Exception as error:  # noqa: BLE001 - raised again by `watch`: a thread that died would look like a quiet cluster
            if not self._ended.is_set():
                self._inbox.put(error)

    def break_off(self) -> None:
        """Ends the stream that the thread is blocked in."""
        if self._break_off is not None:
            self._break_off()

    def _round(self) -> None:
        self._opened_s = None
        try:
            if not self._version:
                self._list()
            self._stream()
            self._failures = 0
            return
        except ApiRejected as error:
            # Whatever was refused, the version may be too old: the list tells.
            self._version = ""
            why = f"{error.what}: {error.why}" if error.why else error.what
            gone = error.status == 410
        except (ApiUnreachable, OSError, ValueError) as error:
            why, gone = getattr(error, "why", "") or str(error), False
        if self._ended.is_set():
            return
        if not gone and self._dropped_s is None:
            # Told once: the attempts after it change nothing.
            self._dropped_s = time.monotonic()
            self._inbox.put(Dropped(self._source, why))
        was_well = self._opened_s is not None and time.monotonic() - self._opened_s > _WELL_S
        self._failures = 1 if was_well else self._failures + 1
        if not (gone and self._failures == 1):
            self._ended.wait(BACKOFF_S[min(self._failures, len(BACKOFF_S)) - 1])

    def _list(self) -> None:
        listing = self._api.get(self._source.path)
        self._version = listing["metadata"]["resourceVersion"]
        self._inbox.put(Listed(self._source, tuple(listing.get("items") or ())))

    def _opened(self, break_off: Callable[[], None]) -> None:
        """The server took the watch up: from the last version on, or from a new listing."""
        self._break_off = break_off
        self._opened_s = time.monotonic()
        if self._ended.is_set():
            break_off()
        elif self._dropped_s is not None:
            self._inbox.put(WatchRestored(self._source.name, self._opened_s - self._dropped_s))
            self._dropped_s = None

    def _stream(self) -> None:
        query = {"watch": "1", "resourceVersion": self._version, "timeoutSeconds": str(WATCH_S), "allowWatchBookmarks": "true"}
        began_s = heard_s = time.monotonic()
        for line in self._api.stream_lines(self._source.path, query, read_timeout_s=SILENCE_S, opened=self._opened):
            if self._ended.is_set():
                return
            heard_s = time.monotonic()
            if line.strip():
                self._take(json.loads(line))
        now_s = time.monotonic()
        if now_s - heard_s < SILENCE_S - 5 and now_s - began_s < WATCH_S - 5 and not self._ended.is_set():
            raise ApiUnreachable("the watch was closed", why="the API server closed the connection before its time")

    def _take(self, message: Json) -> None:
        item, kind = message["object"], message["type"]
        if kind == "ERROR":
            raise ApiRejected(f"the watch of {self._source.name} ended", status=int(item.get("code", 0)), why=str(item.get("message", "")))
        self._version = item["metadata"]["resourceVersion"]
        if kind != "BOOKMARK":
            self._inbox.put(Changed(self._source, item, kind == "DELETED"))


def measure(usage: Callable[[], tuple[Usage, ...]], inbox: Inbox, ended: threading.Event) -> None:
    last: tuple[Usage, ...] = ()
    while not ended.is_set():
        try:
            found = usage()
        except ApiRejected:
            # Nothing measures the pods (any more): an old measurement is not to be taken for a new one.
            found = ()
        except ApiUnreachable:
            found = last
        if found != last:
            last = found
            inbox.put(UsageSeen(found))
        ended.wait(USAGE_EVERY_S)
