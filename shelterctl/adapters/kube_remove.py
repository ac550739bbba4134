"""Takes the stack down: what `up` made goes, claims and Secrets stay unless the data are to go too."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from shelterctl.adapters import kube_apply, kube_records, manifest_edits
from shelterctl.adapters.kube_api import Json, KubeApi
from shelterctl.core.stack import RemovalReport
from shelterctl.errors import WaitTimeout

_POLL_S = 0.3
#: A Helm chart's MongoDB has the same name label as ours, and its data are not ours to delete; every chart's parts name an instance.
_COMPONENT, _INSTANCE = "app.kubernetes.io/component", "app.kubernetes.io/instance"
_COMPONENTS = ("web", "database")
#: The pods and claims of the stack; a claim inherits the labels of its StatefulSet's selector.
PARTS = f"{kube_records.NAME_LABEL} in ({', '.join(kube_records.ROLES)}),{_COMPONENT} in ({', '.join(_COMPONENTS)}),!{_INSTANCE}"
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
#: Two apart from each other: the pods' grace period, and what the API needs after it.
PODS_GONE_TIMEOUT_S = 120.0


def remove(api: KubeApi, namespaces: Sequence[str], *, delete_data: bool) -> Iterator[str | RemovalReport]:
    """Deletes, then waits until the pods (and with `delete_data` the claims and namespaces) are gone; the report comes last.

    A namespace goes only where nothing of anybody else's is left in it. Raises WaitTimeout where something does not end.
    """
    doomed = kube_apply.managed_objects(api, namespaces)
    kept = _data(api, namespaces)
    removed = [_named(item) for item in doomed]
    for item in doomed:
        kube_apply.delete(api, item)
    yield from _until_gone(api, namespaces, doomed)
    if delete_data:
        for item in kept:
            kube_apply.delete(api, item)
            removed.append(_named(item))
        kept = []
        spaces = []
        for name in namespaces:
            space = api.get_or_none(f"/api/v1/namespaces/{name}")
            if space is None or not manifest_edits.is_managed(space):
                continue
            stranger = _stranger(api, name)
            if stranger:
                yield f"namespace {name} stays: it holds {stranger}, which is not of shelterctl's making"
                kept.append({**space, "apiVersion": "v1", "kind": "Namespace"})
            else:
                spaces.append(space)
        for space in spaces:
            item = {**space, "apiVersion": "v1", "kind": "Namespace"}
            kube_apply.delete(api, item)
            removed.append(_named(item))
        yield from _until(
            lambda: [s["metadata"]["name"] for s in spaces if api.get_or_none(f"/api/v1/namespaces/{s['metadata']['name']}")], "namespace"
        )
    yield RemovalReport(tuple(removed), tuple(_named(item) for item in kept))


def _data(api: KubeApi, namespaces: Sequence[str]) -> list[Json]:
    found: list[Json] = []
    for namespace in namespaces:
        for kind, plural, query in (
            ("PersistentVolumeClaim", "persistentvolumeclaims", PARTS),
            ("Secret", "secrets", kube_apply.SELECTOR),
        ):
            items = api.items(f"/api/v1/namespaces/{namespace}/{plural}", {"labelSelector": query})
            found += [{**item, "apiVersion": "v1", "kind": kind} for item in items]
    return found


def _stranger(api: KubeApi, namespace: str) -> str:
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
    named = labels.get(kube_records.NAME_LABEL) in kube_records.ROLES and labels.get(_COMPONENT) in _COMPONENTS
    return named and _INSTANCE not in labels


def _named(item: Json) -> str:
    return kube_apply.label(item)


def _until_gone(api: KubeApi, namespaces: Sequence[str], doomed: Sequence[Json]) -> Iterator[str]:
    if not any(item["kind"] in ("Deployment", "StatefulSet") for item in doomed):
        return

    def left() -> list[str]:
        pods = [p for n in namespaces for p in api.items(f"/api/v1/namespaces/{n}/pods", {"labelSelector": PARTS})]
        return [pod["metadata"]["name"] for pod in pods]

    yield from _until(left, "pod")


def _until(left: object, what: str) -> Iterator[str]:
    assert callable(left)
    deadline = time.monotonic() + PODS_GONE_TIMEOUT_S
    last = None
    while names := left():
        if time.monotonic() > deadline:
            raise WaitTimeout(
                f"{what} {', '.join(names)} did not end within {PODS_GONE_TIMEOUT_S:.0f} s",
                why="something holds it (a finalizer, a node that does not answer)",
                next_command=f"kubectl describe {what} {names[0]}   then: shelterctl down",
            )
        if names != last:
            yield f"waiting for {what} {', '.join(names)} to end"
            last = names
        time.sleep(_POLL_S)
