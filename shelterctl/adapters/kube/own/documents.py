"""A user's own objects as they are applied: in the order of kinds, with a namespace, and as little else as possible. Pure."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from shelterctl.adapters.kube.api import Json
from shelterctl.core.deploy.stack import StackOptions
from shelterctl.core.stack.documents import containers_of, pod_of
from shelterctl.core.stack.inventory import WORKLOADS
from shelterctl.core.stack.stack import Stack

#: Kinds that live in no namespace (kubectl api-resources --namespaced=false, those that stacks bring).
CLUSTER_WIDE = frozenset(
    {"Namespace", "PersistentVolume", "StorageClass", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "PriorityClass",
     "IngressClass", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "APIService", "RuntimeClass"}
)  # fmt: skip
#: What must be there before what: Helm's InstallOrder, for the kinds that stacks have. The rest comes between Services and workloads.
_FIRST = (
    "Namespace", "CustomResourceDefinition", "PriorityClass", "NetworkPolicy", "ResourceQuota", "LimitRange", "PodDisruptionBudget",
    "ServiceAccount", "Secret", "ConfigMap", "StorageClass", "PersistentVolume", "PersistentVolumeClaim", "ClusterRole",
    "ClusterRoleBinding", "Role", "RoleBinding", "Service",
)  # fmt: skip
_LAST = ("DaemonSet", "Pod", "StatefulSet", "Deployment", "Job", "CronJob", "Ingress", "HorizontalPodAutoscaler")


def namespaced(document: Json) -> bool:
    return document["kind"] not in CLUSTER_WIDE


def edited(stack: Stack, options: StackOptions) -> tuple[tuple[dict[str, Any], ...], tuple[str, ...]]:
    """The objects to apply, and sentences about what was changed in them."""
    edits: list[str] = []
    found = []
    namespace = stack.namespaces[0] if stack.namespaces else "default"
    for document in stack.documents:
        body: dict[str, Any] = copy.deepcopy(dict(document.body))
        # A status is the controllers' to write, and an apply that carries one would claim it.
        body.pop("status", None)
        metadata = body["metadata"] = dict(body.get("metadata") or {})
        if namespaced(body) and not metadata.get("namespace"):
            metadata["namespace"] = namespace
        edits += _load_locally(stack, body)
        edits += _scale(stack, body, options)
        found.append(body)
    if options.replicas is not None:
        found = [body for body in found if body["kind"] != "HorizontalPodAutoscaler"]
    database = stack.roles.database
    order = {id(body): _order(body, database.name if database is not None else "") for body in found}
    return tuple(sorted(found, key=lambda body: order[id(body)])), tuple(dict.fromkeys(edits))


def _order(body: Json, database: str) -> tuple[int, int, bool]:
    kind = body["kind"]
    after = body["metadata"].get("name") != database
    if kind in _FIRST:
        return (0, _FIRST.index(kind), after)
    return (2, _LAST.index(kind), after) if kind in _LAST else (1, 0, after)


def _load_locally(stack: Stack, body: dict[str, Any]) -> Iterator[str]:
    """An image that is loaded into the nodes must not be asked of a registry at each start."""
    if body["kind"] not in WORKLOADS:
        return
    always = {image.name for image in stack.images if image.build is not None and image.policy == "Always"}
    for container in containers_of(pod_of(body)):
        if container.get("image") in always:
            container["imagePullPolicy"] = "IfNotPresent"
            yield f"{body['kind']}/{body['metadata'].get('name')}: {container['image']} is loaded, so that its policy becomes IfNotPresent"


def _scale(stack: Stack, body: dict[str, Any], options: StackOptions) -> Iterator[str]:
    app = stack.roles.app
    name = f"{body['kind']}/{body['metadata'].get('name')}"
    if app is not None and name == app.key and options.replicas is not None:
        body["spec"]["replicas"] = options.replicas
        yield f"{name}: {options.replicas} replicas, and no HPA"
    if body["kind"] == "HorizontalPodAutoscaler" and stack.scaler is not None and body["metadata"].get("name") == stack.scaler.name:
        spec = body["spec"]
        for key, value in (("minReplicas", options.minimum), ("maxReplicas", options.maximum)):
            if value is not None:
                spec[key] = value
                yield f"{name}: {key} {value}"
        if options.cpu_target_percent is not None:
            for metric in spec.get("metrics") or ():
                if (metric.get("resource") or {}).get("name") == "cpu":
                    metric["resource"]["target"]["averageUtilization"] = options.cpu_target_percent
            if "targetCPUUtilizationPercentage" in spec:
                spec["targetCPUUtilizationPercentage"] = options.cpu_target_percent
            yield f"{name}: target {options.cpu_target_percent}%"
    service = stack.app_service
    if options.node_port is not None and service is not None and name == f"Service/{service.name}":
        if service.kind not in ("NodePort", "LoadBalancer"):
            yield f"{name}: it is a {service.kind} and has no node port, so that {options.node_port} is left out"
            return
        ports = body["spec"].get("ports") or []
        for port in [port for port in ports if port.get("port") == stack.app_port][:1] or ports[:1]:
            port["nodePort"] = options.node_port
            yield f"{name}: node port {options.node_port}"
