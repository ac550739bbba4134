"""Server-side apply as the field manager `shelterctl`, pruning by label, and what changed, as diffs without secrets."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import yaml

from shelterctl.adapters.kube import manifest_edits
from shelterctl.adapters.kube.api import Json, KubeApi, parallel
from shelterctl.adapters.kube.shown import without_secrets
from shelterctl.core.deploy.stack import Change, ObjectChange
from shelterctl.errors import ApiRejected

FIELD_MANAGER = "shelterctl"
SELECTOR = f"{manifest_edits.MANAGED_BY}={manifest_edits.MANAGER}"
#: What pruning looks through. Claims, Secrets and Namespaces are never in it.
PRUNED_KINDS = (
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("policy/v1", "PodDisruptionBudget"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("v1", "Service"),
    ("v1", "ConfigMap"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("v1", "ServiceAccount"),
    ("v1", "ResourceQuota"),
    ("v1", "LimitRange"),
)
#: A new namespace's objects may be refused for a moment, until its own service account and caches are there.
SETTLE_S = 10.0
#: A quota's first status takes some tenths of a second.
QUOTA_TIMEOUT_S = 5.0
#: The API server's default range, from the first number that no example has.
_NODE_PORTS = (*range(30301, 32768), *range(30000, 30301))


def label(document: Json) -> str:
    """`kind/name` as users write it."""
    return f"{str(document['kind']).lower()}/{document['metadata']['name']}"


def path_of(api: KubeApi, document: Json) -> str:
    meta = document["metadata"]
    return api.object_path(document["apiVersion"], document["kind"], meta.get("namespace"), meta["name"])


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What applying an object would do. `needed` is False where nothing would change, not even whose its fields are."""

    change: ObjectChange
    needed: bool


def rehearse(
    api: KubeApi, documents: Sequence[Json], *, force: bool, origin: Callable[[Json], str], there: Iterable[Json] = ()
) -> list[Rehearsed]:
    """Asks the API server for every object whether it would take it, before the first is applied: a stack is there whole or not at all.

    `origin` names the file and the document that an object comes from; `there` are objects as they were listed a moment ago. Raises
    ApiRejected for the first that was refused, with the others.
    """
    known = {_key(item): item for item in there}

    def one(document: Json) -> Rehearsed | ApiRejected:
        try:
            before, after = _asked(api, document, dry_run=True, force=force, known=known.get(_key(document)))
        except ApiRejected as error:
            return error
        change = _change(document, before, after)
        return Rehearsed(change, change.change is not Change.UNCHANGED or _owners(before) != _owners(after))

    answers = parallel([partial(one, document) for document in documents])
    refused = [(document, answer) for document, answer in zip(documents, answers, strict=True) if isinstance(answer, ApiRejected)]
    if refused:
        document, error = refused[0]
        others = [f"{answer.what}{_from(answer, origin(document))}: {answer.why}" for document, answer in refused[1:]]
        raise ApiRejected(
            f"{error.what}{_from(error, origin(document))}", status=error.status, reason=error.reason,
            why=f"{error.why}; none of the {len(documents)} objects was applied", next_command=error.next_command,
            details=(*error.details, *others),
        )  # fmt: skip
    return [answer for answer in answers if isinstance(answer, Rehearsed)]


def _key(item: Json) -> tuple[str, str, str, str]:
    meta = item["metadata"]
    return item["apiVersion"], item["kind"], meta.get("namespace", ""), meta["name"]


def _from(error: ApiRejected, origin: str) -> str:
    """The file, where its content is the matter: for a port or a field that is somebody else's it is not."""
    return f" ({origin})" if origin and error.what.startswith("the API server refused") else ""


def _owners(document: Json | None) -> list[Json]:
    """Whose the fields are, without when that was written."""
    entries = ((document or {}).get("metadata") or {}).get("managedFields") or ()
    own = [{key: value for key, value in entry.items() if key != "time"} for entry in entries if entry.get("manager") == FIELD_MANAGER]
    return sorted(own, key=str)


def apply_document(api: KubeApi, document: Json, *, dry_run: bool, force: bool) -> ObjectChange:
    """Applies one object. Raises ApiRejected, with the fields and their owners on a conflict."""
    return _change(document, *_asked(api, document, dry_run=dry_run, force=force))


