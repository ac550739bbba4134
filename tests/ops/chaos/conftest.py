"""One stage for every test: a store that can be killed, a run's folder in memory, and waits that are short."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shelterctl.ops.chaos import account, readback
from shelterctl.ops.chaos.dialogue import EchoedIds
from tests.fakes import FolderInMemory
from tests.ops.chaos.runs import RUN
from tests.ops.chaos.scene import Scene, scene


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same waits, shorter: nothing on this machine is under way for seconds."""
    monkeypatch.setattr(EchoedIds, "client_timeout_s", 1.0)
    monkeypatch.setattr(readback, "_TRIES", 2)
    monkeypatch.setattr(account, "BY_ID_LIMIT", 60)


@pytest.fixture
def stage() -> Iterator[Scene]:
    with scene() as made:
        yield made


@pytest.fixture
def folder() -> FolderInMemory:
    return FolderInMemory(RUN)
