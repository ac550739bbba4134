"""Values of options that the parser leaves as text."""

from __future__ import annotations


def seconds(flag: str, text: str, command: str) -> float:
    """A duration such as 90s or 4m. Raises UsageError with the flag, and the help of the command that has it."""
    from shelterctl.core.duration import parse_duration_s
    from shelterctl.errors import UsageError

    try:
        return parse_duration_s(text)
    except ValueError as error:
        raise UsageError(f"{flag}: {error}", next_command=f"shelterctl {command} --help") from error
