"""The number of pods between two owners: a new workload starts at its autoscaler's minimum, a fixed number is handed over whole.

And the autoscaler's own settings, written by hand as it were, with what sets them back.
"""

from __future__ import annotations

import copy
import json
import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from shelterctl.adapters.kube.api import Json, KubeApi
from shelterctl.adapters.kube.manifest_edits import MANAGER
from shelterctl.core.deploy.stack import Change, ObjectChange
from shelterctl.errors import Refused

if TYPE_CHECKING:
    from shelterctl.core.controller import ScalerSettings

#: Not the manager that applies: it must not own the number of replicas, or the next apply would take it away from the autoscaler.
FIELD_MANAGER = "shelterctl-minimum"
SETTINGS_MANAGER = "shelterctl-hpa"


def raise_to_minimum(api: KubeApi, documents: Iterable[Json]) -> list[ObjectChange]:
    """Scales the target of each autoscaler in the documents up to its minimum, where it has less; returns those. Raises ApiRejected.

    Else it would run one pod until the autoscaler first looks, up to 15 s later.
    """
    scaled = []
    for document in documents:
        if document["kind"] != "HorizontalPodAutoscaler":
            continue
        target, namespace = document["spec"]["scaleTargetRef"], document["metadata"]["namespace"]
        path = api.object_path(target["apiVersion"], target["kind"], namespace, target["name"]) + "/scale"
        minimum = int(document["spec"].get("minReplicas") or 1)
        found = int(api.get(path)["spec"].get("replicas", 0))
        if found < minimum:
            query = {"fieldManager": FIELD_MANAGER}
            api.request("PATCH", path, query=query, body={"spec": {"replicas": minimum}}, content_type="application/merge-patch+json")
            name = f"{target['kind'].lower()}/{target['name']}"
            scaled.append(ObjectChange(name, namespace, Change.CHANGED, (f"-  replicas: {found}", f"+  replicas: {minimum}")))
    return scaled


def keep_replicas(api: KubeApi, documents: Iterable[Json]) -> None:
    """Holds the number of pods of a Deployment that an earlier `up --replicas` fixed and the documents leave to an autoscaler.

    An apply that leaves out a field that only its manager owned removes it, and the API server's default for replicas is 1: the pods
    would be gone before the autoscaler looked. A second owner with the same value prevents it; the autoscaler's first change ends that
    ownership.
    """
    for document in documents:
        if document["kind"] != "Deployment" or "replicas" in document["spec"]:
            continue
        meta = document["metadata"]
        path = api.object_path(document["apiVersion"], "Deployment", meta.get("namespace"), meta["name"])
        existing = api.get_or_none(path)
        if existing is None or not _owns_replicas(existing):
            continue
        body = {
            "apiVersion": document["apiVersion"],
            "kind": "Deployment",
            "metadata": {"name": meta["name"], "namespace": meta.get("namespace")},
            "spec": {"replicas": existing["spec"]["replicas"]},
        }
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        api.request("PATCH", path, query=query, body=body, content_type="application/apply-patch+yaml")


def _owns_replicas(deployment: Json) -> bool:
    owners = deployment["metadata"].get("managedFields") or ()
    return any(o.get("manager") == MANAGER and "f:replicas" in ((o.get("fieldsV1") or {}).get("f:spec") or {}) for o in owners)


def set_settings(api: KubeApi, namespace: str, name: str, settings: ScalerSettings) -> str:
    """Patches bounds, CPU target and, where it is given, the window for scaling down. Returns the command that sets it back.

    Raises ApiRejected; Refused where the autoscaler has no CPU utilization target.
    """
    path = f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers/{name}"
    before = api.get(path)["spec"]
    patch = patched(before, settings)
    api.request("PATCH", path, query={"fieldManager": SETTINGS_MANAGER}, body={"spec": patch}, content_type="application/merge-patch+json")
    back = {"spec": {key: before.get(key) for key in patch}}
    return f"kubectl -n {namespace} patch hpa {name} --type=merge -p {shlex.quote(json.dumps(back, separators=(',', ':')))}"


def patched(spec: Json, settings: ScalerSettings) -> dict[str, Any]:
    """The fields of a merge patch: lists in it stand for the whole list. Raises Refused."""
    metrics = copy.deepcopy(list(spec.get("metrics") or ()))
    found = False
    for metric in metrics:
        resource = metric.get("resource") or {}
        if metric.get("type") == "Resource" and resource.get("name") == "cpu" and "averageUtilization" in (resource.get("target") or {}):
            resource["target"]["averageUtilization"] = settings.cpu_target_percent
            found = True
    if not found:
        raise Refused("the autoscaler has no CPU utilization target: there is nothing to set", next_command="kubectl edit hpa")
    patch: dict[str, Any] = {"minReplicas": settings.minimum, "maxReplicas": settings.maximum, "metrics": metrics}
    if settings.down_window_s is not None:
        behavior = copy.deepcopy(dict(spec.get("behavior") or {}))
        behavior["scaleDown"] = {**(behavior.get("scaleDown") or {}), "stabilizationWindowSeconds": settings.down_window_s}
        patch["behavior"] = behavior
    return patch
