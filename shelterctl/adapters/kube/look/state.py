"""Reads the whole stack in one round of parallel requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from shelterctl.adapters.kube import records
from shelterctl.adapters.kube.api import Json, KubeApi, parallel
from shelterctl.adapters.kube.look import freshness, scalers
from shelterctl.adapters.kube.look.endpoint import Way, ready_pods
from shelterctl.adapters.kube.records import RoleOf, role_of
from shelterctl.core.endpoint import Reach
from shelterctl.core.state import Role, StackState, Usage, Workload, app_first
from shelterctl.errors import ApiRejected

if TYPE_CHECKING:
    from shelterctl.core.load.clocks import ClockReading

#: Each costs a handshake, which is the most of it where the API server is near: eight took half as long again as three.
_CONNECTIONS = 3
TUNNELLED = "the service is asked through a tunnel (ssh to the node): each answer takes its way, too, and a break of it is no outage"


def read(
    api: KubeApi, namespaces: Sequence[str], *, warnings_since_s: float, with_usage: bool, role: RoleOf = role_of, way: Way | None = None
) -> StackState:
    """The stack now; `way` is how its Service is reached. Raises ApiUnreachable, ApiRejected."""
    kinds = {
        "pods": "/api/v1/namespaces/{}/pods",
        "deployments": "/apis/apps/v1/namespaces/{}/deployments",
        "replicasets": "/apis/apps/v1/namespaces/{}/replicasets",
        "statefulsets": "/apis/apps/v1/namespaces/{}/statefulsets",
        "claims": "/api/v1/namespaces/{}/persistentvolumeclaims",
        "events": "/api/v1/namespaces/{}/events",
        "services": "/api/v1/namespaces/{}/services",
        "slices": "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices",
        "scalers": "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers",
    }
    keys = [(kind, namespace) for kind in kinds for namespace in namespaces]
    tasks: list[Callable[[], object]] = [partial(api.items, kinds[kind].format(namespace)) for kind, namespace in keys]
    tasks += [
        partial(api.items, "/api/v1/nodes"),
        partial(api.items, "/api/v1/persistentvolumes"),
        partial(_readable, api, "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"),
        partial(_readable, api, "/api/v1/namespaces/default/events", {"fieldSelector": "involvedObject.kind=Node,reason=Starting"}),
        partial(_usage_or_problem, api, namespaces),
    ]
    asked = tasks if with_usage else [*tasks[:-1], lambda: ((), "")]
    *lists, nodes, volumes, leases, starts, (usage, problem) = parallel(asked, workers=_CONNECTIONS)
    found: dict[str, list[Json]] = {}
    for (kind, _), items in zip(keys, lists, strict=True):
        found.setdefault(kind, []).extend(items)
    by_volume = {volume["metadata"]["name"]: volume for volume in volumes}
    pods = tuple(pod for item in found["pods"] if (pod := records.pod(item, role)).role is not None)
    happenings = [records.happening(event) for event in found["events"]]
    workloads = tuple(_workloads(found, role))
    endpoint = (way or Way()).read(found, nodes, role)
    stale, stale_why = freshness.stale(pods, leases, starts, api.server_time_s or time.time())
    return StackState(
        taken_at_s=time.time(),
        namespace=namespaces[0],
        workloads=workloads,
        pods=tuple(sorted(pods, key=app_first)),
        autoscaler=scalers.own(found["scalers"], {w.name for w in workloads if w.role is Role.APP and w.kind == "Deployment"}, role),
        claims=tuple(records.claim(item, by_volume) for item in found["claims"]),
        endpoint=endpoint,
        happenings=tuple(sorted((h for h in happenings if h.at_s >= warnings_since_s), key=lambda h: h.at_s)),
        usage=usage,
        usage_problem=problem,
        problems=tuple(_service_problems(found, workloads, role)),
        stale=stale,
        stale_why=stale_why,
        caveats=(TUNNELLED,) if endpoint is not None and endpoint.url and endpoint.reach is Reach.TUNNEL else (),
    )


def read_usage(api: KubeApi, namespaces: Iterable[str]) -> tuple[Usage, ...]:
    """The pods' usage as metrics.k8s.io has it. Raises ApiRejected (404, 503) where nothing serves it."""
    items = [item for n in namespaces for item in api.get(f"/apis/metrics.k8s.io/v1beta1/namespaces/{n}/pods").get("items") or ()]
    return tuple(records.usage(item) for item in items)


def read_clocks(api: KubeApi) -> tuple[ClockReading, ...]:
    """Each node's own time, as its kubelet writes it into the node's lease every 10 s. Raises ApiRejected, ApiUnreachable."""
    from shelterctl.core.load.clocks import ClockReading

    asked_s = time.time()
    items = api.items("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases")
    answered_s = time.time()
    told = ((item["metadata"]["name"], records.epoch_s(item["spec"].get("renewTime"))) for item in items)
    return tuple(ClockReading(node, told_s, asked_s, answered_s) for node, told_s in told if told_s is not None)


def _readable(api: KubeApi, path: str, query: Mapping[str, str] | None = None) -> list[Json]:
    """The items of a list outside the stack's own namespaces; none where it may not be read."""
    try:
        return api.items(path, query)
    except ApiRejected:
        return []


def _usage_or_problem(api: KubeApi, namespaces: Iterable[str]) -> tuple[tuple[Usage, ...], str]:
    try:
        return read_usage(api, namespaces), ""
    except ApiRejected as error:
        return (), "nothing serves metrics.k8s.io" if error.status == 404 else error.why or error.what


def _workloads(found: dict[str, list[Json]], role_in: RoleOf) -> Iterable[Workload]:
    for item in found["deployments"]:
        role = role_in(item)
        if role is not None:
            newest = records.newest_replica_set(item, found["replicasets"])
            revision = ((newest or {}).get("metadata") or {}).get("labels", {}).get("pod-template-hash", "")
            yield records.deployment(item, role, revision)
    for item in found["statefulsets"]:
        role = role_in(item)
        if role is not None:
            yield records.stateful_set(item, role)


def _service_problems(found: dict[str, list[Json]], workloads: Sequence[Workload], role: RoleOf) -> Iterable[str]:
    """A database that runs and that no Service leads to: the application finds it by that name alone."""
    database = next((w for w in workloads if w.role is Role.DATABASE), None)
    if database is None or not database.ready:
        return
    services = [s for s in found["services"] if role(s) is Role.DATABASE]
    if not services:
        yield f"no Service leads to the database ({database.name})"
    elif not any(ready_pods(found["slices"], service) for service in services):
        yield f"Service {services[0]['metadata']['name']} has no ready endpoint: the application cannot find the database"
