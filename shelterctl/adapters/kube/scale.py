"""The number of pods between two owners: a new workload starts at its autoscaler's minimum, a fixed number is handed over whole."""

from __future__ import annotations

from collections.abc import Iterable

from shelterctl.adapters.kube.api import Json, KubeApi
from shelterctl.adapters.kube.manifest_edits import MANAGER
from shelterctl.core.deploy.stack import Change, ObjectChange

#: Not the manager that applies: it must not own the number of replicas, or the next apply would take it away from the autoscaler.
FIELD_MANAGER = "shelterctl-minimum"


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
