"""Commands, flags and exit codes of the last release are there: what goes away is deprecated first (docs/how-to/upgrade.md)."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.kept.surface import gone, surface

pytestmark = pytest.mark.unit

HERE = Path(__file__).resolve().parent
#: As the last release had them.
KEPT: dict[str, Any] = json.loads((HERE / "surface.json").read_text(encoding="utf-8"))
UPGRADE = (HERE.parents[1] / "docs" / "how-to" / "upgrade.md").read_text(encoding="utf-8")


def allowed() -> set[str]:
    """What the page's table of removals names, as `command --flag`."""
    return set(re.findall(r"^\| `([^`]+)` \|", UPGRADE, re.M))


def test_what_scripts_call_is_there() -> None:
    assert [line for line in gone(KEPT, surface()) if line.removesuffix(": gone") not in allowed()] == []


def test_a_command_a_flag_and_a_code_that_went_are_found() -> None:
    new = copy.deepcopy(KEPT)
    del new["commands"]["url"]
    new["commands"]["up"].remove("--scan")
    new["exit_codes"]["TIMEOUT"] = 9
    assert gone(KEPT, new) == ["url: gone", "up --scan: gone", "exit code TIMEOUT: 5 is now 9"]
    new["commands"]["up"].append("--more")
    assert len(gone(KEPT, new)) == 3


def test_it_has_what_people_type() -> None:
    assert {"--users", "--tag", "-o"} <= set(KEPT["commands"]["loadtest"])
    assert "run" in KEPT["commands"]["runs show"]
    assert KEPT["exit_codes"]["UNDECIDED"] == 7
