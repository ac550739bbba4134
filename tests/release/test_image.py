"""The image of the tool is made of what the wheel carries: nothing of it may be left out on the way into the build."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit
ROOT = Path(__file__).resolve().parents[2]


def test_what_the_wheel_carries_is_in_the_build() -> None:
    target = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    wanted = {*target["packages"], *target["force-include"], *(path.split("/")[0] for path in target["shared-data"])}
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        word
        for line in (ROOT / "tools" / "image" / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY ") and not line.startswith("COPY --from")
        for word in line.split()[1:-1]
    }
    assert wanted <= let_in
    assert wanted <= copied
