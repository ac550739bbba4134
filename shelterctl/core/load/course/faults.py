"""What broke, or was changed by somebody else, while a load lasted: containers that ended, pods that were deleted, other commands."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from shelterctl.core.events import IncidentSeen
from shelterctl.core.state import ContainerState, Pod, Role

#: The autoscaler's status may come so much later than what its decision does to the pods.
SETTLED_S = 3.0
#: How long an incident is felt where its end was not seen, and how long after its end: clients connect anew, caches fill.
FELT_S, FELT_AFTER_S = 60.0, 15.0
#: It is seen a moment after it was.
SEEN_LATE_S = 2.0
_PARTS = {Role.DATABASE: "database", Role.APP: "application"}


@dataclass(frozen=True, slots=True)
class Incident:
    """In seconds since the load's begin. `part` is the database, the application, or empty for another command; `until_s` is when the part
    was ready again, or the command had ended, and None where that was not seen."""

    at_s: float
    part: str
    text: str
    until_s: float | None = None

    @property
    def felt_s(self) -> tuple[float, float]:
        """From when until when what happened may be its doing. A command whose end was not seen works on."""
        if self.until_s is not None:
            return self.at_s - SEEN_LATE_S, self.until_s + FELT_AFTER_S
        return self.at_s - SEEN_LATE_S, self.at_s + FELT_S if self.part else math.inf


def felt_share(incidents: Iterable[Incident], from_s: float, until_s: float) -> float:
    """How much of a time lies near one of them, from 0 to 1."""
    felt, end_s = 0.0, from_s
    for begin_s, stop_s in sorted(item.felt_s for item in incidents):
        part_s = min(stop_s, until_s) - max(begin_s, end_s)
        if part_s > 0:
            felt, end_s = felt + part_s, min(stop_s, until_s)
    return felt / (until_s - from_s) if until_s > from_s else 0.0


@dataclass(slots=True)
class _Open:
    """An incident whose end has not been seen: `ready` is how many pods of its part were ready before it."""

    incident: Incident
    role: Role
    ready: int
    uid: str = ""


class Incidents:
    """Compares what is told of the pods with what was told before. Times are epoch seconds until `found`."""

    def __init__(self) -> None:
        self._pods: dict[str, Pod] = {}
        self._told: set[tuple[str, str, int]] = set()
        self._gone: set[str] = set()
        self._pending: list[tuple[float, Pod, int, int, bool]] = []
        self._open: list[_Open] = []
        self._closed: list[Incident] = []
        self._others: dict[str, Incident] = {}
        self._new: list[IncidentSeen] = []

    def pods(self, at_s: float, pods: Sequence[Pod], desired: int | None) -> None:
        """All pods at one moment; `desired` is what the autoscaler asks for, None where there is none."""
        before, self._pods = self._pods, {pod.uid: pod for pod in pods if pod.role in _PARTS}
        self._close(at_s)
        for uid, old in before.items():
            new = self._pods.get(uid)
            if (new is None or new.deleting) and not old.deleting and uid not in self._gone:
                self._gone.add(uid)
                self._deleted(at_s, old, before)
            elif new is not None and not new.deleting:
                for container in new.containers:
                    self._ended(at_s, new, old.container(container.name), container, before)
        self.settle(at_s, desired)

    def settle(self, at_s: float, desired: int | None) -> None:
        """Decides on pods of the application that went a while ago: the autoscaler's own doing, or a rollout's, is no incident."""
        due = [item for item in self._pending if at_s - item[0] >= SETTLED_S]
        self._pending = [item for item in self._pending if at_s - item[0] < SETTLED_S]
        for gone_s, pod, count, ready, rolled in due:
            revisions = {other.revision for other in self._pods.values() if other.role is Role.APP}
            if not rolled and revisions <= {pod.revision} and (desired is None or desired >= count):
                self._tell(gone_s, pod, f"pod {pod.name} was deleted", ready)

    def other(self, at_s: float, who: str) -> None:
        """Another command works on the stack."""
        if who not in self._others:
            self._others[who] = Incident(at_s, "", f"{who} worked on the stack")
            self._new.append(IncidentSeen(at_s, "", self._others[who].text))

    def others_ended(self, at_s: float) -> None:
        """No other command works on it (any more)."""
        for who, incident in self._others.items():
            if incident.until_s is None:
                self._others[who] = replace(incident, until_s=at_s)

    def take(self) -> tuple[IncidentSeen, ...]:
        """Those that are new since the last call."""
        new, self._new = tuple(self._new), []
        return new

    def found(self, began_s: float, ended_s: float) -> tuple[Incident, ...]:
        """Those of a load, in order, relative to its begin."""
        every = [*self._closed, *(item.incident for item in self._open), *self._others.values()]
        own = [item for item in every if began_s - SEEN_LATE_S <= item.at_s <= ended_s]
        relative = [
            replace(item, at_s=max(0.0, item.at_s - began_s), until_s=None if item.until_s is None else item.until_s - began_s)
            for item in own
        ]
        return tuple(sorted(relative, key=lambda item: item.at_s))

    def _deleted(self, at_s: float, pod: Pod, before: Mapping[str, Pod]) -> None:
        ready = _ready(before.values(), pod.role)
        if pod.role is Role.DATABASE:
            self._tell(at_s, pod, f"pod {pod.name} was deleted", ready)
            return
        there = [other for other in before.values() if other.role is Role.APP and not other.deleting]
        rolled = len({other.revision for other in there}) > 1
        self._pending.append((at_s, pod, len(there), ready, rolled))

    def _ended(self, at_s: float, pod: Pod, old: ContainerState | None, new: ContainerState, before: Mapping[str, Pod]) -> None:
        if old is None:
            return
        # One that lies there terminated is restarted later: that is told once.
        ended = new.restarts if new.restarts > old.restarts else new.restarts + 1
        stopped = new.state == "terminated" and old.state == "running"
        if (new.restarts <= old.restarts and not stopped) or (pod.uid, new.name, ended) in self._told:
            return
        self._told.add((pod.uid, new.name, ended))
        code = "" if new.last_exit_code is None else f"exit code {new.last_exit_code}"
        why = ", ".join(word for word in (new.last_reason, code) if word)
        text = f"container {new.name} of pod {pod.name} ended{f' ({why})' if why else ''}"
        self._tell(at_s, pod, text, _ready(before.values(), pod.role), pod.uid)

    def _tell(self, at_s: float, pod: Pod, text: str, ready: int, uid: str = "") -> None:
        assert pod.role is not None
        part = _PARTS[pod.role]
        self._open.append(_Open(Incident(at_s, part, f"{part}: {text}"), pod.role, ready, uid))
        self._new.append(IncidentSeen(at_s, part, text))

    def _close(self, at_s: float) -> None:
        """A container's pod is ready again, or as many pods of the part as before it."""
        left = []
        for item in self._open:
            pod = self._pods.get(item.uid)
            again = pod is not None and pod.ready and not pod.deleting
            if again or (not item.uid and _ready(self._pods.values(), item.role) >= max(1, item.ready)):
                self._closed.append(replace(item.incident, until_s=at_s))
            else:
                left.append(item)
        self._open = left


def _ready(pods: Iterable[Pod], role: Role | None) -> int:
    return sum(pod.ready and not pod.deleting for pod in pods if pod.role is role)
