"""Errors for people: what happened, why, the evidence, and what to run next."""

from __future__ import annotations

from shelterctl.cli.terminal import Line
from shelterctl.core.serial import JsonValue
from shelterctl.errors import ShelterError


def lines(error: ShelterError, run_id: str | None) -> list[Line]:
    """The error as lines, the answer first and the next command last."""
    found = [Line(f"✗ {error.what}", "bad")]
    found += [Line(f"  {detail}") for detail in error.details]
    if error.why:
        found.append(Line(f"  Why:  {error.why}"))
    if error.next_command:
        found.append(Line(f"  Next: {error.next_command}"))
    if run_id:
        found.append(Line(f"  Run {run_id}", "dim"))
    return found


def as_json(error: ShelterError) -> JsonValue:
    """The error as a JSON object."""
    return {
        "type": type(error).__name__,
        "what": error.what,
        "why": error.why,
        "next_command": error.next_command,
        "details": list(error.details),
    }
