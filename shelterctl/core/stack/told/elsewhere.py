"""Which Services of other namespaces a name leads to, as the cluster's DNS reads it from a pod. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shelterctl.core.stack import inventory
from shelterctl.core.stack.documents import Document, Manifests
from shelterctl.core.stack.told.addresses import is_address, name_of

#: Kinds that are kept for what they are to a workload that is kept.
_BY_NAME = ("ConfigMap", "Secret", "PersistentVolumeClaim")


@dataclass(frozen=True, slots=True)
class Named:
    """A Service of a namespace. `certain` is whether the name can be nothing else: `db.example.com` may be a host of the world outside."""

    namespace: str
    service: str
    certain: bool


def named(hosts: Iterable[str], found: Manifests, own: str) -> tuple[Named, ...]:
    """The Services of other namespaces than the pods' `own` that hosts name, each once; those that were found are left out.

    A pod's resolver tries its own namespace first (`mongo-0.mongo` is a pod behind the Service mongo, where there is one), then
    `svc.cluster.local`: https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/
    """
    known = {(document.namespace, document.name) for document in found.documents if document.kind == "Service"}
    places: dict[tuple[str, str], Named] = {}
    for host in (*hosts, *_aliases(found)):
        name = name_of(host).rstrip(".").lower()
        parts = name.split(".")
        if is_address(name):
            continue
        certain = "svc" in parts
        parts = parts[: parts.index("svc")] if certain else parts
        if len(parts) not in (2, 3) or (len(parts) == 2 and not certain and (own, parts[1]) in known):
            continue
        service, namespace = parts[-2:]
        if service and namespace not in ("", own) and (namespace, service) not in known:
            places.setdefault((namespace, service), Named(namespace, service, certain))
    return tuple(places.values())


def _aliases(found: Manifests) -> Iterable[str]:
    """What Services of the type ExternalName stand for."""
    return (str((document.body.get("spec") or {}).get("externalName", "")) for document in found.documents if document.kind == "Service")


def part_of(documents: Sequence[Document], services: Iterable[str]) -> tuple[Document, ...]:
    """Of another namespace's objects those that the Services lead to, and what these need: the rest is somebody else's."""
    manifests, wanted = Manifests(tuple(documents)), frozenset(services)
    ways = inventory.services(manifests, "")
    kept = [w for w in inventory.workloads(manifests, "") if any(each.name in wanted and each.leads_to(w) for each in ways)]
    workloads = {(w.kind, w.name) for w in kept}
    reached = wanted | {each.name for each in ways if any(each.leads_to(w) for w in kept)}
    needed = {(reference.kind, reference.name) for w in kept for reference in w.needs}
    claims = {volume.source for w in kept for volume in w.volumes if volume.kind == "claim"}
    made = tuple(f"{template}-{w.name}-" for w in kept for template in w.claim_templates)

    def belongs(document: Document) -> bool:
        name, kind = document.name, document.kind
        if kind == "Service":
            return name in reached
        if kind == "PersistentVolumeClaim":
            return name in claims or (bool(made) and name.startswith(made))
        if kind in _BY_NAME:
            return (kind, name) in needed
        if kind == "HorizontalPodAutoscaler":
            target = (document.body.get("spec") or {}).get("scaleTargetRef") or {}
            return (target.get("kind"), target.get("name")) in workloads
        return (kind, name) in workloads

    return tuple(document for document in documents if belongs(document))
