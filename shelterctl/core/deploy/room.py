"""Why a pod finds no place: what it asks for beside what the nodes have left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shelterctl.core.state import Pod

_MEBI = 2**20
_SHOWN_NODES = 3
_SHOWN_TAKERS = 4


@dataclass(frozen=True, slots=True)
class Taker:
    """What the pods of one namespace request of a node: a stack of last week is the usual reason for a full one."""

    namespace: str
    cpu_millicores: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class NodeRoom:
    """What a node can give to pods, and what the pods on it request. The scheduler counts requests, not use."""

    node: str
    cpu_allocatable_millicores: int
    cpu_requested_millicores: int
    memory_allocatable_bytes: int
    memory_requested_bytes: int
    takers: tuple[Taker, ...] = ()


def shortage(pod: Pod, rooms: Sequence[NodeRoom]) -> str:
    """A clause with the numbers, for a pod that the scheduler could not place; empty where the nodes are not known.

    Names what the scheduler's message says is short (its own words are `Insufficient cpu`, `Insufficient memory`), else CPU.
    """
    if not rooms:
        return ""
    memory = "memory" in pod.scheduling_message.lower() and "cpu" not in pod.scheduling_message.lower()
    asked = sum(pod.memory_requests_bytes) // _MEBI if memory else sum(value or 0 for value in pod.cpu_requests_millicores)
    unit = " MiB" if memory else "m"
    words = []
    for room in sorted(rooms, key=lambda item: -_left(item, memory=memory))[:_SHOWN_NODES]:
        whole = room.memory_allocatable_bytes // _MEBI if memory else room.cpu_allocatable_millicores
        taken = room.memory_requested_bytes // _MEBI if memory else room.cpu_requested_millicores
        left = f"{_left(room, memory=memory)}{unit} of {whole}{unit} left"
        words.append(f"node {room.node} has {left} ({taken}{unit} are requested{_by(room, unit, memory=memory)})")
    more = f" and {len(rooms) - _SHOWN_NODES} nodes with less" if len(rooms) > _SHOWN_NODES else ""
    return f"it asks for {asked}{unit} of {'memory' if memory else 'CPU'}; {', '.join(words)}{more}"


def _by(room: NodeRoom, unit: str, *, memory: bool) -> str:
    """Who requested it, those with most first."""
    amounts = [(taker.memory_bytes // _MEBI if memory else taker.cpu_millicores, taker.namespace) for taker in room.takers]
    most = sorted((pair for pair in amounts if pair[0]), key=lambda pair: (-pair[0], pair[1]))
    words = [f"{amount}{unit} in {namespace}" for amount, namespace in most[:_SHOWN_TAKERS]]
    rest = sum(amount for amount, _ in most[_SHOWN_TAKERS:])
    more = [f"{rest}{unit} in {len(most) - _SHOWN_TAKERS} more namespaces"] if rest else []
    return f": {', '.join([*words, *more])}" if words else ""


def _left(room: NodeRoom, *, memory: bool) -> int:
    if memory:
        return max(0, room.memory_allocatable_bytes - room.memory_requested_bytes) // _MEBI
    return max(0, room.cpu_allocatable_millicores - room.cpu_requested_millicores)