def _asked(api: KubeApi, document: Json, *, dry_run: bool, force: bool, known: Json | None = None) -> tuple[Json | None, Json]:
    """The object before and after."""
    path = path_of(api, document)
    before = known if known is not None else api.get_or_none(path)
    if before is not None and document["kind"] == "Namespace" and "deletionTimestamp" in before["metadata"]:
        # It still takes what is in it already, and refuses what is new: half a stack, which is about to go.
        raise terminating(document["metadata"]["name"])
    query = {"fieldManager": FIELD_MANAGER, "force": "true" if force else "false"}
    if dry_run:
        query["dryRun"] = "All"
    return before, _patch(api, path, query, document)


def _change(document: Json, before: Json | None, after: Json) -> ObjectChange:
    namespace = document["metadata"].get("namespace", "")
    if before is None:
        return ObjectChange(label(document), namespace, Change.CREATED, _diff({}, after, label(document)))
    diff = _diff(before, after, label(document))
    return ObjectChange(label(document), namespace, Change.CHANGED if diff else Change.UNCHANGED, diff)


def _patch(api: KubeApi, path: str, query: dict[str, str], document: Json) -> Json:
    deadline = time.monotonic() + SETTLE_S
    while True:
        try:
            return api.request("PATCH", path, query=query, body=document, content_type="application/apply-patch+yaml")
        except ApiRejected as error:
            if error.status == 404 and "not found" in error.why and time.monotonic() < deadline and "dryRun" not in query:
                time.sleep(0.2)
                continue
            raise explained(error, document, lambda: _services(api)) from error


def _services(api: KubeApi) -> list[Json]:
    """Every Service of the cluster; none where they may not be listed."""
    try:
        return api.items("/api/v1/services")
    except ApiRejected:
        return []


def terminating(namespace: str, error: ApiRejected | None = None) -> ApiRejected:
    """The error for a namespace that is going."""
    return ApiRejected(
        f"namespace {namespace} is terminating: nothing can be made in it",
        status=error.status if error else 403,
        reason=error.reason if error else "Forbidden",
        why=error.why if error else "it was deleted, and is gone when everything in it is",
        next_command=f"kubectl wait --for=delete namespace/{namespace} --timeout=120s",
    )


def explained(error: ApiRejected, document: Json, services: Callable[[], Sequence[Json]]) -> ApiRejected:
    """The error for an object that was refused, with its name and, where one is known, the way out.

    `services` are those of the whole cluster, asked for where a port is somebody else's.
    """
    subject = label(document)
    namespace = document["metadata"].get("namespace", "")
    if error.status == 409 and "conflict" in error.why.lower():
        return ApiRejected(
            f"{subject}: others have set fields that the manifests set too", status=409, reason=error.reason, why=error.why,
            details=error.details, next_command="shelterctl up --force-conflicts   (takes the fields over)",
        )  # fmt: skip
    if "is being terminated" in error.why:
        return terminating(namespace, error)
    if "port is already allocated" in error.why:
        return _port_taken(error, document, services())
    return ApiRejected(
        f"the API server refused {subject}", status=error.status, reason=error.reason, why=error.why, details=error.details,
        next_command="mend it there, and see with: shelterctl up --dry-run",
    )  # fmt: skip


def _port_taken(error: ApiRejected, document: Json, services: Sequence[Json]) -> ApiRejected:
    """Whose the node port is, and one that nobody has."""
    own = (document["metadata"].get("namespace", ""), document["metadata"]["name"])
    taken: dict[int, tuple[str, str]] = {}
    for service in services:
        has = (service["metadata"].get("namespace", ""), service["metadata"]["name"])
        spec = service.get("spec") or {}
        ports = [*(port.get("nodePort") for port in spec.get("ports") or ()), spec.get("healthCheckNodePort")]
        taken |= {port: has for port in ports if port and has != own}
    wanted = [port["nodePort"] for port in document["spec"].get("ports") or () if port.get("nodePort")]
    found = next((port for port in wanted if port in taken), None)
    free = next(port for port in _NODE_PORTS if port not in {*taken, *wanted})
    if found is None:
        what, look = "its node port is taken by another Service", "   (kubectl get services -A shows who has it)"
    else:
        namespace, name = taken[found]
        what, look = f"its node port {found} is taken by Service {name} in namespace {namespace}", ""
    return ApiRejected(
        f"{label(document)}: {what}", status=error.status, reason=error.reason, why=error.why,
        next_command=f"shelterctl up --node-port {free}{look}",
    )  # fmt: skip


