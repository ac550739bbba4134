"""Fixtures of the embedded target's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.stacks import Stack, stack_in

QUICK = ("--no-wait-hpa",)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that is up, for tests that leave it as they found it."""
    with stack_in(tmp_path_factory.mktemp("stack"), *QUICK) as found:
        found.shelterctl("up")
        yield found


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Stack]:
    """A stack of the test's own, which is not up yet."""
    with stack_in(tmp_path / "fresh", *QUICK) as found:
        yield found
