"""Reads the whole stack in one round of parallel requests."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from shelterctl.adapters.kube import records
from shelterctl.adapters.kube.api import Json, KubeApi, parallel
from shelterctl.adapters.kube.look import freshness, scalers
from shelterctl.adapters.kube.records import RoleOf, role_of
from shelterctl.core.load.clocks import ClockReading
from shelterctl.core.state import Endpoint, PodName, Role, StackState, Usage, Workload, app_first
from shelterctl.errors import ApiRejected


def read(api: KubeApi, namespaces: Sequence[str], *, warnings_since_s: float, with_usage: bool, role: RoleOf = role_of) -> StackState:
    """The stack now. Raises ApiUnreachable, ApiRejected."""
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
    *lists, nodes, volumes, leases, starts, (usage, problem) = parallel(tasks if with_usage else [*tasks[:-1], lambda: ((), "")], workers=8)
    found: dict[str, list[Json]] = {}
    for (kind, _), items in zip(keys, lists, strict=True):
        found.setdefault(kind, []).extend(items)
    by_volume = {volume["metadata"]["name"]: volume for volume in volumes}
    pods = tuple(pod for item in found["pods"] if (pod := records.pod(item, role)).role is not None)
    happenings = [records.happening(event) for event in found["events"]]
    workloads = tuple(_workloads(found, role))
    stale, stale_why = freshness.stale(pods, leases, starts, api.server_time_s or time.time())
    return StackState(
        taken_at_s=time.time(),
        namespace=namespaces[0],
        workloads=workloads,
        pods=tuple(sorted(pods, key=app_first)),
        autoscaler=scalers.own(found["scalers"], {w.name for w in workloads if w.role is Role.APP and w.kind == "Deployment"}, role),
        claims=tuple(records.claim(item, by_volume) for item in found["claims"]),
        endpoint=_endpoint(found, nodes, role),
        happenings=tuple(sorted((h for h in happenings if h.at_s >= warnings_since_s), key=lambda h: h.at_s)),
        usage=usage,
        usage_problem=problem,
        problems=tuple(_service_problems(found, workloads, role)),
        stale=stale,
        stale_why=stale_why,
    )


def read_usage(api: KubeApi, namespaces: Iterable[str]) -> tuple[Usage, ...]:
    """The pods' usage as metrics.k8s.io has it. Raises ApiRejected (404, 503) where nothing serves it."""
    items = [item for n in namespaces for item in api.get(f"/apis/metrics.k8s.io/v1beta1/namespaces/{n}/pods").get("items") or ()]
    return tuple(records.usage(item) for item in items)


def read_clocks(api: KubeApi) -> tuple[ClockReading, ...]:
    """Each node's own time, as its kubelet writes it into the node's lease every 10 s. Raises ApiRejected, ApiUnreachable."""
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
    names = [s["metadata"]["name"] for s in found["services"] if role(s) is Role.DATABASE]
    if not names:
        yield f"no Service leads to the database ({database.name})"
    elif not any(_ready_pods(found, name) for name in names):
        yield f"Service {names[0]} has no ready endpoint: the application cannot find the database"


def _ready_pods(found: dict[str, list[Json]], service: str) -> list[PodName]:
    return [
        PodName(endpoint["targetRef"]["name"])
        for item in found["slices"]
        if (item["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == service
        for endpoint in item.get("endpoints") or ()
        # Nothing said counts as ready (discovery/v1, EndpointConditions).
        if (endpoint.get("conditions") or {}).get("ready") is not False and "targetRef" in endpoint
    ]


def _endpoint(found: dict[str, list[Json]], nodes: list[Json], role: RoleOf) -> Endpoint | None:
    own = [service for service in found["services"] if role(service) is Role.APP]
    # Of several, one that can be reached from here.
    service = next((s for s in own if any(p.get("nodePort") for p in s["spec"].get("ports") or ())), own[0] if own else None)
    if service is None:
        return None
    name = service["metadata"]["name"]
    port = next((p.get("nodePort") for p in service["spec"].get("ports") or () if p.get("nodePort")), None)
    ready = _ready_pods(found, name)
    addresses = [a["address"] for node in nodes for a in node["status"].get("addresses") or () if a["type"] == "InternalIP"]
    url, problem = "", ""
    if port is None:
        problem = f"Service {name} has no node port"
    elif not addresses:
        problem = "no node has an address"
    elif sys.platform != "linux":
        problem = f"with Docker Desktop the node is out of reach: run `minikube service {name} --url -n {service['metadata']['namespace']}`"
    else:
        host = addresses[0]
        url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    return Endpoint(name, port, service["spec"].get("clusterIP", ""), url, problem, tuple(sorted(ready)))
