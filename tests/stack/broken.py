"""The faults of examples/broken, each laid over a copy of examples/notes."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FAULTS = sorted(path.parent.name for path in (EXAMPLES / "broken").glob("*/expected.toml"))


def expected_of(fault: str) -> dict[str, Any]:
    return tomllib.loads((EXAMPLES / "broken" / fault / "expected.toml").read_text())


def broken(fault: str, folder: Path) -> tuple[Path, dict[str, Any]]:
    """The notes with a fault, in a folder, and what must be found in it."""
    laid, expected = folder / "notes", expected_of(fault)
    shutil.copytree(EXAMPLES / "notes", laid)
    ignored = shutil.ignore_patterns("expected.toml", "beside")
    shutil.copytree(EXAMPLES / "broken" / fault, laid, dirs_exist_ok=True, ignore=ignored)
    for name in expected.get("remove", ()):
        (laid / name).unlink()
    return laid, expected
