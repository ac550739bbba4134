"""The Target port for a user's own stack: their objects, their names, their namespaces. Nothing is pruned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property

from shelterctl.adapters.kube import apply, remove, scale
from shelterctl.adapters.kube.api import Json, KubeApi
from shelterctl.adapters.kube.cluster import KubernetesCluster, refuse_options_of_others
from shelterctl.adapters.kube.look.endpoint import Served, Way
from shelterctl.adapters.kube.own import documents as own_documents
from shelterctl.adapters.kube.own import generated
from shelterctl.adapters.kube.own.whose import made_by_hand, made_here
from shelterctl.core.deploy.stack import ApplyReport, Change, ObjectChange, RemovalReport, StackOptions, StackPlan
from shelterctl.core.stack import engines
from shelterctl.core.stack.findings import blocking
from shelterctl.core.stack.model import StackFinding
from shelterctl.core.stack.provable import keeps_from_deploying
from shelterctl.core.stack.questions import unanswered
from shelterctl.core.stack.stack import Stack
from shelterctl.core.state import Pod, Role, StackState
from shelterctl.errors import ApiRejected, Refused, UsageError

_PULL_SECRETS = "app.kubernetes.io/managed-by=shelterctl,app.kubernetes.io/component=pull-secret"
_NEVER = frozenset({"Namespace", "PersistentVolume", "PersistentVolumeClaim"})


class OwnCluster(KubernetesCluster):
    """The stack that somebody else wrote. `read` gives it when it is needed: most of what is asked of a cluster can do without.

    With `insist` a stack with faults is deployed all the same.
    """

    def __init__(self, api: KubeApi, read: Callable[[], Stack], *, insist: bool = False, way: Way | None = None) -> None:
        self._read = read
        self._insist = insist
        found = replace(way or Way(), served=self._served)
        super().__init__(api, "", lambda: (_ for _ in ()).throw(UsageError("this stack has no overlays")), found)
        del self.namespace

    @cached_property
    def stack(self) -> Stack:
        return self._read()

    @cached_property
    def namespace(self) -> str:  # type: ignore[override]
        return self.stack.namespaces[0] if self.stack.namespaces else "default"

    def namespaces(self) -> tuple[str, ...]:
        return self.stack.namespaces or (self.namespace,)

    def watched(self) -> tuple[str, ...]:
        return self.namespaces()

    def _served(self) -> Served:
        """The Service that `inspect` names, with the port that its owner named."""
        service = self.stack.app_service
        return Served(service.name, self.stack.app_port) if service is not None else Served()

    def role(self, item: Json) -> Role | None:
        """By name for a workload, by labels for a pod, by its selector for a Service."""
        spec, meta = item.get("spec") or {}, item["metadata"]
        roles = self.stack.roles
        for workload, role in ((roles.app, Role.APP), (roles.database, Role.DATABASE)):
            if workload is None or meta.get("namespace") != workload.namespace:
                continue
            if "containers" in spec:
                if workload.selector.items() <= (meta.get("labels") or {}).items():
                    return role
            elif "template" in spec:
                if meta["name"] == workload.name:
                    return role
            elif "scaleTargetRef" not in spec and spec.get("selector") and spec["selector"].items() <= workload.labels.items():
                return role
        return Role.OTHER if self._is_other(item) else None

    def _is_other(self, item: Json) -> bool:
        """Whether it is a workload beside the application and the database, or a pod of one."""
        spec, meta = item.get("spec") or {}, item["metadata"]
        others = [w for w in (*self.stack.roles.front_ends, *self.stack.roles.others) if w.kind in ("Deployment", "StatefulSet")]
        here = [workload for workload in others if workload.namespace == meta.get("namespace")]
        if "containers" in spec:
            return any(workload.selector.items() <= (meta.get("labels") or {}).items() for workload in here)
        return "template" in spec and any(workload.name == meta["name"] for workload in here)

    def plan(self, options: StackOptions) -> StackPlan:
        """Raises Refused for a fault with which the stack cannot work, before anything is built or applied."""
        refuse_options_of_others(options)
        told = self._faults()
        documents, edits = own_documents.edited(self.stack, options)
        autoscaled = self.stack.scaler is not None and options.replicas is None
        images = tuple(image.name for image in self.stack.images if image.name)
        return StackPlan(options, images, len(documents), autoscaled, documents, (*told, *edits))

    def _faults(self) -> tuple[str, ...]:
        """What is wrong with it and does not keep it from being deployed, and what was chosen where its owner settled nothing."""
        told = [unanswered(question) for question in self.stack.questions]
        for finding in blocking(self.stack.findings):
            if not keeps_from_deploying(finding):
                told.append(f"{finding.what} ({finding.origin})")
            elif finding.code in ("secret-missing", "config-missing") and self._is_there(finding):
                continue
            elif self._insist:
                told.append(f"{finding.what} ({finding.origin}): deployed all the same, as was asked")
            else:
                raise Refused(
                    f"{finding.what} ({finding.origin})",
                    why=f"{finding.why}; nothing was built or applied" if finding.why else "nothing was built or applied",
                    next_command=f"{finding.mend}   (or: shelterctl up --yes)" if finding.mend else "shelterctl up --yes",
                )
        return tuple(told)

    def _is_there(self, finding: StackFinding) -> bool:
        """Whether the cluster has the Secret or ConfigMap that no manifest has."""
        for workload in self.stack.workloads:
            for reference in workload.needs:
                if reference.origin == finding.origin:
                    path = self.api.object_path("v1", reference.kind, workload.namespace, reference.name)
                    return self.api.get_or_none(path) is not None
        return False

    def ensure_credentials(self, plan: StackPlan, *, force: bool = False) -> tuple[tuple[str, ...], tuple[ObjectChange, ...]]:
        """The Secrets that the owner's file has generated. The namespaces come first: the rest is asked for in them."""
        spaces = [document for document in plan.documents if document["kind"] == "Namespace"]
        self._need_namespaces(plan.documents, spaces)
        ahead = tuple(apply.apply_document(self.api, document, dry_run=False, force=force) for document in spaces)
        return generated.ensure(self.api, self.stack, self._database_claims), ahead

    def _database_claims(self, namespace: str) -> list[str]:
        """The claims that the database's pods mount, or would mount again, as far as they are there."""
        database = self.stack.roles.database
        if database is None or database.namespace != namespace:
            return []
        named = {volume.source for volume in database.volumes if volume.kind == "claim"}
        stems = {f"{template}-{database.name}" for template in database.claim_templates}
        there = [item["metadata"]["name"] for item in self.api.items(f"/api/v1/namespaces/{namespace}/persistentvolumeclaims")]
        return [name for name in there if name in named or name.rpartition("-")[0] in stems]

    def apply(self, plan: StackPlan, *, dry_run: bool = False, force: bool = False) -> ApplyReport:
        documents: Sequence[Json] = plan.documents if plan.options.replicas is not None else self._without_scaled_replicas(plan.documents)
        rehearsed: Sequence[apply.Rehearsed] = ()
        if not dry_run:
            rehearsed = apply.rehearse(self.api, documents, force=force, origin=self._origin)
            scale.keep_replicas(self.api, documents)
        changes = apply.apply_all(self.api, documents, dry_run=dry_run, force=force, rehearsed=rehearsed)
        if plan.options.replicas is not None:
            changes += self._without_scaler(dry_run=dry_run)
        return ApplyReport(tuple(changes))

    def _without_scaler(self, *, dry_run: bool) -> list[ObjectChange]:
        """A fixed number of pods and an HPA would undo each other: the stack's own goes. Raises Refused for one that others made."""
        scaler = self.stack.scaler
        if scaler is None:
            return []
        item = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"}
        found = self.api.get_or_none(self.api.object_path(item["apiVersion"], item["kind"], scaler.namespace, scaler.name))
        if found is None:
            return []
        if not made_here(found):
            raise Refused(
                f"HPA {scaler.name} scales the application, and others made it: a fixed number would not last",
                next_command=f"kubectl -n {scaler.namespace} delete hpa {scaler.name}",
            )
        apply.delete(self.api, {**found, **item}, dry_run=dry_run)
        return [ObjectChange(f"horizontalpodautoscaler/{scaler.name}", scaler.namespace, Change.PRUNED)]

    def prune_superseded(self, plan: StackPlan) -> ApplyReport:  # noqa: ARG002 - a target's method
        return ApplyReport(())

    def state(self, *, warnings_since_s: float = 0.0, with_usage: bool = True) -> StackState:
        found = super().state(warnings_since_s=warnings_since_s, with_usage=with_usage)
        # A namespace may hold claims of others, and some that nobody mounts.
        found = replace(found, pods=tuple(self._with_data_path(pod) for pod in found.pods))
        used = {(pod.namespace, claim) for pod in found.pods for claim in pod.claims}
        return replace(found, claims=tuple(claim for claim in found.claims if (claim.namespace, claim.name) in used))

    def _with_data_path(self, pod: Pod) -> Pod:
        """An image of the stack's own keeps its data where the image that it is built from does."""
        engine, database = self.stack.roles.engine, self.stack.roles.database
        if pod.role is not Role.DATABASE or engine is None or database is None:
            return pod
        written = {c.name: c for c in database.containers}
        containers = []
        for running in pod.containers:
            container, build = written.get(running.name), self.stack.built.get(running.image)
            # What its arguments name is another folder, or one that a file names.
            if container is not None and build is not None and not engines.ELSEWHERE.search(" ".join(container.command)):
                known = engines.is_official(build.base) or engines.installed(build) is not None
                if known and (not running.data_path or build.data_path):
                    running = replace(running, data_path=engines.data_path(engine, container, build))
            containers.append(running)
        return replace(pod, containers=tuple(containers))

    def remove(self, *, delete_data: bool) -> Iterator[str | RemovalReport]:
        """What `up` made goes. Claims go with `delete_data`; namespaces, volumes and what others made stay."""
        documents, _ = own_documents.edited(self.stack, StackOptions("", ""))
        removed: list[str] = []
        kept: list[str] = []
        for document in reversed(documents):
            found = self.api.get_or_none(apply.path_of(self.api, document))
            if found is None:
                continue
            item = {**found, "apiVersion": document["apiVersion"], "kind": document["kind"]}
            if not made_here(found):
                kept.append(apply.label(item))
            elif document["kind"] in _NEVER:
                kept.extend([apply.label(item)] if not (delete_data and document["kind"] == "PersistentVolumeClaim") else [])
            else:
                apply.delete(self.api, item)
                removed.append(apply.label(item))
        for namespace in self.namespaces():
            # Made for pulling images, on request: no manifest has it.
            for found_secret in self.api.items(f"/api/v1/namespaces/{namespace}/secrets", {"labelSelector": _PULL_SECRETS}):
                if made_here(found_secret) and not self._is_pulled_with(namespace, found_secret["metadata"]["name"]):
                    apply.delete(self.api, {**found_secret, "apiVersion": "v1", "kind": "Secret"})
                    removed.append(f"secret/{found_secret['metadata']['name']}")
        yield from remove.until_none(self._pods_of_workloads_gone, "pod")
        for told, found_there in zip((removed, kept), generated.remove(self.api, self.stack, delete_data=delete_data), strict=True):
            told.extend(found_there)
        in_use = self._claims_in_use()
        for claim in self._claims(documents):
            # What is kept goes on with its data: a claim of a StatefulSet of somebody else's is not taken from under it.
            if delete_data and (claim["metadata"]["namespace"], claim["metadata"]["name"]) not in in_use:
                apply.delete(self.api, claim)
                removed.append(apply.label(claim))
            elif apply.label(claim) not in kept:
                kept.append(apply.label(claim))
        yield RemovalReport(tuple(removed), tuple(kept))

    def _is_pulled_with(self, namespace: str, secret: str) -> bool:
        """Whether a workload that stays, of another stack, names the pull Secret."""
        left = [item for kind in ("deployments", "statefulsets") for item in self.api.items(f"/apis/apps/v1/namespaces/{namespace}/{kind}")]
        templates = (item["spec"]["template"]["spec"] for item in left if "deletionTimestamp" not in item["metadata"])
        return any(named.get("name") == secret for pod in templates for named in pod.get("imagePullSecrets") or ())

    def _claims_in_use(self) -> set[tuple[str, str]]:
        """The claims that pods mount which are still there."""
        found = set()
        for namespace in self.namespaces():
            for pod in self.api.items(f"/api/v1/namespaces/{namespace}/pods"):
                for volume in (pod.get("spec") or {}).get("volumes") or ():
                    if claim := (volume.get("persistentVolumeClaim") or {}).get("claimName"):
                        found.add((namespace, str(claim)))
        return found

    def _claims(self, documents: Iterable[Json]) -> Iterator[Json]:
        """The claims of the stack that `up` made, and those that its StatefulSets made from their templates."""
        for document in documents:
            if document["kind"] == "PersistentVolumeClaim":
                found = self.api.get_or_none(apply.path_of(self.api, document))
                if found is not None and made_here(found):
                    yield {**found, "apiVersion": "v1", "kind": "PersistentVolumeClaim"}
        for workload in self.stack.workloads:
            for template in workload.claim_templates:
                for item in self.api.items(f"/api/v1/namespaces/{workload.namespace}/persistentvolumeclaims"):
                    name = item["metadata"]["name"]
                    stem, _, ordinal = name.rpartition("-")
                    if stem == f"{template}-{workload.name}" and ordinal.isdigit() and not made_by_hand(item):
                        yield {**item, "apiVersion": "v1", "kind": "PersistentVolumeClaim"}

    def _pods_of_workloads_gone(self) -> list[str]:
        found = []
        for workload in self.stack.workloads:
            path = self.api.object_path("v1" if workload.kind == "Pod" else "apps/v1", workload.kind, workload.namespace, workload.name)
            if self.api.get_or_none(path) is None:
                pods = self.api.items(f"/api/v1/namespaces/{workload.namespace}/pods")
                chosen = [p for p in pods if workload.selector.items() <= (p["metadata"].get("labels") or {}).items()]
                found += [pod["metadata"]["name"] for pod in chosen]
        return found

    def _without_scaled_replicas(self, documents: Iterable[Json]) -> list[Json]:
        """The number of pods of what an HPA scales is the HPA's, once it is there: an apply would set it back under a load."""
        scaled = {(scaler.namespace, scaler.target) for scaler in self.stack.scalers}
        found: list[Json] = []
        for document in documents:
            name = (document["metadata"].get("namespace", ""), f"{document['kind']}/{document['metadata'].get('name')}")
            fixed = name in scaled and "replicas" in (document.get("spec") or {})
            if fixed and self.api.get_or_none(apply.path_of(self.api, document)) is not None:
                found.append({**document, "spec": {key: value for key, value in document["spec"].items() if key != "replicas"}})
            else:
                found.append(document)
        return found

    def _need_namespaces(self, documents: Iterable[Json], spaces: Sequence[Json]) -> None:
        """Raises ApiRejected for a namespace that the objects name, nobody makes and that is not there."""
        users = {str(d["metadata"].get("namespace") or ""): apply.label(d) for d in documents}
        for name in users.keys() - {space["metadata"]["name"] for space in spaces} - {""}:
            if self.api.get_or_none(f"/api/v1/namespaces/{name}") is None:
                raise ApiRejected(
                    f"namespace {name} is not there, and no manifest makes it",
                    why=f"objects of the stack name it: {users[name]}",
                    next_command=f"kubectl create namespace {name}",
                )

    def _origin(self, document: Json) -> str:
        found = self.stack.manifests.find(document["kind"], document["metadata"]["name"])
        return str(found.at("metadata", "name")) if found is not None else ""
