"""What `new` made."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from shelterctl.cli.terminal import Line


@dataclass(frozen=True, slots=True)
class NewResult:
    """The folder, and the files in it."""

    folder: str
    files: tuple[str, ...]


def lines(result: NewResult, asked: str) -> Iterator[Line]:
    """The folders with what is in them, and the next command."""
    yield Line(f"{result.folder}: {len(result.files)} files", "good")
    for part, what in (("app", "the application"), ("manifests", "what is deployed"), ("locustfiles", "the load")):
        yield Line(f"  {part + '/':<13} {what}, {sum(file.startswith(f'{part}/') for file in result.files)} files")
    yield Line(f"Next: cd {shlex.quote(asked)} && shelterctl up", "strong")
