"""Numbers and commands in the words of a report."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from shelterctl.core.report.runs import Run


def seconds(value: float | None, digits: int = 1) -> str:
    # What rounds to nothing has no sign.
    return "–" if value is None else f"{round(value, digits) + 0.0:,.{digits}f} s"


def milliseconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} ms" if value < 10 else f"{value:,.0f} ms"


def percent(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{value:.{digits}f}%"


def number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def bytes_(value: int) -> str:
    return f"{value} B" if value < 1000 else f"{value / 1000:.0f} kB" if value < 1_000_000 else f"{value / 1_000_000:.1f} MB"


def digest(value: str | None) -> str:
    """An image's id as people compare it: its first and last digits."""
    if not value:
        return "not seen" if value == "" else "–"
    name = value.removeprefix("sha256:")
    return name if len(name) <= 16 else f"{name[:12]}…{name[-4:]}"


def moment(at_s: float | None) -> str:
    """UTC: the report reads the same on every machine. Times that no calendar has are told as such."""
    if at_s is None:
        return "–"
    try:
        return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, OSError, ValueError):
        return "no time"


def aimed(line: str, run: Run) -> str:
    """A command line that means the run's own target and namespace."""
    target = run.told.target
    if target is None or not line:
        return line
    if target.label == "Target":
        line += f" --target {target.context}"
    elif target.profile:
        line += "" if target.profile == "minikube" else f" -p {target.profile}"
    else:
        line += f" --context {target.context}"
    return line if target.namespace in ("", "shelter") else f"{line} --namespace {target.namespace}"


def without_state_folder(line: str) -> str:
    """A command that a result names, without the folder of this machine's runs."""
    return re.sub(r" --(?:state|project)-dir (?:'[^']*'|\S+)", "", line)
