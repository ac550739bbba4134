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


def listed_ints(flag: str, text: str, least: int, most: int) -> tuple[int, ...]:
    """Whole numbers with commas between them, each once; none for an empty text. Raises UsageError with the flag."""
    from shelterctl.errors import UsageError

    found = []
    for part in filter(None, (each.strip().removesuffix("%") for each in text.split(","))):
        if not part.isascii() or not part.isdigit() or not least <= int(part) <= most:
            raise UsageError(f"{flag} {part}: a whole number from {least} to {most:,}")
        found.append(int(part))
    return tuple(dict.fromkeys(found))


def listed_seconds(flag: str, text: str, most_s: float) -> tuple[int, ...]:
    """Durations with commas between them, in whole seconds; none for an empty text. Raises UsageError with the flag."""
    from shelterctl.core.duration import parse_duration_s
    from shelterctl.errors import UsageError

    found = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        try:
            value_s = parse_duration_s(part)
        except ValueError as error:
            raise UsageError(f"{flag}: {error}") from error
        if not 0 <= value_s <= most_s:
            raise UsageError(f"{flag} {part}: from 0 s to {most_s:g} s")
        found.append(round(value_s))
    return tuple(dict.fromkeys(found))


def severity(flag: str, text: str, command: str) -> Severity:
    """How severe a vulnerability is. Raises UsageError with those that there are."""
    from shelterctl.core.deploy.scan import THRESHOLDS
    from shelterctl.errors import UsageError

    known = {item.value: item for item in THRESHOLDS}
    if text.lower() not in known:
        raise UsageError(f"{flag} {text}: one of {', '.join(known)}", next_command=f"shelterctl {command} --help")
    return known[text.lower()]
