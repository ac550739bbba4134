"""Takes the stack down: what `up` made goes, claims and Secrets stay unless the data are to go too."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from shelterctl.adapters.kube import apply, manifest_edits, others
from shelterctl.adapters.kube.api import Json, KubeApi
from shelterctl.core.deploy.stack import RemovalReport
from shelterctl.errors import WaitTimeout

_POLL_S = 0.3
#: Two apart from each other: the pods' grace period, and what the API needs after it.
PODS_GONE_TIMEOUT_S = 120.0


def remove(api: KubeApi, namespaces: Sequence[str], *, delete_data: bool) -> Iterator[str | RemovalReport]:
    """Deletes, then waits until the pods (and with `delete_data` the claims and namespaces) are gone; the report comes last.

    A namespace goes only where nothing of anybody else's is left in it. Raises WaitTimeout where something does not end.
    """
    doomed = apply.managed_objects(api, namespaces)
    kept = _data(api, namespaces)
    removed = [_named(item) for item in doomed]
    for item in doomed:
        apply.delete(api, item)
    yield from _until_gone(api, namespaces, doomed)
    if delete_data:
        for item in kept:
            apply.delete(api, item)
            removed.append(_named(item))
        kept = []
        spaces = []
        for name in namespaces:
            space = api.get_or_none(f"/api/v1/namespaces/{name}")
            if space is None or not manifest_edits.is_managed(space):
                continue
            stranger = others.held_by_others(api, name)
            if stranger:
                yield f"namespace {name} stays: it holds {stranger}, which is not of shelterctl's making"
                kept.append({**space, "apiVersion": "v1", "kind": "Namespace"})
            else:
                spaces.append(space)
        for space in spaces:
            item = {**space, "apiVersion": "v1", "kind": "Namespace"}
            apply.delete(api, item)
            removed.append(_named(item))
        yield from until_none(
            lambda: [s["metadata"]["name"] for s in spaces if api.get_or_none(f"/api/v1/namespaces/{s['metadata']['name']}")], "namespace"
        )
    yield RemovalReport(tuple(removed), tuple(_named(item) for item in kept))


def _data(api: KubeApi, namespaces: Sequence[str]) -> list[Json]:
    found: list[Json] = []
    for namespace in namespaces:
        for kind, plural, query in (
            ("PersistentVolumeClaim", "persistentvolumeclaims", others.PARTS),
            ("Secret", "secrets", apply.SELECTOR),
        ):
            items = api.items(f"/api/v1/namespaces/{namespace}/{plural}", {"labelSelector": query})
            found += [{**item, "apiVersion": "v1", "kind": kind} for item in items]
    return found


def _named(item: Json) -> str:
    return apply.label(item)


def _until_gone(api: KubeApi, namespaces: Sequence[str], doomed: Sequence[Json]) -> Iterator[str]:
    if not any(item["kind"] in ("Deployment", "StatefulSet") for item in doomed):
        return

    def left() -> list[str]:
        pods = [p for n in namespaces for p in api.items(f"/api/v1/namespaces/{n}/pods", {"labelSelector": others.PARTS})]
        return [pod["metadata"]["name"] for pod in pods]

    yield from until_none(left, "pod")


def until_none(left: Callable[[], Sequence[str]], what: str) -> Iterator[str]:
    """Waits until nothing of a kind is left, and yields what is. Raises WaitTimeout."""
    deadline = time.monotonic() + PODS_GONE_TIMEOUT_S
    last: Sequence[str] | None = None
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
