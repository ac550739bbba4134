"""The explanations that come with the package: a file of tables for each topic."""

from __future__ import annotations

import tomllib
from importlib.resources import files

from shelterctl.core.explained import Explanation, Topic, entries

_FILES = {
    Topic.VERDICTS: "verdicts.toml",
    Topic.EXIT_CODES: "exit-codes.toml",
    Topic.WRITES: "writes.toml",
    Topic.DOCTOR: "doctor.toml",
    Topic.INSPECT: "inspect.toml",
}


def read() -> tuple[Explanation, ...]:
    """All of them, by topic."""
    folder = files("shelterctl") / "explained"
    return tuple(
        entry
        for topic, name in _FILES.items()
        for entry in entries(topic, tomllib.loads((folder / name).read_text(encoding="utf-8")))
    )  # fmt: skip