def apply_all(
    api: KubeApi, documents: Sequence[Json], *, dry_run: bool, force: bool, rehearsed: Sequence[Rehearsed] = ()
) -> list[ObjectChange]:
    """Applies the documents, each group (namespaces; what pods need; what starts pods) when the one before is there.

    What a rehearsal found to be as it should be is left alone. On a dry run, an object in a namespace that does not exist yet cannot be
    asked for: it is reported as created.
    """
    settled = {id(d): r.change for d, r in zip(documents, rehearsed, strict=True) if not r.needed} if rehearsed else {}
    groups: dict[int, list[Json]] = {}
    for document in documents:
        groups.setdefault(_stage(document), []).append(document)
    changes: list[ObjectChange] = []
    absent = set()
    if dry_run:
        absent = {n for n in manifest_edits.namespaces(documents) if api.get_or_none(f"/api/v1/namespaces/{n}") is None}
    for stage in sorted(groups):
        made = parallel([partial(_apply_or_report, api, d, absent, dry_run, force, settled.get(id(d))) for d in groups[stage]])
        if not dry_run:
            _await_quotas(api, [d for d, change in zip(groups[stage], made, strict=True) if change.change is not Change.UNCHANGED])
        changes += made
    return changes


def _await_quotas(api: KubeApi, documents: Iterable[Json]) -> None:
    """Waits until the quotas are in force: pods that are asked for before are let in, however many.

    The controller that fills in a quota's status is told of it as the admission of pods is. It is not waited for longer than it needs
    on any cluster: a quota that is late is no reason to give up.
    """
    deadline = time.monotonic() + QUOTA_TIMEOUT_S
    for quota in (d for d in documents if d["kind"] == "ResourceQuota"):
        while time.monotonic() < deadline:
            found = api.get_or_none(path_of(api, quota)) or {}
            if (found.get("status") or {}).get("hard") == (found.get("spec") or {}).get("hard"):
                break
            time.sleep(0.05)


def _stage(document: Json) -> int:
    return {"Namespace": 0, "StatefulSet": 2, "Deployment": 2, "HorizontalPodAutoscaler": 3}.get(document["kind"], 1)


def _apply_or_report(
    api: KubeApi, document: Json, absent: set[str], dry_run: bool, force: bool, settled: ObjectChange | None
) -> ObjectChange:
    if settled is not None:
        return settled
    namespace = document["metadata"].get("namespace", "")
    if namespace in absent:
        return ObjectChange(label(document), namespace, Change.CREATED, _diff({}, document, label(document)))
    return apply_document(api, document, dry_run=dry_run, force=force)


def managed_objects(api: KubeApi, namespaces: Iterable[str]) -> list[Json]:
    """Every prunable object in the namespaces that carries shelterctl's label, each with its apiVersion and kind."""

    def listed(api_version: str, kind: str, namespace: str) -> list[Json]:
        path = api.object_path(api_version, kind, namespace, None)
        found = api.items(path, {"labelSelector": SELECTOR})
        return [{**item, "apiVersion": api_version, "kind": kind} for item in found]

    tasks = [partial(listed, version, kind, namespace) for namespace in namespaces for version, kind in PRUNED_KINDS]
    return [item for items in parallel(tasks) for item in items]


def prune(api: KubeApi, documents: Iterable[Json], managed: Iterable[Json], *, dry_run: bool) -> list[ObjectChange]:
    """Deletes what an earlier `up` made and this one does not."""
    wanted = {(d["kind"], d["metadata"].get("namespace", ""), d["metadata"]["name"]) for d in documents}
    changes = []
    for item in managed:
        meta = item["metadata"]
        if (item["kind"], meta.get("namespace", ""), meta["name"]) in wanted or "deletionTimestamp" in meta:
            continue
        delete(api, item, dry_run=dry_run)
        changes.append(ObjectChange(label(item), meta.get("namespace", ""), Change.PRUNED, (f"- {label(item)}",)))
    return changes


def delete(api: KubeApi, item: Json, *, dry_run: bool = False) -> None:
    """Deletes an object, its dependents in the background; no error where it is gone."""
    body = {"propagationPolicy": "Background", **({"dryRun": ["All"]} if dry_run else {})}
    try:
        api.request("DELETE", path_of(api, item), body=body)
    except ApiRejected as error:
        if error.status != 404:
            raise


def _diff(before: Json, after: Json, name: str) -> tuple[str, ...]:
    old, new = (without_secrets(document) if document else {} for document in (before, after))
    # Writing YAML takes ten times as long as comparing, and most objects are as they were.
    if old == new:
        return ()
    before_lines, after_lines = (yaml.safe_dump(each, sort_keys=True).splitlines(keepends=True) if each else [] for each in (old, new))
    told = difflib.unified_diff(before_lines, after_lines, f"{name} (now)", f"{name} (wanted)", n=2)
    return tuple(line.rstrip("\n") for line in told)
