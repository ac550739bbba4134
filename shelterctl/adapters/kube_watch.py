"""Follows pods, autoscaler and events through Kubernetes watches; a watch that drops is taken up again, and that is told."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from shelterctl.adapters import kube_records
from shelterctl.adapters.kube_api import Json, KubeApi
from shelterctl.core.events import AutoscalerSeen, ClusterEventSeen, Event, PodsSeen, UsageSeen, WatchDropped
from shelterctl.core.state import Pod, Usage
from shelterctl.errors import ApiRejected, ApiUnreachable

#: The server ends a watch after this long, which is no fault: it is renewed in silence.
WATCH_S = 240
#: metrics.k8s.io cannot be watched; a measurement is new every 15 to 60 s.
USAGE_EVERY_S = 10.0
BACKOFF_S = (0.5, 1.0, 2.0, 5.0)
_TICK_S = 0.25


@dataclass
class _Feed:
    """One watched list. `items` is replaced as a whole by a listing, and changed by each event after it."""

    resource: str
    path: str
    selector: str = ""
    items: dict[str, Json] = field(default_factory=dict)
    version: str = ""


def watch(api: KubeApi, namespaces: Iterable[str], usage: Callable[[], tuple[Usage, ...]], stop: Callable[[], bool]) -> Iterator[Event]:
    """Yields what changes until `stop()`: first all that is there, then each change."""
    inbox: queue.Queue[tuple[_Feed, Json | None] | Event | BaseException] = queue.Queue()
    spaces = tuple(namespaces)
    pods = [_Feed("pods", f"/api/v1/namespaces/{n}/pods") for n in spaces]
    scalers = [_Feed("horizontalpodautoscalers", f"/apis/autoscaling/v2/namespaces/{n}/horizontalpodautoscalers") for n in spaces[:1]]
    events = [_Feed("events", f"/api/v1/namespaces/{n}/events") for n in spaces]
    ended = threading.Event()
    for feed in (*pods, *scalers, *events):
        threading.Thread(target=_follow, args=(api, feed, inbox, ended), daemon=True).start()
    threading.Thread(target=_measure, args=(usage, inbox, ended), daemon=True).start()
    began_s = time.time()
    seen_pods: tuple[Pod, ...] | None = None
    try:
        while not stop():
            try:
                item = inbox.get(timeout=_TICK_S)
            except queue.Empty:
                continue
            if isinstance(item, BaseException):
                raise item
            if not isinstance(item, tuple):
                yield item
                continue
            feed, changed = item
            if feed.resource == "pods":
                now = _pods(pods)
                if now != seen_pods:
                    seen_pods = now
                    yield PodsSeen(now)
            elif feed.resource == "horizontalpodautoscalers":
                yield from (AutoscalerSeen(kube_records.autoscaler(scaler)) for scaler in list(feed.items.values())[:1])
            elif changed is not None:
                happening = kube_records.happening(changed)
                if happening.at_s >= began_s - 1:
                    yield ClusterEventSeen(happening.subject, happening.reason, happening.message, happening.warning)
    finally:
        ended.set()


def _pods(feeds: Iterable[_Feed]) -> tuple[Pod, ...]:
    found = [kube_records.pod(item) for feed in feeds for item in list(feed.items.values())]
    return tuple(
        sorted((pod for pod in found if pod.role is not None), key=lambda pod: (pod.role is None, str(pod.role), pod.created_at_s))
    )


def _follow(api: KubeApi, feed: _Feed, inbox: queue.Queue[object], ended: threading.Event) -> None:
    """Lists, then watches from that version on, for ever; the thread ends with the process or with `ended`."""
    failures = 0
    while not ended.is_set():
        try:
            if not feed.version:
                listing = api.get(feed.path)
                feed.items = {item["metadata"]["uid"]: item for item in listing.get("items") or ()}
                feed.version = listing["metadata"]["resourceVersion"]
                inbox.put((feed, None))
            _stream(api, feed, inbox, ended)
            failures = 0
        except ApiRejected as error:
            feed.version = ""
            if error.status == 410:
                continue
            inbox.put(WatchDropped(feed.resource, f"{error.what}: {error.why}"))
            failures += 1
        except (ApiUnreachable, OSError, ValueError) as error:
            if not ended.is_set():
                inbox.put(WatchDropped(feed.resource, getattr(error, "why", "") or str(error)))
            failures += 1
        if failures:
            ended.wait(BACKOFF_S[min(failures, len(BACKOFF_S)) - 1])


def _stream(api: KubeApi, feed: _Feed, inbox: queue.Queue[object], ended: threading.Event) -> None:
    query = {"watch": "1", "resourceVersion": feed.version, "timeoutSeconds": str(WATCH_S), "allowWatchBookmarks": "true"}
    began_s = time.monotonic()
    for line in api.stream_lines(feed.path, query, read_timeout_s=WATCH_S + 15):
        if ended.is_set():
            return
        if not line.strip():
            continue
        message = json.loads(line)
        item, kind = message["object"], message["type"]
        if kind == "ERROR":
            raise ApiRejected(f"the watch of {feed.resource} ended", status=int(item.get("code", 0)), why=str(item.get("message", "")))
        feed.version = item["metadata"]["resourceVersion"]
        if kind == "BOOKMARK":
            continue
        uid = item["metadata"]["uid"]
        if kind == "DELETED":
            feed.items.pop(uid, None)
        else:
            feed.items[uid] = item
        inbox.put((feed, item if kind != "DELETED" else None))
    if time.monotonic() - began_s < WATCH_S - 5 and not ended.is_set():
        raise ApiUnreachable("the watch was closed", why="the API server closed the connection before its time")


def _measure(usage: Callable[[], tuple[Usage, ...]], inbox: queue.Queue[object], ended: threading.Event) -> None:
    last: tuple[Usage, ...] = ()
    while not ended.is_set():
        try:
            found = usage()
        except (ApiRejected, ApiUnreachable):
            # No metrics yet, or none at all: the autoscaler's own conditions say so where it matters.
            found = last
        if found != last:
            last = found
            inbox.put(UsageSeen(found))
        ended.wait(USAGE_EVERY_S)
