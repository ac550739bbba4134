"""What a shell completes beside commands and options: each function offers the values that begin with what was typed."""

from __future__ import annotations

from collections.abc import Callable, Iterable


def fixed(*values: str) -> Callable[[str], list[str]]:
    """Values that never change."""

    def complete(incomplete: str) -> list[str]:
        return _beginning(values, incomplete)

    return complete


def live(name: str) -> Callable[[str], list[str]]:
    """Values that `wiring.completion` reads, by the name of its function; nothing where it cannot."""

    def complete(incomplete: str) -> list[str]:
        try:
            from shelterctl.wiring import completion

            return _beginning(getattr(completion, name)(), incomplete)
        except Exception:  # noqa: BLE001 - a completion says nothing rather than an error in the middle of a line
            return []

    return complete


def _beginning(values: Iterable[str], incomplete: str) -> list[str]:
    return [value for value in values if value.startswith(incomplete)]
