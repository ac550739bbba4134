"""What others have in the stack's namespaces: it is neither cut off nor deleted unasked."""

from __future__ import annotations

from collections.abc import Iterable

from shelterctl.adapters.kube import manifest_edits, records
from shelterctl.adapters.kube.api import Json, KubeApi

#: A Helm chart's MongoDB has the same name label as ours, and its data are not ours to delete; every chart's parts name an instance.
_COMPONENT, _INSTANCE = "app.kubernetes.io/component", "app.kubernetes.io/instance"
_COMPONENTS = ("web", "database")
#: The pods and claims of the stack; a claim inherits the labels of its StatefulSet's selector.
PARTS = f"{records.NAME_LABEL} in ({', '.join(records.ROLES)}),{_COMPONENT} in ({', '.join(_COMPONENTS)}),!{_INSTANCE}"
#: What somebody would miss if the namespace went.
_HELD_BY_OTHERS = (
    ("/api/v1/namespaces/{}/persistentvolumeclaims", "PersistentVolumeClaim"),
    ("/apis/apps/v1/namespaces/{}/deployments", "Deployment"),
    ("/apis/apps/v1/namespaces/{}/statefulsets", "StatefulSet"),
    ("/apis/apps/v1/namespaces/{}/daemonsets", "DaemonSet"),
    ("/apis/batch/v1/namespaces/{}/jobs", "Job"),
    ("/apis/batch/v1/namespaces/{}/cronjobs", "CronJob"),
    ("/api/v1/namespaces/{}/pods", "Pod"),
    ("/api/v1/namespaces/{}/secrets", "Secret"),
    ("/api/v1/namespaces/{}/configmaps", "ConfigMap"),
    ("/api/v1/namespaces/{}/services", "Service"),
)


def pods_of_others(api: KubeApi, documents: Iterable[Json]) -> tuple[str, ...]:
    """`namespace/pod` of what runs in the documents' namespaces and is no part of the stack.

    A namespace that shelterctl made is left out: whoever runs something there has chosen to.
    """
    found: list[str] = []
    for name in manifest_edits.namespaces(documents):
        space = api.get_or_none(f"/api/v1/namespaces/{name}")
        if space is None or manifest_edits.is_managed(space):
            continue
        for pod in api.items(f"/api/v1/namespaces/{name}/pods"):
            over = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
            if not over and not _is_part(pod["metadata"].get("labels") or {}):
                found.append(f"{name}/{pod['metadata']['name']}")
    return tuple(found)


def held_by_others(api: KubeApi, namespace: str) -> str:
    """One object in the namespace that `up` did not make and that would go with it, as `kind/name`; empty where there is none."""
    for path, kind in _HELD_BY_OTHERS:
        for item in api.items(path.format(namespace)):
            if "deletionTimestamp" not in item["metadata"] and is_strangers({**item, "kind": kind}):
                return f"{kind.lower()}/{item['metadata']['name']}"
    return ""


def is_strangers(item: Json) -> bool:
    """Whether an object was made by somebody else than shelterctl or Kubernetes itself."""
    meta, kind = item["metadata"], item["kind"]
    if manifest_edits.is_managed(item) or meta.get("ownerReferences"):
        return False
    if kind in ("PersistentVolumeClaim", "Pod") and _is_part(meta.get("labels") or {}):
        return False
    made_by_kubernetes = {"ConfigMap": ("kube-root-ca.crt",), "Service": ("kubernetes",)}
    return meta["name"] not in made_by_kubernetes.get(kind, ()) and item.get("type") != "kubernetes.io/service-account-token"


def _is_part(labels: Json) -> bool:
    """What `PARTS` selects."""
    named = labels.get(records.NAME_LABEL) in records.ROLES and labels.get(_COMPONENT) in _COMPONENTS
    return named and _INSTANCE not in labels
