"""A run folder's `events.jsonl`, read back as records."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shelterctl.adapters.runs.store import EVENTS, parse
from shelterctl.core.autoscaling.recording import Recording, series
from shelterctl.core.events import AutoscalerSeen, LoadTick, Notice, PodsSeen, TargetChosen, UsageSeen
from shelterctl.core.serial import SCHEMA, from_json
from shelterctl.core.state import Autoscaler, Pod, Usage
from shelterctl.errors import StateFolderError, UsageError

_KNOWN: Mapping[str, Any] = {
    kind.kind: kind for kind in (AutoscalerSeen, LoadTick, Notice, PodsSeen, TargetChosen, UsageSeen)
}  # fmt: skip
_BLIND = "did not answer"


def read_recording(folder: Path) -> Recording:
    """What the run wrote down. Raises UsageError where it is no recording of this version, StateFolderError where it cannot be read."""
    scalers: list[tuple[float, Autoscaler | None]] = []
    pods: list[tuple[float, tuple[Pod, ...]]] = []
    usage: list[tuple[float, tuple[Usage, ...]]] = []
    ticks: list[tuple[float, LoadTick]] = []
    blind: list[str] = []
    place, lines, damaged = TargetChosen("", "", None), 0, 0
    try:
        with (folder / EVENTS).open("rb") as file:
            for line in file:
                lines += 1
                found = _event(line)
                if found is None:
                    damaged += 1
                    continue
                at_s, kind, event = found
                if isinstance(event, AutoscalerSeen):
                    scalers.append((at_s, event.autoscaler))
                elif kind == "autoscaler_gone":
                    scalers.append((at_s, None))
                elif isinstance(event, PodsSeen):
                    pods.append((at_s, event.pods))
                elif isinstance(event, UsageSeen):
                    usage.append((at_s, event.usage))
                elif isinstance(event, LoadTick):
                    ticks.append((at_s, event))
                elif isinstance(event, TargetChosen):
                    place = event
                elif isinstance(event, Notice) and _BLIND in event.text:
                    blind.append(event.text)
    except FileNotFoundError:
        raise UsageError(f"{folder.name} has no {EVENTS}", next_command="shelterctl runs list") from None
    except OSError as error:
        raise StateFolderError(f"{folder / EVENTS} cannot be read", why=error.strerror or str(error)) from error
    if lines and damaged == lines:
        raise UsageError(f"{folder.name}: not one line of {EVENTS} is of {SCHEMA}", next_command="shelterctl runs list")
    return Recording(
        run=folder.name,
        context=place.context,
        namespace=place.namespace,
        scalers=series(scalers),
        pods=series(pods),
        usage=series(usage),
        ticks=series(ticks),
        blind=tuple(blind),
        damaged=damaged,
    )


def _event(line: bytes) -> tuple[float, str, Any] | None:
    """The time, the kind and the record of a line; no record for a kind that is not asked for. None where it is no event of this schema."""
    try:
        row = parse(line)
        if not isinstance(row, dict) or row.get("schema") != SCHEMA:
            return None
        kind, at_s = row.get("kind"), row.get("wall_s")
        if not isinstance(kind, str) or not isinstance(at_s, int | float):
            return None
        known = _KNOWN.get(kind)
        return float(at_s), kind, from_json(known, row) if known is not None else None
    except ValueError:
        return None
