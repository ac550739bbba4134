"""Facts about the cluster below the stack, for `doctor`: nodes, system pods, storage, metrics, what is requested."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from shelterctl.adapters.kube.api import Json, KubeApi
from shelterctl.adapters.kube.look.requests import pod_requests, takers_by_node, together
from shelterctl.adapters.kube.records import epoch_s, millicores, quantity_bytes, role_of
from shelterctl.core.checkup.capacity import Demand, Requested
from shelterctl.core.checkup.cluster import NodeFacts, StorageClassFacts, SystemPod
from shelterctl.core.checkup.metrics import MetricsFacts
from shelterctl.core.duration import parse_duration_s
from shelterctl.errors import ApiRejected, NotDeployed

METRICS_API = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io"
_PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")
_DEFAULT_CLASS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
_RESOLUTION = "--metric-resolution"


def nodes(api: KubeApi) -> tuple[NodeFacts, ...]:
    """Every node. Raises ApiUnreachable, ApiRejected, as everything here does."""
    return tuple(_node(item) for item in api.items("/api/v1/nodes"))


def _node(item: Json) -> NodeFacts:
    status = item["status"]
    conditions = {c["type"]: c for c in status.get("conditions") or ()}
    ready = conditions.get("Ready") or {}
    allocatable = status.get("allocatable") or {}
    return NodeFacts(
        name=item["metadata"]["name"],
        ready=ready.get("status") == "True",
        ready_message=f"{ready.get('reason', '')}: {ready.get('message', '')}".strip(": "),
        schedulable=not item["spec"].get("unschedulable"),
        pressures=tuple(name for name in _PRESSURES if (conditions.get(name) or {}).get("status") == "True"),
        kubelet_version=(status.get("nodeInfo") or {}).get("kubeletVersion", ""),
        cpu_allocatable_millicores=millicores(allocatable.get("cpu")) or 0,
        memory_allocatable_bytes=quantity_bytes(allocatable.get("memory")),
    )


def system_pods(pods: Iterable[Json]) -> tuple[SystemPod, ...]:
    """The pods that are not of a stack."""
    return tuple(_system_pod(item) for item in pods if role_of(item) is None)


def _system_pod(item: Json) -> SystemPod:
    meta, spec, status = item["metadata"], item["spec"], item.get("status") or {}
    labels = meta.get("labels") or {}
    statuses = status.get("containerStatuses") or ()
    waiting: Json = next((state["waiting"] for c in statuses if "waiting" in (state := c.get("state") or {})), {})
    return SystemPod(
        namespace=meta["namespace"],
        name=meta["name"],
        app=labels.get("k8s-app") or labels.get("app") or labels.get("app.kubernetes.io/name") or "",
        owner=next((owner["name"] for owner in meta.get("ownerReferences") or () if owner.get("controller")), ""),
        image=next((c.get("image", "") for c in spec.get("containers") or ()), ""),
        phase=status.get("phase", "Unknown"),
        ready="deletionTimestamp" not in meta
        and any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ()),
        trouble=waiting.get("reason", ""),
    )


def storage_classes(api: KubeApi) -> tuple[StorageClassFacts, ...]:
    """Every StorageClass; the order of creation, the newest last."""
    items = sorted(api.items("/apis/storage.k8s.io/v1/storageclasses"), key=lambda item: item["metadata"].get("creationTimestamp", ""))
    return tuple(
        StorageClassFacts(
            item["metadata"]["name"],
            any((item["metadata"].get("annotations") or {}).get(name) == "true" for name in _DEFAULT_CLASS),
            item.get("provisioner", ""),
        )
        for item in items
    )


def metrics(api: KubeApi, pods: Iterable[Json], addon_enabled: bool | None, profile: str) -> MetricsFacts:
    """The server, the API and the nodes' samples."""
    own = [item for item in pods if _is_metrics_server(item)]
    service = api.get_or_none(METRICS_API)
    available: bool | None = None
    message = ""
    if service is not None:
        condition: Json = next((c for c in (service.get("status") or {}).get("conditions") or () if c["type"] == "Available"), {})
        available = condition.get("status") == "True"
        message = condition.get("message") or condition.get("reason") or "no condition yet"
    now_s = time.time()
    return MetricsFacts(
        addon_enabled=addon_enabled,
        pods=system_pods(own),
        pods_age_s=now_s - started_s(own, now_s),
        api_available=available,
        api_message=message,
        resolution_s=_resolution_s(own),
        sampled_at_s=_sample_times(api) if available else (),
        now_s=now_s,
        profile=profile,
    )


