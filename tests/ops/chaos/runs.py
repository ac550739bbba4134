"""Runs of `kill-db` on a stage, to their end, and what came of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from shelterctl.adapters.clock import SystemClock
from shelterctl.core.events import Event
from shelterctl.core.faults.fault import KillMode
from shelterctl.core.faults.ledger import Category
from shelterctl.ops.chaos.kill_db import kill_db
from shelterctl.ops.chaos.result import KillDbResult
from shelterctl.ops.chaos.run import KillDbPorts, KillDbRequest
from tests.fakes import FolderInMemory
from tests.ops.chaos.scene import IDS, NoNames, Scene, Store, make_http

RUN = "20261121-120000-kill-db"


def request(mode: KillMode = KillMode.SIGKILL, *, timeout_s: float = 10.0) -> KillDbRequest:
    return KillDbRequest(mode, 2, warm_up_s=0.5, after_acks=10, recovery_timeout_s=timeout_s, settle_s=0.3, warm_up_timeout_s=2.0)


def ports(stage: Scene, folder: FolderInMemory) -> KillDbPorts:
    return KillDbPorts(stage, stage, stage, NoNames(), IDS, make_http, folder, SystemClock())  # type: ignore[arg-type]


def run(stage: Scene, folder: FolderInMemory, mode: KillMode = KillMode.SIGKILL, *, timeout_s: float = 10.0) -> KillDbResult:
    result = finished(kill_db(ports(stage, folder), request(mode, timeout_s=timeout_s)))
    assert stage.closed == 1
    assert not [thread for thread in threading.enumerate() if "_work" in thread.name]
    return result


def finished(operation: Iterator[Event]) -> KillDbResult:
    while True:
        try:
            next(operation)
        except StopIteration as stop:
            result: KillDbResult = stop.value
            return result


def failing(result: KillDbResult) -> dict[str, int]:
    return {c.value: result.counts[c.value] for c in Category if c.fails and result.counts[c.value]}


def reasons(result: KillDbResult) -> list[str]:
    return [reason.text for reason in result.judgement.reasons]


def mine(store: Store) -> str:
    """The last write that was acknowledged before the kill: it is among those that are asked for one by one."""
    return store.acknowledged[-1]
