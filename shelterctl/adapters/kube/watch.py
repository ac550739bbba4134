"""Follows pods, autoscaler and events through Kubernetes watches; a watch that drops is taken up again, and that is told.

Each watched list has a thread (`follow`) that only sends messages; what is known is kept by the caller's thread, in `_Known`.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from shelterctl.adapters.kube import records
from shelterctl.adapters.kube.api import Json, KubeApi
from shelterctl.adapters.kube.follow import Changed, Dropped, Follower, Inbox, Listed, Source, measure
from shelterctl.adapters.kube.look import scalers
from shelterctl.adapters.kube.look.nodes import measure_nodes
from shelterctl.adapters.kube.records import RoleOf, role_of
from shelterctl.core.events import AutoscalerGone, AutoscalerSeen, ClusterEventSeen, Event, NodesSeen, PodsSeen, WatchDropped
from shelterctl.core.state import Autoscaler, Pod, Usage, app_first

_TICK_S = 0.25
#: All the threads together may take this long to end; they are daemons, so that none of them keeps the process.
_JOIN_S = 0.5

PODS, SCALERS, EVENTS = "pods", "autoscaler", "events"


def watch(
    api: KubeApi,
    namespaces: Iterable[str],
    usage: Callable[[], tuple[Usage, ...]],
    stop: Callable[[], bool],
    role: RoleOf = role_of,
    nodes: Callable[[], NodesSeen] | None = None,
) -> Iterator[Event]:
    """Yields what changes until `stop()`: first all that is there, then each change.

    The namespaces need not exist: what appears in them later is told then. The autoscaler is looked for in the first one.
    `usage` and `nodes` read what the pods and the nodes use. Raises
    what a thread met that is neither a refusal nor a broken connection.
    """
    inbox: Inbox = queue.SimpleQueue()
    ended = threading.Event()
    sources = tuple(_sources(tuple(namespaces)))
    followers = [Follower(api, source, inbox, ended) for source in sources]
    threads = [threading.Thread(target=follower.run, daemon=True) for follower in followers]
    threads.append(threading.Thread(target=measure, args=(usage, inbox, ended), daemon=True))
    if nodes is not None:
        threads.append(threading.Thread(target=measure_nodes, args=(nodes, inbox, ended), daemon=True))
    for thread in threads:
        thread.start()
    known = _Known({source for source in sources if source.kind == PODS}, role)
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


def _sources(namespaces: tuple[str, ...]) -> Iterator[Source]:
    for number, space in enumerate(namespaces):
        where = f" in {space}" if number else ""
        yield Source(PODS, f"pods{where}", f"/api/v1/namespaces/{space}/pods")
        yield Source(EVENTS, f"events{where}", f"/api/v1/namespaces/{space}/events")
        if number == 0:
            yield Source(SCALERS, SCALERS, f"/apis/autoscaling/v2/namespaces/{space}/horizontalpodautoscalers")


@dataclass
class _Known:
    """What has been told so far. `awaited` are the pod lists that have neither been read nor failed: pods are told all at once."""

    awaited: set[Source]
    role: RoleOf = role_of
    pods: dict[Source, dict[str, Pod]] = field(default_factory=dict)
    scalers: dict[str, Json] | None = None
    versions: dict[Source, dict[str, str]] = field(default_factory=dict)
    told_pods: tuple[Pod, ...] | None = None
    told_scaler: Autoscaler | None = None
    told_none: bool = False

    def take(self, message: Listed | Changed | Dropped | Event) -> Iterator[Event]:
        """Takes a message in and yields what is new by it."""
        if isinstance(message, Dropped):
            yield WatchDropped(message.source.name, message.why)
            if message.source in self.awaited:
                self.awaited.discard(message.source)
                if self.pods:
                    yield from self._pods_now()
                yield from self._scaler_now()
        elif not isinstance(message, Listed | Changed):
            yield message
        elif message.source.kind == PODS:
            yield from self._take_pods(message)
            yield from self._scaler_now()
        elif message.source.kind == SCALERS:
            yield from self._take_scalers(message)
        else:
            yield from self._take_happenings(message)

    def _take_pods(self, message: Listed | Changed) -> Iterator[Event]:
        self.awaited.discard(message.source)
        pods = self.pods.setdefault(message.source, {})
        if isinstance(message, Listed):
            pods.clear()
            pods.update((_uid(item), records.pod(item, self.role)) for item in message.items)
        elif message.deleted:
            pods.pop(_uid(message.item), None)
        else:
            pods[_uid(message.item)] = records.pod(message.item, self.role)
        yield from self._pods_now()

    def _pods_now(self) -> Iterator[Event]:
        found = [pod for pods in self.pods.values() for pod in pods.values() if pod.role is not None]
        now = tuple(sorted(found, key=app_first))
        if not self.awaited and now != self.told_pods:
            self.told_pods = now
            yield PodsSeen(now)

    def _take_scalers(self, message: Listed | Changed) -> Iterator[Event]:
        if isinstance(message, Listed):
            self.scalers = {_uid(item): item for item in message.items}
        elif self.scalers is not None and message.deleted:
            self.scalers.pop(_uid(message.item), None)
        elif self.scalers is not None:
            self.scalers[_uid(message.item)] = message.item
        yield from self._scaler_now()

    def _scaler_now(self) -> Iterator[Event]:
        if self.awaited or self.scalers is None:
            # Whose it is shows by the pods.
            return
        pods = [pod for pods in self.pods.values() for pod in pods.values()]
        chosen = scalers.own(self.scalers.values(), scalers.deployments_of(pods), self.role)
        if chosen is None:
            if self.told_scaler is not None or not self.told_none:
                yield AutoscalerGone(self.told_scaler.name if self.told_scaler is not None else "")
            self.told_scaler, self.told_none = None, True
        elif chosen != self.told_scaler:
            self.told_scaler = chosen
            yield AutoscalerSeen(chosen)

    def _take_happenings(self, message: Listed | Changed) -> Iterator[Event]:
        """New is what the first listing did not have, by its resourceVersion: no clock is compared, and a gap is made up for."""
        first = message.source not in self.versions
        versions = self.versions.setdefault(message.source, {})
        if isinstance(message, Changed) and message.deleted:
            versions.pop(_uid(message.item), None)
            return
        items = message.items if isinstance(message, Listed) else (message.item,)
        new = [item for item in items if versions.get(_uid(item)) != _version(item)]
        if isinstance(message, Listed):
            versions.clear()
        versions.update((_uid(item), _version(item)) for item in items)
        if first:
            return
        for happening in sorted(map(records.happening, new), key=lambda happening: happening.at_s):
            yield ClusterEventSeen(happening.subject, happening.reason, happening.message, happening.warning)


def _uid(item: Json) -> str:
    return str(item["metadata"]["uid"])


def _version(item: Json) -> str:
    return str(item["metadata"]["resourceVersion"])