def started_s(metrics_pods: Iterable[Json], otherwise_s: float) -> float:
    """When the youngest container of metrics-server's pods started."""
    times = [
        epoch_s(running.get("startedAt"))
        for item in metrics_pods
        for c in (item.get("status") or {}).get("containerStatuses") or ()
        if (running := (c.get("state") or {}).get("running")) is not None
    ]
    return max((at for at in times if at is not None), default=otherwise_s)


def metrics_pods(pods: Iterable[Json]) -> list[Json]:
    return [item for item in pods if _is_metrics_server(item)]


def _is_metrics_server(item: Json) -> bool:
    labels = item["metadata"].get("labels") or {}
    return "metrics-server" in (labels.get("k8s-app"), labels.get("app.kubernetes.io/name"))


def _resolution_s(pods: Sequence[Json]) -> float | None:
    """The argument --metric-resolution, None without a pod; metrics-server's own default is 60 s."""
    for item in pods:
        for container in item["spec"].get("containers") or ():
            arguments = [*(container.get("command") or ()), *(container.get("args") or ())]
            for argument in arguments:
                if argument.startswith(f"{_RESOLUTION}="):
                    try:
                        return parse_duration_s(argument.partition("=")[2])
                    except ValueError:
                        return None
            return 60.0
    return None


def _sample_times(api: KubeApi) -> tuple[float, ...]:
    try:
        items = api.get("/apis/metrics.k8s.io/v1beta1/nodes").get("items") or ()
    except ApiRejected as error:
        # The API answers 503 until the server has samples, and 404 while the aggregator takes it up.
        if error.status in (404, 503):
            return ()
        raise
    return tuple(at for item in items if (at := epoch_s(item.get("timestamp"))) is not None)


def requested(pods: Iterable[Json], stack_namespaces: Sequence[str]) -> tuple[Requested, ...]:
    """What pods outside the stack request on each node."""
    others = [item for item in pods if item["metadata"]["namespace"] not in stack_namespaces or role_of(item) is None]
    return tuple(Requested(node, *together(takers)) for node, takers in sorted(takers_by_node(others).items()))


def demand(documents: Iterable[Json], source: str) -> Demand:
    """What the objects of a stack, deployed or rendered, ask of the nodes. Raises NotDeployed where the parts are not among them."""
    by_kind: dict[str, Json] = {}
    for document in documents:
        if document["kind"] == "HorizontalPodAutoscaler" or role_of(document) is not None:
            by_kind.setdefault(document["kind"], document)
    app, database = by_kind.get("Deployment"), by_kind.get("StatefulSet")
    if app is None or database is None:
        raise NotDeployed(f"{source} has no Deployment of the application or no StatefulSet of the database", next_command="shelterctl up")
    scaler: Json = (by_kind.get("HorizontalPodAutoscaler") or {}).get("spec") or {}
    replicas = int(app["spec"].get("replicas") or 1)
    maximum = int(scaler.get("maxReplicas") or replicas)
    app_cpu, app_memory = pod_requests(app["spec"]["template"]["spec"])
    db_cpu, db_memory = pod_requests(database["spec"]["template"]["spec"])
    return Demand(
        source,
        int(scaler.get("minReplicas") or (1 if scaler else replicas)),
        maximum,
        _surge(app, maximum),
        app_cpu,
        app_memory,
        db_cpu,
        db_memory,
    )


def _surge(deployment: Json, replicas: int) -> int:
    strategy = deployment["spec"].get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return 0
    value = (strategy.get("rollingUpdate") or {}).get("maxSurge", "25%")
    return -(-replicas * int(str(value)[:-1]) // 100) if str(value).endswith("%") else int(value)
