"""The result of an operation or a step, whatever it tells on the way."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

T = TypeVar("T")


def ended(work: Generator[Any, None, T]) -> T:
    """Runs it to its end."""
    while True:
        try:
            next(work)
        except StopIteration as stop:
            found: T = stop.value
            return found
