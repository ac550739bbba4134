"""The loads among the runs: the one that is meant, and what the newest one of a stack read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from shelterctl.adapters.runs.store import EVENTS, find_run, parse, read_journal, read_result
from shelterctl.core.autoscaling.traps import LastLoad
from shelterctl.core.events import AutoscalerSeen, LoadTick, PodsSeen
from shelterctl.core.load.plan import LoadPlan
from shelterctl.core.load.timeline import Timeline
from shelterctl.core.load.traffic import Traffic
from shelterctl.core.serial import from_json, unreadable
from shelterctl.core.state import Autoscaler, Role
from shelterctl.errors import ShelterError, UsageError

#: Older loads than so many runs back are not looked for.
_LOOKED_AT = 40


def find_load(state_dir: Path, name: str) -> Path:
    """The folder of a load named as `find_run` takes it; `last` is the newest load. Raises UsageError."""
    if name != "last":
        return find_run(state_dir, name)
    found = next(_loads(state_dir), None)
    if found is None:
        raise UsageError(f"there is no load in {state_dir / 'runs'}", next_command="shelterctl loadtest --users 200")
    return found


def last_load(state_dir: Path, context: str, namespace: str, now_s: float) -> LastLoad | None:
    """What the autoscaler read at most of the newest load in a place; None where there is none, or where it read nothing of it.

    None, too, where most requests failed: what a service that fails uses is no measure. Whether the same stack stands there still is the
    core's to judge (`LastLoad.is_of`).
    """
    folder = next((each for each in _loads(state_dir) if _place(each) == (context, namespace)), None)
    document: Any = (read_result(folder) if folder is not None else None) or {}
    result, finished_s = document.get("result"), document.get("finished_wall_s")
    if folder is None or not isinstance(result, dict) or not isinstance(finished_s, int | float):
        return None
    try:
        readings = from_json(Timeline, result["timeline"]).readings()
        traffic = from_json(Traffic, result["traffic"])
    except (KeyError, ValueError):
        return None
    told = [(point.cpu_percent, point.target_percent) for point in readings if point.cpu_percent is not None and point.target_percent]
    if not told or 2 * traffic.failures > traffic.requests:
        return None
    percent, target = max(told)
    scaler, requests = _began_with(folder)
    made_s = scaler.created_at_s if scaler is not None else None
    return LastLoad(folder.name, max(0.0, now_s - float(finished_s)), percent, target or 0, made_s, requests)


def _began_with(folder: Path) -> tuple[Autoscaler | None, tuple[int | None, ...]]:
    """The autoscaler that a load found, and what a pod of the application requested."""
    scaler: Autoscaler | None = None
    requests: tuple[int | None, ...] | None = None
    with suppress(ShelterError):
        for row in read_journal(folder, EVENTS):
            with suppress(ValueError):
                if row.get("kind") == AutoscalerSeen.kind and scaler is None:
                    scaler = from_json(AutoscalerSeen, row).autoscaler
                elif row.get("kind") == PodsSeen.kind and requests is None:
                    pods = from_json(PodsSeen, row).pods
                    requests = next((pod.cpu_requests_millicores for pod in pods if pod.role is Role.APP and not pod.deleting), None)
            if (scaler is not None and requests is not None) or row.get("kind") == LoadTick.kind:
                break
    return scaler, requests or ()


def read_load(folder: Path) -> tuple[LoadPlan, int]:
    """The load of a run, as it was asked for, and how many requests it sent. Raises UsageError where the run has no result of a load."""
    document: Any = read_result(folder) or {}
    try:
        result = document["result"]
        return from_json(LoadPlan, result["plan"]), int(result["traffic"]["requests"])
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{folder.name} has no load that could run again", next_command="shelterctl runs list") from error


def _loads(state_dir: Path) -> Iterator[Path]:
    folders = sorted((path for path in (state_dir / "runs").glob("*") if path.is_dir()), reverse=True)
    yield from [folder for folder in folders[:_LOOKED_AT] if "-loadtest" in folder.name]


def _place(folder: Path) -> tuple[str, str]:
    """Where the load was: its first event says it."""
    try:
        with (folder / EVENTS).open("rb") as lines:
            row = parse(next(iter(lines), b"{}"))
    except (OSError, ValueError):
        return "", ""
    if not isinstance(row, dict) or unreadable(row.get("schema")):
        return "", ""
    return str(row.get("context", "")), str(row.get("namespace", ""))
