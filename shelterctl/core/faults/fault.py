"""Faults: the ways to kill a pod, and what the injector reports."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class KillMode(Enum):
    """DELETE gives the grace period, FORCE_DELETE none (the kubelet still leaves about 2 s), SIGKILL no time at all."""

    DELETE = "delete"
    FORCE_DELETE = "force-delete"
    SIGKILL = "sigkill"

    @property
    def replaces_pod(self) -> bool:
        """Whether another pod comes, with another address; a process that is killed restarts in the same one."""
        return self is not KillMode.SIGKILL


@dataclass(frozen=True, slots=True)
class KillReport:
    """When the fault was sent (`sent_mono_s`) and confirmed (`confirmed_mono_s`), both on the tool's monotonic clock.

    `process_id` is the process on the node and `process_gone` whether the node saw it gone, for a SIGKILL only.
    """

    mode: KillMode
    sent_mono_s: float
    confirmed_mono_s: float
    wall_s: float
    node: str
    process_id: int | None = None
    process_gone: bool | None = None
