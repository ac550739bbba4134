"""Files that are no manifests or were left out, objects that are written twice, API versions that are gone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from shelterctl.core.stack.documents import Document, names
from shelterctl.core.stack.model import StackFinding, Weight
from shelterctl.core.stack.stack import Stack

#: Kind and version to what serves it now, and the Kubernetes version that dropped it (the deprecation guide of kubernetes.io).
REMOVED = {
    ("Deployment", "extensions/v1beta1"): ("apps/v1", "1.16"),
    ("Deployment", "apps/v1beta1"): ("apps/v1", "1.16"),
    ("Deployment", "apps/v1beta2"): ("apps/v1", "1.16"),
    ("StatefulSet", "apps/v1beta1"): ("apps/v1", "1.16"),
    ("StatefulSet", "apps/v1beta2"): ("apps/v1", "1.16"),
    ("DaemonSet", "extensions/v1beta1"): ("apps/v1", "1.16"),
    ("NetworkPolicy", "extensions/v1beta1"): ("networking.k8s.io/v1", "1.16"),
    ("Ingress", "extensions/v1beta1"): ("networking.k8s.io/v1", "1.22"),
    ("Ingress", "networking.k8s.io/v1beta1"): ("networking.k8s.io/v1", "1.22"),
    ("HorizontalPodAutoscaler", "autoscaling/v2beta1"): ("autoscaling/v2", "1.25"),
    ("HorizontalPodAutoscaler", "autoscaling/v2beta2"): ("autoscaling/v2", "1.26"),
    ("PodDisruptionBudget", "policy/v1beta1"): ("policy/v1", "1.25"),
    ("CronJob", "batch/v1beta1"): ("batch/v1", "1.25"),
}


def find(stack: Stack) -> Iterator[StackFinding]:
    for broken in stack.unreadable:
        yield StackFinding("file-unreadable", Weight.BLOCKS, broken.what, broken.origin, broken.why, f"mend {broken.origin}")
    for left in stack.manifests.left_out:
        yield StackFinding(left.code, Weight.RISK if left.matters else Weight.NOTE, left.what, left.origin, left.why)
    seen: dict[tuple[str, str, str], list[Document]] = defaultdict(list)
    for document in stack.documents:
        seen[(document.kind, document.namespace, document.name)].append(document)
        gone = REMOVED.get((document.kind, document.api_version))
        if gone is not None:
            what = f"{document.kind} {document.name} is of {document.api_version}, which Kubernetes {gone[1]} and later do not serve"
            why = f'the API server answers: no matches for kind "{document.kind}" in version "{document.api_version}"'
            yield StackFinding("api-removed", Weight.BLOCKS, what, document.at("apiVersion"), why, f"apiVersion: {gone[0]}")
    for (kind, _, name), documents in seen.items():
        if len(documents) > 1:
            where = names(str(d.at("metadata", "name")) for d in documents)
            what = f"{kind} {name} is written {len(documents)} times: {where}"
            mend = "keep one of them, or name those that count: [stack] manifests or ignore in shelterctl.toml"
            why = "what is applied last wins, and which that is nobody said"
            yield StackFinding("object-twice", Weight.BLOCKS, what, documents[1].at("metadata", "name"), why, mend)
    if not any(True for _ in stack.manifests.of("Deployment", "StatefulSet", "DaemonSet", "Pod")):
        for document in stack.documents[:1]:
            what = "no manifest has a Deployment or StatefulSet"
            yield StackFinding("no-workload", Weight.BLOCKS, what, document.at(), "nothing would run")
    for document in stack.documents:
        if document.kind != "HorizontalPodAutoscaler" and "hpa" in document.file.rpartition("/")[2].lower() and not stack.scalers:
            what = f"{document.file} holds a {document.kind}, and no manifest has a HorizontalPodAutoscaler"
            yield StackFinding("hpa-file-holds-another", Weight.RISK, what, document.at("kind"), "nothing scales", "write the HPA into it")
            break
