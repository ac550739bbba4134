"""What `status watch` shows: a fold of the cluster's events into one record, and the changes in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from shelterctl.core.controller import tolerances
from shelterctl.core.events import (
    AutoscalerGone,
    AutoscalerSeen,
    ClusterEventSeen,
    Event,
    LoadTick,
    Notice,
    PodsSeen,
    UsageSeen,
    WatchDropped,
    WatchRestored,
)
from shelterctl.core.hpa.algorithm import desired_from_utilization
from shelterctl.core.state import Autoscaler, Pod, Usage, count_ready
from shelterctl.core.watch.decisions import Heard, hear, hear_samples, hear_wanted
from shelterctl.core.watch.history import HistorySample, remember
from shelterctl.core.watch.notes import Note, autoscaler_notes, pod_notes, usage_note

KEPT_NOTES = 40
#: A second of load that is older than this says nothing about now.
LOAD_FRESH_S = 5.0
#: The pods' shares of the requests are counted over this long.
SHARE_S = 15.0


@dataclass(frozen=True, slots=True)
class LoadAt:
    """A second of load and when it was, in epoch seconds."""

    at_s: float
    tick: LoadTick


@dataclass(frozen=True, slots=True)
class WatchModel:
    """The stack as far as it has been told. Times are epoch seconds of the clock of who watches.

    `pods` and `autoscaler_known` tell what is absent from what is not known yet. `reading_pods` is how many pods were ready when the
    autoscaler's reading came. `dropped` are the watches that are away since `dropped_s`; what they told last is still shown. `drops`
    counts the times that watches were away, together or alone. `heard` is what the autoscaler's status told of its passes.
    With `own_names` the parts are told by their workloads' names: the stack is a user's own.
    """

    namespace: str
    context: str
    began_s: float
    pods: tuple[Pod, ...] | None = None
    autoscaler: Autoscaler | None = None
    autoscaler_known: bool = False
    reading_pods: int = 0
    told_percent: int | None = None
    usage: tuple[Usage, ...] = ()
    history: tuple[HistorySample, ...] = ()
    notes: tuple[Note, ...] = ()
    been_ready: frozenset[str] = frozenset()
    dropped: tuple[str, ...] = ()
    dropped_s: float | None = None
    drops: int = 0
    changes: int = 0
    loads: tuple[LoadAt, ...] = ()
    heard: Heard = field(default_factory=Heard)
    own_names: bool = False

    @property
    def empty(self) -> bool:
        """Whether it is known that nothing of the stack is there."""
        return self.pods == () and self.autoscaler_known and self.autoscaler is None

    @property
    def ready(self) -> int:
        """The application's pods that can serve."""
        return count_ready(self.pods or ())

    @property
    def wanted(self) -> int | None:
        """The replicas that the reading asks for, before limits and stabilization: an estimate from the status."""
        seen = self.autoscaler
        if seen is None or not seen.has_metric or seen.cpu_percent is None or not seen.cpu_target_percent or not self.reading_pods:
            return None
        return desired_from_utilization(self.reading_pods, seen.cpu_percent, seen.cpu_target_percent, tolerances(seen))

    @property
    def beyond(self) -> int | None:
        """The replicas that are wanted, where that is more than the autoscaler may give and it gives all."""
        seen, wanted = self.autoscaler, self.wanted
        if seen is None or wanted is None or wanted <= seen.maximum or seen.desired < seen.maximum:
            return None
        return wanted

    def load(self, now_s: float) -> LoadTick | None:
        """The load at that moment; None where there is none, or none that is fresh."""
        last = self.loads[-1] if self.loads else None
        return last.tick if last is not None and now_s - last.at_s <= LOAD_FRESH_S else None

    def shares(self, now_s: float) -> Mapping[str, float]:
        """The share of the requests that each pod answered in the last seconds, from 0 to 1."""
        counts: dict[str, int] = {}
        for load in self.loads:
            if self.load(now_s) is not None and now_s - load.at_s <= SHARE_S:
                for pod, count in load.tick.by_pod.items():
                    counts[pod] = counts.get(pod, 0) + count
        total = sum(counts.values())
        return {pod: count / total for pod, count in counts.items()} if total else {}


@dataclass(frozen=True, slots=True)
class Step:
    """The model after an event, and what the event changed."""

    model: WatchModel
    notes: tuple[Note, ...]


def fold(model: WatchModel, event: Event, at_s: float) -> Step:
    """Takes in an event that was heard at `at_s` (epoch seconds). Events that a screen has no use for change nothing."""
    changed, notes = _taken(model, event, at_s)
    told = tuple(notes)
    return Step(replace(changed, notes=_kept(changed.notes, told), changes=changed.changes + len(told)), told)


