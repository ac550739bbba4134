"""A stack that runs already, taken as it is: its objects are read from the cluster, nothing is built, applied or removed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from shelterctl.adapters.kube.api import Json, KubeApi, parallel
from shelterctl.adapters.kube.own.cluster import OwnCluster
from shelterctl.core.deploy.stack import ApplyReport, ObjectChange, RemovalReport, StackOptions, StackPlan
from shelterctl.core.stack.documents import Document, Manifests
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


def manifests(api: KubeApi, namespaces: Sequence[str], *, beside: bool = False) -> Manifests:
    """The objects of the namespaces as documents. Raises UsageError where no workload is there, ApiRejected, ApiUnreachable.

    Those `beside` a stack's own may hold a Service alone (of a database elsewhere).
    """
    keys = [(kind, namespace) for namespace in namespaces for kind in _LISTS]
    lists = parallel([partial(_items, api, kind, namespace) for kind, namespace in keys], workers=8)
    documents = [
        Document({**item, "apiVersion": _LISTS[kind][0], "kind": kind}, f"{kind}/{item['metadata']['name']} in the cluster")
        for (kind, _), items in zip(keys, lists, strict=True)
        for item in items
        if item["metadata"]["name"] not in _NOT_THE_STACKS
    ]
    if not beside and not any(document.kind in ("Deployment", "StatefulSet") for document in documents):
        where = ", ".join(namespaces)
        raise UsageError(
            f"nothing runs in namespace {where} that could be taken as it is",
            why="it has neither a Deployment nor a StatefulSet",
            next_command="shelterctl up --no-adopt   (or look: kubectl get deployments,statefulsets --all-namespaces)",
        )
    return Manifests(tuple(documents))


def namespaces_named(found: Manifests, api: KubeApi) -> tuple[str, ...]:
    """Other namespaces that the stack's own variables lead into, as `mongo.data.svc.cluster.local` does."""
    import re

    from shelterctl.core.stack import inventory

    known = {document.namespace for document in found.documents}
    labels: dict[str, None] = {}
    for workload in inventory.workloads(found, next(iter(known), "")):
        for container in workload.containers:
            for variable in container.variables:
                for host in variable.hosts:
                    parts = re.sub(r":\d+$", "", host).split(".")
                    if "svc" in parts or len(parts) == 2:
                        labels.update(dict.fromkeys(parts[1 : parts.index("svc") if "svc" in parts else 2]))
    return tuple(name for name in labels if name not in known and api.get_or_none(f"/api/v1/namespaces/{name}") is not None)


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
