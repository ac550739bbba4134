"""What the scheduler counts: what pods request, and what the nodes have to give."""

from __future__ import annotations

from collections.abc import Iterable

from shelterctl.adapters.kube.api import Json, KubeApi, parallel
from shelterctl.adapters.kube.records import millicores, quantity_bytes
from shelterctl.core.deploy.room import NodeRoom, Taker


def pod_requests(spec: Json) -> tuple[int, int]:
    """CPU (millicores) and memory (bytes) that the scheduler counts for a pod.

    The containers and restartable init containers together, or the largest init container with the restartable ones started before it,
    whichever is more; and the pod's overhead. Source: `PodRequests` in k8s.io/component-helpers/resource.
    """
    total = [sum(values) for values in zip(*(_amounts(c) for c in spec.get("containers") or ()), strict=True)] or [0, 0]
    sidecars, peak = [0, 0], [0, 0]
    for container in spec.get("initContainers") or ():
        amounts = _amounts(container)
        if container.get("restartPolicy") == "Always":
            sidecars = [sidecars[i] + amounts[i] for i in range(2)]
            peak = [max(peak[i], sidecars[i]) for i in range(2)]
        else:
            peak = [max(peak[i], sidecars[i] + amounts[i]) for i in range(2)]
    overhead = spec.get("overhead") or {}
    extra = (millicores(overhead.get("cpu")) or 0, quantity_bytes(overhead.get("memory")))
    both = [max(total[i] + sidecars[i], peak[i]) + extra[i] for i in range(2)]
    return both[0], both[1]


def takers_by_node(pods: Iterable[Json]) -> dict[str, tuple[Taker, ...]]:
    """What the pods of each namespace request which are on a node and have not ended."""
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for item in pods:
        node = item["spec"].get("nodeName", "")
        if node and (item.get("status") or {}).get("phase") not in ("Succeeded", "Failed"):
            cpu, memory = pod_requests(item["spec"])
            key = (node, item["metadata"].get("namespace", ""))
            before = sums.get(key, (0, 0))
            sums[key] = (before[0] + cpu, before[1] + memory)
    found: dict[str, tuple[Taker, ...]] = {}
    for (node, namespace), (cpu, memory) in sums.items():
        found[node] = (*found.get(node, ()), Taker(namespace, cpu, memory))
    return found


def together(takers: Iterable[Taker]) -> tuple[int, int]:
    """CPU (millicores) and memory (bytes) of all of them."""
    cpu, memory = 0, 0
    for taker in takers:
        cpu, memory = cpu + taker.cpu_millicores, memory + taker.memory_bytes
    return cpu, memory


def read_rooms(api: KubeApi) -> tuple[NodeRoom, ...]:
    """Each node's room. Raises ApiRejected where nodes or others' pods may not be read, ApiUnreachable."""
    nodes, pods = parallel([lambda: api.items("/api/v1/nodes"), lambda: api.items("/api/v1/pods")])
    taken = takers_by_node(pods)
    rooms = []
    for node in nodes:
        name, allocatable = node["metadata"]["name"], (node.get("status") or {}).get("allocatable") or {}
        if (node.get("spec") or {}).get("unschedulable"):
            continue
        takers = taken.get(name, ())
        cpu_requested_millicores, memory_requested_bytes = together(takers)
        rooms.append(
            NodeRoom(
                name,
                cpu_allocatable_millicores=millicores(allocatable.get("cpu")) or 0,
                cpu_requested_millicores=cpu_requested_millicores,
                memory_allocatable_bytes=quantity_bytes(allocatable.get("memory")),
                memory_requested_bytes=memory_requested_bytes,
                takers=takers,
            )
        )
    return tuple(rooms)


def _amounts(container: Json) -> tuple[int, int]:
    resources = container.get("resources") or {}
    amounts = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
    return millicores(amounts.get("cpu")) or 0, quantity_bytes(amounts.get("memory"))
