"""Judges whether the autoscaler's maximum fits the nodes: what pods request, not what they use, is what the scheduler counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shelterctl.core.checkup.check import Area, Check, Finding
from shelterctl.core.checkup.cluster import NodeFacts

CPU_ROOM = Check("cpu-room", Area.CLUSTER, "CPU for the maximum")
MEMORY_ROOM = Check("memory-room", Area.CLUSTER, "memory for the maximum")


@dataclass(frozen=True, slots=True)
class Demand:
    """What the stack asks of the nodes. `source` says where that was read (the cluster, or the manifests).

    `surge` is how many pods a rollout may add, the amounts are requests of one pod; the database is one pod.
    """

    source: str
    minimum: int
    maximum: int
    surge: int
    app_cpu_millicores: int
    app_memory_bytes: int
    database_cpu_millicores: int
    database_memory_bytes: int


@dataclass(frozen=True, slots=True)
class Requested:
    """What the pods of others already request on a node: every pod that has not ended and is not of this stack."""

    node: str
    cpu_millicores: int
    memory_bytes: int


def judge_room(nodes: Sequence[NodeFacts], requested: Sequence[Requested], demand: Demand) -> tuple[Finding, Finding]:
    """CPU and memory, each: do the minimum, the maximum, and the maximum during a rollout fit beside everything else?"""
    by_node = {item.node: item for item in requested}
    open_nodes = [node for node in nodes if node.schedulable and node.ready]
    cpu = [node.cpu_allocatable_millicores - (by_node[node.name].cpu_millicores if node.name in by_node else 0) for node in open_nodes]
    memory = [node.memory_allocatable_bytes - (by_node[node.name].memory_bytes if node.name in by_node else 0) for node in open_nodes]
    mebi = 2**20
    return (
        _room(CPU_ROOM, cpu, demand.database_cpu_millicores, demand.app_cpu_millicores, demand, "m", 1),
        _room(MEMORY_ROOM, memory, demand.database_memory_bytes, demand.app_memory_bytes, demand, " MiB", mebi),
    )


def pods_that_fit(free: Sequence[int], database: int, app: int) -> int | None:
    """How many pods of the application fit beside the database, which takes the emptiest node; None where the database itself does not.

    `free` is what each node has left. With pods of one size, filling node by node is the best that a scheduler can do.
    """
    if not free or max(free) < database:
        return None
    left = sorted(free)
    left[-1] -= database
    return sum(max(amount, 0) // app for amount in left) if app > 0 else 10**6


def _room(check: Check, free: Sequence[int], database: int, app: int, demand: Demand, unit: str, scale: int) -> Finding:
    fits = pods_that_fit(free, database, app)
    left = f"{sum(free) // scale}{unit}"
    wanted = f"{demand.maximum} × {app // scale}{unit} + {database // scale}{unit}"
    mend = f"shelterctl up --max {min(fits or 0, demand.maximum)}" if fits else "kubectl describe nodes   (what else runs there?)"
    if app == 0:
        return check.unknown(f"the pods request none ({demand.source})", "kubectl describe nodes")
    if fits is None or fits < demand.minimum:
        why = "pods stay Pending: not even the autoscaler's minimum can run beside what others request"
        found = f"{left} left: {fits if fits is not None else 'no database and no'} pods fit, the minimum is {demand.minimum}"
        return check.problem(found, why, "kubectl describe nodes   (what else runs there?)")
    if fits < demand.maximum:
        found = f"{left} left: {fits} pods fit, the maximum is {demand.maximum}"
        return check.warning(found, "a scale-up ends early, its last pods stay Pending", mend)
    if fits < demand.maximum + demand.surge:
        return check.warning(
            f"{left} left for {wanted}; a rollout adds {demand.surge}, and {fits - demand.maximum} of them fit",
            "a rollout at the maximum waits until old pods are gone",
            f"shelterctl up --max {fits - demand.surge}" if fits - demand.surge >= demand.minimum else "",
        )
    return check.ok(f"{left} left for {wanted} and {demand.surge} in a rollout")
