"""A load generator that a test need not end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shelterctl.adapters.swarm.runner import LocustRunner


@pytest.fixture
def generator() -> Iterator[LocustRunner]:
    runner = LocustRunner()
    yield runner
    runner.stop()
