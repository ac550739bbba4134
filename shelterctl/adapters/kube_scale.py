"""Starts a new workload at its autoscaler's minimum, instead of at one pod until the autoscaler first looks (up to 15 s)."""

from __future__ import annotations

from collections.abc import Iterable

from shelterctl.adapters.kube_api import Json, KubeApi

#: Not the manager that applies: it must not own the number of replicas, or the next apply would take it away from the autoscaler.
FIELD_MANAGER = "shelterctl-minimum"


def raise_to_minimum(api: KubeApi, documents: Iterable[Json]) -> None:
    """Scales the target of each autoscaler in the documents up to its minimum, where it has less. Raises ApiRejected."""
    for document in documents:
        if document["kind"] != "HorizontalPodAutoscaler":
            continue
        target = document["spec"]["scaleTargetRef"]
        path = api.object_path(target["apiVersion"], target["kind"], document["metadata"]["namespace"], target["name"]) + "/scale"
        minimum = int(document["spec"].get("minReplicas") or 1)
        if int(api.get(path)["spec"].get("replicas", 0)) < minimum:
            query = {"fieldManager": FIELD_MANAGER}
            api.request("PATCH", path, query=query, body={"spec": {"replicas": minimum}}, content_type="application/merge-patch+json")
