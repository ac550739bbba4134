"""What the database's pods used of the CPU while a load lasted: who waits for a database uses none of his own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from shelterctl.core.state import Pod, PodName, Role, Usage


@dataclass(frozen=True, slots=True)
class DatabaseLoad:
    """`limit_percent` is the most that a pod of it used of its CPU limit, None where it has none; `usual_millicores` is what its pods used
    in the median of their measurements, together."""

    limit_percent: float | None
    usual_millicores: float


class DatabaseUse:
    """Collects what is told of the database's pods, each measurement once."""

    def __init__(self) -> None:
        self._pods: dict[PodName, Pod] = {}
        self._percents: list[float] = []
        self._millicores: dict[PodName, dict[float, int]] = {}

    def pods(self, pods: Iterable[Pod]) -> None:
        """All pods of a moment."""
        self._pods = {pod.name: pod for pod in pods if pod.role is Role.DATABASE}

    def usage(self, usage: Iterable[Usage]) -> None:
        """The pods' usage as it was last measured; the same measurement again adds nothing."""
        for item in usage:
            if item.pod not in self._pods:
                continue
            self._millicores.setdefault(item.pod, {})[item.sampled_at_s] = item.cpu_millicores
            allowed = self._pods[item.pod].cpu_limits_millicores
            if allowed and all(allowed):
                self._percents.append(100 * item.cpu_millicores / sum(value or 0 for value in allowed))

    @property
    def load(self) -> DatabaseLoad | None:
        """None where nothing was measured."""
        if not self._millicores:
            return None
        return DatabaseLoad(max(self._percents, default=None), sum(median(found.values()) for found in self._millicores.values()))
