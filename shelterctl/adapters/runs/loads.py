"""The loads among the runs: the one that is meant, and what the newest one of a stack read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shelterctl.adapters.runs.store import EVENTS, find_run, parse, read_result
from shelterctl.core.autoscaling.traps import LastLoad
from shelterctl.core.load.plan import LoadPlan
from shelterctl.core.serial import from_json, unreadable
from shelterctl.errors import UsageError

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
    """What the autoscaler read at most in the newest load of a stack; None where there is none, or where it read nothing."""
    for folder in _loads(state_dir):
        if _place(folder) != (context, namespace):
            continue
        document: Any = read_result(folder) or {}
        timeline = (document.get("result") or {}).get("timeline") or {}
        points = [p for p in timeline.get("points") or () if p.get("cpu_percent") is not None and p.get("target_percent")]
        finished_s = document.get("finished_wall_s")
        if not points or finished_s is None:
            return None
        peak = max(points, key=lambda point: point["cpu_percent"])
        return LastLoad(folder.name, max(0.0, now_s - float(finished_s)), int(peak["cpu_percent"]), int(peak["target_percent"]))
    return None


def read_plan(folder: Path) -> LoadPlan:
    """The load of a run, as it was asked for. Raises UsageError where the run has no result, or one without a load."""
    document: Any = read_result(folder) or {}
    try:
        return from_json(LoadPlan, document["result"]["plan"])
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