def _taken(model: WatchModel, event: Event, at_s: float) -> tuple[WatchModel, Iterable[Note]]:
    if isinstance(event, PodsSeen):
        return _pods(model, event.pods, at_s)
    if isinstance(event, AutoscalerSeen):
        return _autoscaler(model, event.autoscaler, at_s)
    if isinstance(event, AutoscalerGone):
        gone = replace(model, autoscaler=None, autoscaler_known=True, told_percent=None, heard=Heard())
        notes = [Note(at_s, f"hpa {event.name}", "was deleted: nothing scales the application", "bad")] if event.name else []
        return _sampled(gone, at_s), [*notes, *_nothing(model, gone, at_s)]
    if isinstance(event, UsageSeen):
        note = usage_note(at_s, model.usage, event.usage, model.pods or (), own_names=model.own_names)
        sampled_s = max((item.sampled_at_s for item in event.usage), default=None)
        heard = model.heard if sampled_s is None else hear_samples(model.heard, sampled_s)
        return replace(model, usage=event.usage, heard=heard), [note] if note else []
    if isinstance(event, ClusterEventSeen):
        subject = event.subject.replace("/", " ", 1)
        note = Note(at_s, subject, f"{event.reason}: {event.message}", "doubt", key=f"{subject} {event.reason}")
        return model, [note] if event.warning else []
    if isinstance(event, WatchDropped | WatchRestored):
        return _watch(model, event, at_s)
    if isinstance(event, LoadTick):
        new = model.load(at_s) is None and event.users > 0
        loads = (*(load for load in model.loads if at_s - load.at_s <= SHARE_S), LoadAt(at_s, event))
        return replace(model, loads=loads), [Note(at_s, "load", f"{event.users} users")] if new else []
    if isinstance(event, Notice):
        return model, [Note(at_s, "notice", event.text, "doubt" if event.level == "warning" else "plain")]
    return model, []


def _pods(model: WatchModel, pods: tuple[Pod, ...], at_s: float) -> tuple[WatchModel, Iterable[Note]]:
    notes = [*pod_notes(at_s, model.pods, pods, model.been_ready, own_names=model.own_names)]
    here = {pod.uid for pod in pods}
    been_ready = frozenset(uid for uid in model.been_ready if uid in here) | {pod.uid for pod in pods if pod.ready}
    seen = replace(model, pods=pods, been_ready=been_ready)
    if seen.autoscaler is not None and not seen.reading_pods:
        seen = replace(seen, reading_pods=seen.ready)
        seen = replace(seen, heard=hear_wanted(seen.heard, seen.wanted, at_s))
    return _sampled(seen, at_s), [*notes, *_nothing(model, seen, at_s)]


def _autoscaler(model: WatchModel, now: Autoscaler, at_s: float) -> tuple[WatchModel, Iterable[Note]]:
    before = model.autoscaler
    new_reading = before is None or before.cpu_percent != now.cpu_percent
    seen = replace(
        model,
        autoscaler=now,
        autoscaler_known=True,
        reading_pods=model.ready if new_reading or not model.reading_pods else model.reading_pods,
    )
    seen = replace(seen, heard=hear(model.heard, before, now, seen.wanted, at_s))
    notes = tuple(autoscaler_notes(at_s, before, now, model.told_percent, seen.wanted))
    if notes:
        seen = replace(seen, told_percent=now.cpu_percent)
    return _sampled(seen, at_s), notes


def _nothing(before: WatchModel, now: WatchModel, at_s: float) -> Iterator[Note]:
    if now.empty and not before.empty:
        yield Note(at_s, "stack", f"nothing is deployed in namespace {now.namespace}: shelterctl up", "doubt")


def _watch(model: WatchModel, event: WatchDropped | WatchRestored, at_s: float) -> tuple[WatchModel, Iterable[Note]]:
    """One note for all the watches together: they go over one connection to one server, and mostly drop together."""
    others = tuple(name for name in model.dropped if name != event.resource)
    if isinstance(event, WatchDropped):
        if model.dropped:
            return replace(model, dropped=(*others, event.resource)), ()
        heard = replace(model.heard, away=True)
        dropped = replace(model, dropped=(event.resource,), dropped_s=at_s, drops=model.drops + 1, heard=heard)
        return dropped, [Note(at_s, "watch", f"of {event.resource} dropped, trying again: {event.why}", "bad")]
    restored = replace(model, dropped=others, dropped_s=model.dropped_s if others else None)
    if others or model.dropped_s is None:
        return restored, ()
    return restored, [Note(at_s, "watch", f"is back after {max(0.0, at_s - model.dropped_s):.1f} s", "good")]


def _sampled(model: WatchModel, at_s: float) -> WatchModel:
    """The history grows once the pods are known: before that, nobody knows how many are ready."""
    if model.pods is None or not (model.pods or model.history or model.autoscaler):
        return model
    seen = model.autoscaler
    percent = seen.cpu_percent if seen is not None and seen.has_metric else None
    return replace(model, history=remember(model.history, HistorySample(at_s, seen.desired if seen else None, model.ready, percent)))


def _kept(notes: tuple[Note, ...], new: tuple[Note, ...]) -> tuple[Note, ...]:
    """The notes with the new ones, oldest first; one of the same key takes the place of the earlier."""
    kept = list(notes)
    for note in new:
        if note.key:
            same = [item for item in kept if item.key == note.key]
            kept = [item for item in kept if item.key != note.key]
            note = replace(note, count=note.count + sum(item.count for item in same))
        kept.append(note)
    return tuple(kept[-KEPT_NOTES:])
