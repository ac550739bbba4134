"""A stack that runs already, taken as it is: its objects are read from the cluster, nothing is built, applied or removed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from shelterctl.adapters.kube.api import Json, KubeApi, parallel
from shelterctl.adapters.kube.own.cluster import OwnCluster
from shelterctl.core.deploy.stack import ApplyReport, ObjectChange, RemovalReport, StackOptions, StackPlan
from shelterctl.core.stack.documents import Document, Manifests
from shelterctl.core.stack.told import elsewhere
from shelterctl.core.stack.told.elsewhere import Named
from shelterctl.errors import ApiRejected, Refused, UsageError

#: Where objects that make up a stack are asked for; what Kubernetes makes by itself is not among them.
_LISTS = {
    "Deployment": ("apps/v1", "/apis/apps/v1/namespaces/{}/deployments"),
    "StatefulSet": ("apps/v1", "/apis/apps/v1/namespaces/{}/statefulsets"),
    "DaemonSet": ("apps/v1", "/apis/apps/v1/namespaces/{}/daemonsets"),
    "Service": ("v1", "/api/v1/namespaces/{}/services"),
    "ConfigMap": ("v1", "/api/v1/namespaces/{}/configmaps"),
    "Secret": ("v1", "/api/v1/namespaces/{}/secrets"),
    "PersistentVolumeClaim": ("v1", "/api/v1/namespaces/{}/persistentvolumeclaims"),
    "HorizontalPodAutoscaler": ("autoscaling/v2", "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers"),
    "NetworkPolicy": ("networking.k8s.io/v1", "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies"),
}
_NOT_THE_STACKS = frozenset({"kube-root-ca.crt", "kubernetes"})
#: With a Secret that may not be read the stack is still known, but not which host a variable out of it names; with a policy, not whom it
#: lets in.
_OPTIONAL = frozenset({"Secret", "NetworkPolicy"})


def manifests(api: KubeApi, namespaces: Sequence[str]) -> Manifests:
    """The objects of the namespaces as documents. Raises UsageError where no workload is there, ApiRejected, ApiUnreachable."""
    documents = _documents(api, namespaces)
    if not any(document.kind in ("Deployment", "StatefulSet") for document in documents):
        where = ", ".join(namespaces)
        raise UsageError(
            f"nothing runs in namespace {where} that could be taken as it is",
            why="it has neither a Deployment nor a StatefulSet",
            next_command="shelterctl up --no-adopt   (or look: kubectl get deployments,statefulsets --all-namespaces)",
        )
    return Manifests(documents)


def _documents(api: KubeApi, namespaces: Sequence[str]) -> tuple[Document, ...]:
    keys = [(kind, namespace) for namespace in namespaces for kind in _LISTS]
    lists = parallel([partial(_items, api, kind, namespace) for kind, namespace in keys], workers=8)
    return tuple(
        Document({**item, "apiVersion": _LISTS[kind][0], "kind": kind}, f"{kind}/{item['metadata']['name']} in the cluster")
        for (kind, _), items in zip(keys, lists, strict=True)
        for item in items
        if item["metadata"]["name"] not in _NOT_THE_STACKS
    )


def beside(api: KubeApi, found: Manifests, own: str, hosts: Iterable[str]) -> Manifests:
    """What hosts lead to in other namespaces than the stack's own, as `mongo.data.svc.cluster.local` does; nothing else there.

    Raises ApiRejected where a namespace that is surely meant may not be read, ApiUnreachable.
    """
    there: dict[str, list[str]] = {}
    for each in elsewhere.named(hosts, found, own):
        if _has(api, each):
            there.setdefault(each.namespace, []).append(each.service)
    parts = [elsewhere.part_of(_documents(api, (namespace,)), services) for namespace, services in there.items()]
    known = {(document.namespace, document.key) for document in found.documents}
    return Manifests(tuple(each for part in parts for each in part if (each.namespace, each.key) not in known))


def hosts_of(found: Manifests) -> tuple[str, ...]:
    """The hosts that variables of the workloads name."""
    from shelterctl.core.stack import inventory

    workloads = inventory.workloads(found, next((document.namespace for document in found.documents), ""))
    return tuple(host for w in workloads for container in w.containers for variable in container.variables for host in variable.hosts)


def _has(api: KubeApi, named: Named) -> bool:
    try:
        return api.get_or_none(f"/api/v1/namespaces/{named.namespace}/services/{named.service}") is not None
    except ApiRejected as error:
        # Whoever may read their own namespace alone may still use a database of the world outside.
        if error.status == 403 and not named.certain:
            return False
        raise


def _items(api: KubeApi, kind: str, namespace: str) -> list[Json]:
    try:
        return api.items(_LISTS[kind][1].format(namespace))
    except ApiRejected as error:
        if kind in _OPTIONAL and error.status == 403:
            return []
        raise


class AdoptedCluster(OwnCluster):
    """The stack of others, as it runs."""

    def plan(self, options: StackOptions) -> StackPlan:
        changing = ("cpu_target_percent", "minimum", "maximum", "replicas", "node_port")
        asked = [name for name in changing if getattr(options, name) is not None]
        if asked:
            what = f"a stack that is taken as it is is not changed: {', '.join(asked)}"
            raise Refused(what, next_command="kubectl edit, or shelterctl up --no-adopt")
        autoscaled = self.stack.scaler is not None
        return StackPlan(options, (), 0, autoscaled, (), ("taken as it runs: nothing is built, loaded or applied",))

    def ensure_credentials(self, plan: StackPlan, *, force: bool = False) -> tuple[tuple[str, ...], tuple[ObjectChange, ...]]:  # noqa: ARG002
        return (), ()

    def apply(self, plan: StackPlan, *, dry_run: bool = False, force: bool = False) -> ApplyReport:  # noqa: ARG002
        return ApplyReport(())

    def remove(self, *, delete_data: bool) -> Iterator[str | RemovalReport]:  # noqa: ARG002
        """Nothing of it was made here."""
        yield RemovalReport((), tuple(workload.key.lower() for workload in self.stack.workloads))
