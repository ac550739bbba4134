"""What must come of the example that misleads: every one of its ways is tried."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.unit

LIARS = Path(__file__).resolve().parents[2] / "examples" / "liars"
#: Of the guestbook, with a database of another kind.
ONE_CONNECTION = "one-connection"


def expected_of_liars() -> dict[str, dict[str, Any]]:
    """Each lie, or several by commas, and what `kill-db` must say of it."""
    return tomllib.loads((LIARS / "expected.toml").read_text())


def test_every_lie_is_told_on() -> None:
    """One that nobody tries could pass what it cannot prove."""
    tried = {lie for lies in expected_of_liars() for lie in lies.split(",")} - {ONE_CONNECTION}
    assert set(re.findall(r'"([a-z0-9-]+)" in LIES', (LIARS / "app.py").read_text())) == tried
    told = set(re.findall(r"(?m)^\| `([a-z0-9-]+)`", (LIARS / "README.md").read_text()))
    assert told == {*tried, ONE_CONNECTION}
