"""Follows pods, autoscaler and events through Kubernetes watches; a watch that drops is taken up again, and that is told.

Each watched list has a thread that lists and then streams. The threads only send messages; what is known is kept by the caller's
thread, in `_Known`. The rules are those of the Kubernetes API's "Efficient detection of changes": go on from the last resourceVersion,
list again on 410 Gone, take bookmarks.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from shelterctl.adapters import kube_records
from shelterctl.adapters.kube_api import Json, KubeApi
from shelterctl.core.events import (
    AutoscalerGone,
    AutoscalerSeen,
    ClusterEventSeen,
    Event,
    PodsSeen,
    UsageSeen,
    WatchDropped,
    WatchRestored,
)
from shelterctl.core.state import Autoscaler, Pod, Role, Usage
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
_TICK_S = 0.25
#: All the threads together may take this long to end; they are daemons, so that none of them keeps the process.
_JOIN_S = 0.5

PODS, SCALERS, EVENTS = "pods", "autoscaler", "events"


@dataclass(frozen=True, slots=True)
class _Source:
    """A watched list. `name` is what people read in a message, and unique."""

    kind: str
    name: str
    path: str


@dataclass(frozen=True, slots=True)
class _Listed:
    source: _Source
    items: tuple[Json, ...]


@dataclass(frozen=True, slots=True)
class _Changed:
    source: _Source
    item: Json
    deleted: bool


@dataclass(frozen=True, slots=True)
class _Dropped:
    source: _Source
    why: str


_Message: TypeAlias = "_Listed | _Changed | _Dropped | Event | Exception"
_Inbox: TypeAlias = "queue.SimpleQueue[_Message]"


def watch(api: KubeApi, namespaces: Iterable[str], usage: Callable[[], tuple[Usage, ...]], stop: Callable[[], bool]) -> Iterator[Event]:
    """Yields what changes until `stop()`: first all that is there, then each change.

    The namespaces need not exist: what appears in them later is told then. The autoscaler is looked for in the first one. Raises
    what a thread met that is neither a refusal nor a broken connection.
    """
    inbox: _Inbox = queue.SimpleQueue()
    ended = threading.Event()
    sources = tuple(_sources(tuple(namespaces)))
    followers = [_Follower(api, source, inbox, ended) for source in sources]
    threads = [threading.Thread(target=follower.run, daemon=True) for follower in followers]
    threads.append(threading.Thread(target=_measure, args=(usage, inbox, ended), daemon=True))
    for thread in threads:
        thread.start()
    known = _Known({source for source in sources if source.kind == PODS})
    try:
        while not stop():
            try:
                message = inbox.get(timeout=_TICK_S)
            except queue.Empty:
                continue
            if isinstance(message, Exception):
                raise message
            yield from known.take(message)
    finally:
        ended.set()
        for follower in followers:
            follower.break_off()
        until_s = time.monotonic() + _JOIN_S
        for thread in threads:
            thread.join(max(0.0, until_s - time.monotonic()))


def _sources(namespaces: tuple[str, ...]) -> Iterator[_Source]:
    for number, space in enumerate(namespaces):
        where = f" in {space}" if number else ""
        yield _Source(PODS, f"pods{where}", f"/api/v1/namespaces/{space}/pods")
        yield _Source(EVENTS, f"events{where}", f"/api/v1/namespaces/{space}/events")
        if number == 0:
            yield _Source(SCALERS, SCALERS, f"/apis/autoscaling/v2/namespaces/{space}/horizontalpodautoscalers")


@dataclass
class _Known:
    """What has been told so far. `awaited` are the pod lists that have neither been read nor failed: pods are told all at once."""

    awaited: set[_Source]
    pods: dict[_Source, dict[str, Pod]] = field(default_factory=dict)
    scalers: dict[str, tuple[bool, Autoscaler]] = field(default_factory=dict)
    versions: dict[_Source, dict[str, str]] = field(default_factory=dict)
    told_pods: tuple[Pod, ...] | None = None
    told_scaler: Autoscaler | None = None
    told_none: bool = False

    def take(self, message: _Listed | _Changed | _Dropped | Event) -> Iterator[Event]:
        """Takes a message in and yields what is new by it."""
        if isinstance(message, _Dropped):
            yield WatchDropped(message.source.name, message.why)
            if message.source in self.awaited:
                self.awaited.discard(message.source)
                if self.pods:
                    yield from self._pods_now()
        elif not isinstance(message, _Listed | _Changed):
            yield message
        elif message.source.kind == PODS:
            yield from self._take_pods(message)
        elif message.source.kind == SCALERS:
            yield from self._take_scalers(message)
        else:
            yield from self._take_happenings(message)

    def _take_pods(self, message: _Listed | _Changed) -> Iterator[Event]:
        self.awaited.discard(message.source)
        pods = self.pods.setdefault(message.source, {})
        if isinstance(message, _Listed):
            pods.clear()
            pods.update((_uid(item), kube_records.pod(item)) for item in message.items)
        elif message.deleted:
            pods.pop(_uid(message.item), None)
        else:
            pods[_uid(message.item)] = kube_records.pod(message.item)
        yield from self._pods_now()

    def _pods_now(self) -> Iterator[Event]:
        found = [pod for pods in self.pods.values() for pod in pods.values() if pod.role is not None]
        now = tuple(sorted(found, key=lambda pod: (str(pod.role), pod.created_at_s, pod.name)))
        if not self.awaited and now != self.told_pods:
            self.told_pods = now
            yield PodsSeen(now)

    def _take_scalers(self, message: _Listed | _Changed) -> Iterator[Event]:
        if isinstance(message, _Listed):
            self.scalers = {_uid(item): _scaler(item) for item in message.items}
        elif message.deleted:
            self.scalers.pop(_uid(message.item), None)
        else:
            self.scalers[_uid(message.item)] = _scaler(message.item)
        # The application's own, where there are several.
        chosen = min(self.scalers.values(), key=lambda entry: (not entry[0], entry[1].name), default=None)
        if chosen is None:
            if self.told_scaler is not None or not self.told_none:
                yield AutoscalerGone(self.told_scaler.name if self.told_scaler is not None else "")
            self.told_scaler, self.told_none = None, True
        elif chosen[1] != self.told_scaler:
            self.told_scaler = chosen[1]
            yield AutoscalerSeen(chosen[1])

    def _take_happenings(self, message: _Listed | _Changed) -> Iterator[Event]:
        """New is what the first listing did not have, by its resourceVersion: no clock is compared, and a gap is made up for."""
        first = message.source not in self.versions
        versions = self.versions.setdefault(message.source, {})
        if isinstance(message, _Changed) and message.deleted:
            versions.pop(_uid(message.item), None)
            return
        items = message.items if isinstance(message, _Listed) else (message.item,)
        new = [item for item in items if versions.get(_uid(item)) != _version(item)]
        if isinstance(message, _Listed):
            versions.clear()
        versions.update((_uid(item), _version(item)) for item in items)
        if first:
            return
        for happening in sorted(map(kube_records.happening, new), key=lambda happening: happening.at_s):
            yield ClusterEventSeen(happening.subject, happening.reason, happening.message, happening.warning)


def _uid(item: Json) -> str:
    return str(item["metadata"]["uid"])


def _version(item: Json) -> str:
    return str(item["metadata"]["resourceVersion"])


def _scaler(item: Json) -> tuple[bool, Autoscaler]:
    return kube_records.role_of(item) is Role.APP, kube_records.autoscaler(item)


class _Follower:
    """Lists, then watches from that version on, until `ended`."""

    def __init__(self, api: KubeApi, source: _Source, inbox: _Inbox, ended: threading.Event) -> None:
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
            self._inbox.put(_Dropped(self._source, why))
        was_well = self._opened_s is not None and time.monotonic() - self._opened_s > _WELL_S
        self._failures = 1 if was_well else self._failures + 1
        if not (gone and self._failures == 1):
            self._ended.wait(BACKOFF_S[min(self._failures, len(BACKOFF_S)) - 1])

    def _list(self) -> None:
        listing = self._api.get(self._source.path)
        self._version = listing["metadata"]["resourceVersion"]
        self._inbox.put(_Listed(self._source, tuple(listing.get("items") or ())))

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
            self._inbox.put(_Changed(self._source, item, kind == "DELETED"))


def _measure(usage: Callable[[], tuple[Usage, ...]], inbox: _Inbox, ended: threading.Event) -> None:
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
