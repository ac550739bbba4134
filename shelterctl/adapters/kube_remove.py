"""Takes the stack down: what `up` made goes, claims and Secrets stay unless the data are to go too."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from shelterctl.adapters import kube_apply, kube_records, manifest_edits
from shelterctl.adapters.kube_api import Json, KubeApi
from shelterctl.core.stack import RemovalReport

_POLL_S = 0.3
#: The pods and claims of the stack; a claim inherits the labels of its StatefulSet's selector.
PARTS = f"{kube_records.NAME_LABEL} in ({', '.join(kube_records.ROLES)})"
#: Two apart from each other: the pods' grace period, and what the API needs after it.
PODS_GONE_TIMEOUT_S = 120.0


def remove(api: KubeApi, namespaces: Sequence[str], *, delete_data: bool) -> Iterator[str | RemovalReport]:
    """Deletes, then waits until the pods (and with `delete_data` the claims and namespaces) are gone; the report comes last."""
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
        spaces = [s for n in namespaces if (s := api.get_or_none(f"/api/v1/namespaces/{n}")) and _ours(s)]
        for space in spaces:
            item = {**space, "apiVersion": "v1", "kind": "Namespace"}
            kube_apply.delete(api, item)
            removed.append(_named(item))
        yield from _until(
            lambda: [s["metadata"]["name"] for s in spaces if api.get_or_none(f"/api/v1/namespaces/{s['metadata']['name']}")], "namespace"
        )
        kept = []
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


def _ours(namespace: Json) -> bool:
    return (namespace["metadata"].get("labels") or {}).get(manifest_edits.MANAGED_BY) == manifest_edits.MANAGER


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
            yield f"still there after {PODS_GONE_TIMEOUT_S:.0f} s: {what} {', '.join(names)}"
            return
        if names != last:
            yield f"waiting for {what} {', '.join(names)} to end"
            last = names
        time.sleep(_POLL_S)
