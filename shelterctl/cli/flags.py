"""Values of options that the parser leaves as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shelterctl.core.deploy.scan import Severity


def seconds(flag: str, text: str, command: str) -> float:
    """A duration such as 90s or 4m. Raises UsageError with the flag, and the help of the command that has it."""
    from shelterctl.core.duration import parse_duration_s
    from shelterctl.errors import UsageError

    try:
        return parse_duration_s(text)
    except ValueError as error:
        raise UsageError(f"{flag}: {error}", next_command=f"shelterctl {command} --help") from error


def severity(flag: str, text: str, command: str) -> Severity:
    """How severe a vulnerability is. Raises UsageError with those that there are."""
    from shelterctl.core.deploy.scan import THRESHOLDS
    from shelterctl.errors import UsageError

    known = {item.value: item for item in THRESHOLDS}
    if text.lower() not in known:
        raise UsageError(f"{flag} {text}: one of {', '.join(known)}", next_command=f"shelterctl {command} --help")
    return known[text.lower()]
