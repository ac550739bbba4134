"""What the processes of a pod have used of the CPU, and the limit on it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from shelterctl.adapters.local.supervisor.pods import KeptPod

#: The kernel's own period for CPU limits (CFS bandwidth control).
PERIOD_S = 0.1
#: With more than so much of its share left, a pod is looked at less often.
IDLE_SHARE, IDLE_PERIOD_S = 0.9, 0.15
#: Sleeping for less costs more than it limits.
_SHORTEST_S = 0.005
#: How often the processes of a pod are looked for anew.
_MEMBERS_S = 1.0
#: Whether another process's CPU clock can be read without a right: Linux only.
CLOCKS = sys.platform == "linux"


def members(pid: int) -> tuple[int, ...]:
    """The process and its children."""
    if CLOCKS:
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        except OSError:
            return (pid,)
        return (pid, *(int(child) for child in children))
    import psutil

    with suppress(psutil.Error):
        return (pid, *(child.pid for child in psutil.Process(pid).children()))
    return (pid,)


def process_cpu_s(pid: int) -> float:
    """CPU seconds of one process since its start; 0 where it is gone."""
    if CLOCKS:
        # clockid of a process: the complement of its number, and the kind of clock (CPUCLOCK_SCHED) in the lowest bits.
        with suppress(OSError):
            return time.clock_gettime((~pid << 3) | 2)
        return 0.0
    import psutil

    with suppress(psutil.Error):
        times = psutil.Process(pid).cpu_times()
        return float(times.user + times.system)
    return 0.0


def memory_bytes(pids: Iterable[int]) -> int:
    """What they hold in memory; pages that they share count for each of them."""
    import psutil

    total = 0
    for pid in pids:
        with suppress(psutil.Error):
            total += psutil.Process(pid).memory_info().rss
    return total


@dataclass(slots=True)
class Meter:
    """A pod's CPU time, counted on over the ends of its workers."""

    pids: tuple[int, ...] = ()
    looked_s: float = 0.0
    seen: dict[int, float] = field(default_factory=dict)
    ended_s: float = 0.0

    def read(self, pid: int, now_s: float) -> float:
        """CPU seconds of everything that the pod has run since the meter began."""
        if now_s - self.looked_s >= _MEMBERS_S or not self.pids:
            self.pids, self.looked_s = members(pid), now_s
        for gone in self.seen.keys() - set(self.pids):
            self.ended_s += self.seen.pop(gone)
        for each in self.pids:
            self.seen[each] = max(process_cpu_s(each), self.seen.get(each, 0.0))
        return self.ended_s + sum(self.seen.values())


@dataclass(slots=True)
class _Share:
    """One pod's part of the running period."""

    began_s: float
    used_at_begin_s: float
    debt_s: float = 0.0
    stopped: tuple[int, ...] = ()


class Limiter:
    """Stops a pod's processes when they have had their share of a period, and lets them go on in the next.

    The kernel does it within a control group; without that right it is done with SIGSTOP and SIGCONT. Whoever ends the limiter must call
    `release`: a process that stays stopped answers nobody.
    """

    def __init__(self) -> None:
        self._shares: dict[str, _Share] = {}
        self._meters: dict[str, Meter] = {}

    def step(self, pods: Iterable[KeptPod]) -> float:
        """Stops and continues what is due; returns the seconds until it should be called again."""
        now_s, wait_s = time.monotonic(), IDLE_PERIOD_S
        limited = {pod.uid: pod for pod in pods if pod.template.cpu_limit_millicores and pod.running is not None}
        for uid in self._shares.keys() - limited.keys():
            self._resume(self._shares.pop(uid))
            self._meters.pop(uid, None)
        for uid, pod in limited.items():
            wait_s = min(wait_s, self._limit(uid, pod, now_s))
        return max(wait_s, _SHORTEST_S)

    def release(self) -> None:
        """Lets everything go on."""
        for share in self._shares.values():
            self._resume(share)
        self._shares.clear()

    def _limit(self, uid: str, pod: KeptPod, now_s: float) -> float:
        assert pod.running is not None
        quota_s = pod.template.cpu_limit_millicores / 1000 * PERIOD_S
        used_s = self._meters.setdefault(uid, Meter()).read(pod.running.pid, now_s)
        share = self._shares.setdefault(uid, _Share(now_s, used_s))
        if now_s - share.began_s >= PERIOD_S:
            # What it took too much of the last period is taken from this one; what it left is lost, as with the kernel.
            allowed_s = quota_s * (now_s - share.began_s) / PERIOD_S
            share.debt_s = max(0.0, share.debt_s + used_s - share.used_at_begin_s - allowed_s)
            share.began_s, share.used_at_begin_s = now_s, used_s
            if share.debt_s < quota_s:
                self._resume(share)
        left_s = quota_s - share.debt_s - (used_s - share.used_at_begin_s)
        if left_s <= 0:
            if not share.stopped and not pod.deleting:
                share.stopped = tuple(self._stop(self._meters[uid].pids))
            return PERIOD_S - (now_s - share.began_s)
        if left_s > IDLE_SHARE * quota_s:
            # Far from its limit. What it may take too much until then is taken from it afterwards.
            return IDLE_PERIOD_S
        # It cannot have used up its share before, however many threads it has: they take turns.
        return min(left_s, PERIOD_S - (now_s - share.began_s))

    @staticmethod
    def _stop(pids: Iterable[int]) -> Iterator[int]:
        for pid in pids:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGSTOP)
                yield pid

    @staticmethod
    def _resume(share: _Share) -> None:
        for pid in share.stopped:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGCONT)
        share.stopped = ()
