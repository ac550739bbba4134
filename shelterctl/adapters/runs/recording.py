"""A run folder's `events.jsonl`, read back as records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from shelterctl.adapters.runs.store import EVENTS, parse, read_journal
from shelterctl.core.autoscaling.recording import Recording, series
from shelterctl.core.events import (
    AutoscalerSeen,
    ClusterEventSeen,
    LoadTick,
    NodesSeen,
    NodeUsage,
    Notice,
    PodsSeen,
    StepFinished,
    StepStarted,
    TargetChosen,
    UsageSeen,
    WatchDropped,
    WatchRestored,
)
from shelterctl.core.serial import from_json, unreadable
from shelterctl.core.state import Autoscaler, Pod, Usage
from shelterctl.errors import StateFolderError, UsageError

_KNOWN: Mapping[str, Any] = {
    kind.kind: kind for kind in (AutoscalerSeen, LoadTick, NodesSeen, Notice, PodsSeen, StepFinished, StepStarted, TargetChosen, UsageSeen)
}  # fmt: skip
#: What a report tells beside the load.
BESIDE: Mapping[str, Any] = {kind.kind: kind for kind in (ClusterEventSeen, WatchDropped, WatchRestored)}
_ALL: Mapping[str, Any] = {**_KNOWN, **BESIDE}
_BLIND = "did not answer"
#: The step in which the replicas are followed down (`ops.descent`); one before the load waits for what an earlier load left.
_DOWN = "descent"


def read_recording(folder: Path) -> Recording:
    """What the run wrote down. Raises UsageError where it is no recording of this version, StateFolderError where it cannot be read."""
    try:
        with (folder / EVENTS).open("rb") as file:
            found = recording_of(folder.name, file)
    except FileNotFoundError:
        raise UsageError(f"{folder.name} has no {EVENTS}", next_command="shelterctl runs list") from None
    except OSError as error:
        raise StateFolderError(f"{folder / EVENTS} cannot be read", why=error.strerror or str(error)) from error
    if found is None:
        raise UsageError(
            f"{folder.name}: not one line of {EVENTS} can be read", why=_schema_of(folder), next_command="shelterctl runs list"
        )
    return found


def _schema_of(folder: Path) -> str:
    """Why the first line is not read."""
    row = next(read_journal(folder, EVENTS), None)
    return unreadable(row.get("schema")) if row is not None else "there is no whole line in it"


def recording_of(run: str, lines: Iterable[bytes], beside: Callable[[float, str, Any], None] | None = None) -> Recording | None:
    """The recording that lines of events hold; None where not one of them can be read. `beside` gets every event that is no part of it:
    its time, its kind, and its record where it is of a kind in `BESIDE`."""
    scalers: list[tuple[float, Autoscaler | None]] = []
    pods: list[tuple[float, tuple[Pod, ...]]] = []
    usage: list[tuple[float, tuple[Usage, ...]]] = []
    ticks: list[tuple[float, LoadTick]] = []
    nodes: list[tuple[float, tuple[NodeUsage, ...]]] = []
    blind: list[str] = []
    place, read, damaged = TargetChosen("", "", None), 0, 0
    down_from_s: float | None = None
    down_until_s: float | None = None
    last_s = 0.0
    for line in lines:
        read += 1
        found = _event(line, _KNOWN if beside is None else _ALL)
        if found is None:
            damaged += 1
            continue
        at_s, kind, event = found
        last_s = at_s
        if isinstance(event, AutoscalerSeen):
            scalers.append((at_s, event.autoscaler))
        elif kind == "autoscaler_gone":
            scalers.append((at_s, None))
        elif isinstance(event, PodsSeen):
            pods.append((at_s, event.pods))
        elif isinstance(event, UsageSeen):
            usage.append((at_s, event.usage))
        elif isinstance(event, NodesSeen):
            nodes.append((at_s, event.nodes))
        elif isinstance(event, LoadTick):
            ticks.append((at_s, event))
        elif isinstance(event, StepStarted) and event.step == _DOWN:
            down_from_s, down_until_s = (at_s, None) if ticks else (None, None)
        elif isinstance(event, StepFinished) and event.step == _DOWN:
            down_until_s = at_s
        elif isinstance(event, TargetChosen):
            place = event
        elif isinstance(event, Notice) and _BLIND in event.text:
            blind.append(event.text)
        if beside is not None and not isinstance(event, PodsSeen | UsageSeen | NodesSeen | LoadTick | AutoscalerSeen):
            beside(at_s, kind, event)
    if read and damaged == read:
        return None
    return Recording(
        run=run,
        context=place.context,
        namespace=place.namespace,
        scalers=series(scalers),
        pods=series(pods),
        usage=series(usage),
        ticks=series(ticks),
        nodes=series(nodes),
        blind=tuple(blind),
        damaged=damaged,
        # One that was killed in the middle was followed until its last word.
        down_watched_s=None if down_from_s is None else (down_from_s, last_s if down_until_s is None else down_until_s),
    )


def _event(line: bytes, known: Mapping[str, Any]) -> tuple[float, str, Any] | None:
    """The time, the kind and the record of a line; no record for a kind that is not asked for. None where it is no event of this schema."""
    try:
        row = parse(line)
        if not isinstance(row, dict) or unreadable(row.get("schema")):
            return None
        kind, at_s = row.get("kind"), row.get("wall_s")
        if not isinstance(kind, str) or not isinstance(at_s, int | float):
            return None
        record = known.get(kind)
        return float(at_s), kind, from_json(record, row) if record is not None else None
    except ValueError:
        return None
