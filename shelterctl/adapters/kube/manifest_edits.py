"""What `up` changes in the rendered manifests before it applies them: namespace, image, port, autoscaler, labels. Pure."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from typing import Any

from shelterctl.adapters.kube.api import Json
from shelterctl.core.deploy.stack import StackOptions

#: The namespace that the manifests name. Others derive from it: `shelter-db` becomes `<namespace>-db`.
MANIFEST_NAMESPACE = "shelter"
MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "shelterctl"
APP_IMAGE = "shelter-app"

#: What must be there before what: the rest follows in the order of the manifests.
_FIRST = ("Namespace", "ResourceQuota", "LimitRange", "ServiceAccount", "Secret", "ConfigMap", "NetworkPolicy", "Service")
_LAST = ("StatefulSet", "Deployment", "HorizontalPodAutoscaler")


def is_managed(item: Json) -> bool:
    """Whether shelterctl made the object."""
    return (item["metadata"].get("labels") or {}).get(MANAGED_BY) == MANAGER


def edit(documents: Iterable[Json], options: StackOptions, namespace: str) -> tuple[dict[str, Any], ...]:
    """The documents as they are to be applied, in the order of application.

    Labels go on the objects only, never into a pod template: a template that differs from run to run would restart every pod.
    """
    edited = [copy.deepcopy(dict(document)) for document in documents]
    for document in edited:
        _rename(document, namespace)
        document["metadata"].setdefault("labels", {})[MANAGED_BY] = MANAGER
        _set_image(document, options.image)
        if document["kind"] == "Service" and options.node_port is not None:
            _set_node_port(document, options.node_port)
        if document["kind"] == "HorizontalPodAutoscaler":
            _set_autoscaler(document, options)
        if document["kind"] == "Deployment" and options.replicas is not None:
            document["spec"]["replicas"] = options.replicas
    if options.replicas is not None:
        edited = [document for document in edited if document["kind"] != "HorizontalPodAutoscaler"]
    return tuple(sorted(edited, key=_order))


def namespaces(documents: Iterable[Json]) -> tuple[str, ...]:
    """The namespaces that the documents live in, in order of appearance."""
    found = [d["metadata"]["name"] if d["kind"] == "Namespace" else d["metadata"].get("namespace") for d in documents]
    return tuple(dict.fromkeys(name for name in found if name))


def images(documents: Iterable[Json]) -> tuple[str, ...]:
    """Every image that the documents' pods start."""
    found = [
        container["image"]
        for document in documents
        if (template := _template(document)) is not None
        for key in ("initContainers", "containers")
        for container in template["spec"].get(key) or ()
    ]
    return tuple(dict.fromkeys(found))


def _order(document: Json) -> tuple[int, int]:
    kind = document["kind"]
    if kind in _FIRST:
        return (0, _FIRST.index(kind))
    return (2, _LAST.index(kind)) if kind in _LAST else (1, 0)


def _template(document: Json) -> Any:
    return (document.get("spec") or {}).get("template") if document["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Job") else None


def _rename(document: dict[str, Any], namespace: str) -> None:
    if namespace == MANIFEST_NAMESPACE:
        return
    metadata = document["metadata"]
    if document["kind"] == "Namespace":
        metadata["name"] = _renamed(metadata["name"], namespace)
    if "namespace" in metadata:
        metadata["namespace"] = _renamed(metadata["namespace"], namespace)
    _rename_selectors(document.get("spec"), namespace)
    if document["kind"] == "ConfigMap":
        # A host in another namespace: mongodb.shelter-db, mongodb-0.mongodb.shelter-db.svc.
        pattern = re.compile(rf"(?<=\.){MANIFEST_NAMESPACE}(-db)?(?=$|[.:,/])")
        document["data"] = {
            key: pattern.sub(lambda found: _renamed(found.group(0), namespace), value) if "HOST" in key else value
            for key, value in (document.get("data") or {}).items()
        }


def _rename_selectors(node: Any, namespace: str) -> None:
    if isinstance(node, dict):
        labels = (node.get("namespaceSelector") or {}).get("matchLabels") or {}
        name = labels.get("kubernetes.io/metadata.name")
        if name:
            labels["kubernetes.io/metadata.name"] = _renamed(name, namespace)
        for value in node.values():
            _rename_selectors(value, namespace)
    elif isinstance(node, list):
        for value in node:
            _rename_selectors(value, namespace)


def _renamed(name: str, namespace: str) -> str:
    if name == MANIFEST_NAMESPACE or name.startswith(f"{MANIFEST_NAMESPACE}-"):
        return namespace + name.removeprefix(MANIFEST_NAMESPACE)
    return name


def _set_image(document: Json, image: str) -> None:
    template = _template(document)
    for container in (template or {}).get("spec", {}).get("containers") or ():
        if container["image"].rpartition(":")[0] == APP_IMAGE:
            container["image"] = image


def _set_node_port(document: Json, node_port: int) -> None:
    for port in document["spec"].get("ports") or ():
        if "nodePort" in port:
            port["nodePort"] = node_port


def _set_autoscaler(document: Json, options: StackOptions) -> None:
    spec = document["spec"]
    if options.minimum is not None:
        spec["minReplicas"] = options.minimum
        spec["maxReplicas"] = max(spec["maxReplicas"], options.minimum) if options.maximum is None else options.maximum
    if options.maximum is not None:
        spec["maxReplicas"] = options.maximum
        spec["minReplicas"] = min(spec.get("minReplicas") or 1, options.maximum)
    if options.cpu_target_percent is not None:
        for metric in spec.get("metrics") or ():
            if metric.get("type") == "Resource" and metric["resource"]["name"] == "cpu":
                metric["resource"]["target"]["averageUtilization"] = options.cpu_target_percent
