"""What each overlay holds, and what holds for all of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.manifests.rendering import MANIFESTS, OVERLAYS, Document, Rendered

pytestmark = pytest.mark.local

APP_SELECTOR = {"app.kubernetes.io/name": "app", "app.kubernetes.io/component": "web"}
MONGODB_SELECTOR = {"app.kubernetes.io/name": "mongodb", "app.kubernetes.io/component": "database"}

NAMESPACE_POLICIES = {"NetworkPolicy/allow-dns", "NetworkPolicy/default-deny"}
APP = {
    "ConfigMap/app-config-HASH",
    "Deployment/app",
    "HorizontalPodAutoscaler/app",
    "NetworkPolicy/allow-app-to-mongodb",
    "NetworkPolicy/allow-clients-to-app",
    "PodDisruptionBudget/app",
    "Service/app",
    "ServiceAccount/app",
}
MONGODB = {
    "ConfigMap/mongodb-init",
    "NetworkPolicy/allow-mongodb-from-app",
    "PodDisruptionBudget/mongodb",
    "Service/mongodb",
    "ServiceAccount/mongodb",
    "StatefulSet/mongodb",
}


def by_namespace(rendered: Rendered) -> dict[str, set[str]]:
    """kind/name of every object under its namespace, a Namespace under its own name; hashes are masked."""
    found: dict[str, set[str]] = {}
    for document in rendered.documents:
        metadata = document["metadata"]
        name = re.sub(r"(?<=^app-config-)[a-z0-9]{10}$", "HASH", metadata["name"])
        if document["kind"] == "Namespace":
            found.setdefault(name, set()).add("Namespace")
        else:
            found.setdefault(metadata["namespace"], set()).add(f"{document['kind']}/{name}")
    return found


def test_minikube_has_everything_in_one_namespace(minikube: Rendered) -> None:
    assert by_namespace(minikube) == {"shelter": {"Namespace"} | NAMESPACE_POLICIES | APP | MONGODB}


def test_two_namespaces_keep_the_database_apart(two_namespaces: Rendered) -> None:
    assert by_namespace(two_namespaces) == {
        "shelter": {"Namespace"} | NAMESPACE_POLICIES | APP,
        "shelter-db": {"Namespace"} | NAMESPACE_POLICIES | MONGODB,
    }


def test_the_quota_overlay_adds_only_the_quota(minikube: Rendered, quota: Rendered) -> None:
    added = by_namespace(quota)["shelter"] - by_namespace(minikube)["shelter"]
    assert added == {"ResourceQuota/shelter", "LimitRange/shelter"}
    assert [d for d in quota.documents if d["kind"] not in ("ResourceQuota", "LimitRange")] == list(minikube.documents)


def test_every_overlay_of_the_folder_is_tested() -> None:
    assert sorted(path.parent.name for path in MANIFESTS.glob("overlays/*/kustomization.yaml")) == sorted(OVERLAYS)


def test_no_secret_is_in_the_repository(each: Rendered) -> None:
    assert each.of("Secret") == ()


def test_namespaces_enforce_the_restricted_profile(each: Rendered) -> None:
    for namespace in each.of("Namespace"):
        levels = {
            key.removeprefix("pod-security.kubernetes.io/"): value
            for key, value in namespace["metadata"]["labels"].items()
            if key.startswith("pod-security.kubernetes.io/")
        }
        assert levels == {"enforce": "restricted", "audit": "restricted", "warn": "restricted"}


RECOMMENDED = {"app.kubernetes.io/name", "app.kubernetes.io/component", "app.kubernetes.io/part-of"}


def test_objects_have_the_recommended_labels_and_no_other_of_that_family(each: Rendered) -> None:
    """managed-by belongs to whoever applies; a version would change from run to run."""
    for document in each.documents:
        labels = document["metadata"]["labels"]
        assert {key for key in labels if not key.startswith("pod-security.")} == RECOMMENDED, document["metadata"]
        assert labels["app.kubernetes.io/part-of"] == "shelter"


def test_pods_and_claims_have_labels_that_never_change(each: Rendered) -> None:
    part_of = {"app.kubernetes.io/part-of": "shelter"}
    database = each.one("StatefulSet", "mongodb")["spec"]
    assert each.one("Deployment", "app")["spec"]["template"]["metadata"]["labels"] == APP_SELECTOR | part_of
    assert database["template"]["metadata"]["labels"] == MONGODB_SELECTOR | part_of
    assert database["volumeClaimTemplates"][0]["metadata"]["labels"] == MONGODB_SELECTOR | part_of


def test_everything_that_selects_pods_uses_the_same_two_labels(each: Rendered) -> None:
    def selectors(name: str, workload: str) -> list[Document]:
        return [
            each.one(workload, name)["spec"]["selector"]["matchLabels"],
            each.one("Service", name)["spec"]["selector"],
            each.one("PodDisruptionBudget", name)["spec"]["selector"]["matchLabels"],
        ]

    assert selectors("app", "Deployment") == [APP_SELECTOR] * 3
    assert selectors("mongodb", "StatefulSet") == [MONGODB_SELECTOR] * 3
    spread = each.pod("Deployment", "app")["topologySpreadConstraints"]
    assert [constraint["labelSelector"]["matchLabels"] for constraint in spread] == [APP_SELECTOR] * 2


def test_clients_come_in_by_the_node_port(each: Rendered) -> None:
    service = each.one("Service", "app")["spec"]
    assert service["type"] == "NodePort"
    assert service["ports"] == [{"name": "http", "port": 80, "targetPort": "http", "nodePort": 30300, "appProtocol": "http"}]


def test_the_database_has_a_headless_service_of_its_name(each: Rendered) -> None:
    service = each.one("Service", "mongodb")["spec"]
    assert service["clusterIP"] == "None"
    assert service["publishNotReadyAddresses"] is True
    assert [(port["name"], port["port"]) for port in service["ports"]] == [("mongodb", 27017)]
    assert each.one("StatefulSet", "mongodb")["spec"]["serviceName"] == "mongodb"


def test_the_base_asks_nothing_of_minikube() -> None:
    """A real cluster's overlay starts from the base: no node port there, and no class of storage."""
    sources = "".join(path.read_text() for path in sorted(Path(MANIFESTS / "base").rglob("*.yaml")))
    assert re.findall(r"nodePort|storageClassName|NodePort\b", sources) == []
