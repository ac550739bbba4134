"""A folder of its own for each test of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import CommandLine


@pytest.fixture
def shelterctl(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path)
