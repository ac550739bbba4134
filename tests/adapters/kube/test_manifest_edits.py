"""What `up` changes in the rendered manifests, and what it leaves alone."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from shelterctl.adapters.kube.manifest_edits import edit, images, namespaces
from shelterctl.core.deploy.stack import StackOptions

pytestmark = pytest.mark.unit

IMAGE = "shelter-app:3f9c1a07b2de"


def document(kind: str, name: str, namespace: str | None = "shelter", **rest: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name, **({"namespace": namespace} if namespace else {})}, **rest}


def template(image: str) -> dict[str, Any]:
    return {"metadata": {"labels": {"app.kubernetes.io/name": "app"}}, "spec": {"containers": [{"name": "app", "image": image}]}}


def peer(namespace: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}


def cpu(target: int) -> dict[str, Any]:
    return {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": target}}}


def rendered() -> list[dict[str, Any]]:
    """An overlay with two namespaces."""
    return [
        document("HorizontalPodAutoscaler", "app", spec={"minReplicas": 2, "maxReplicas": 5, "metrics": [cpu(70)]}),
        document("Deployment", "app", spec={"template": template("shelter-app:dev")}),
        document("StatefulSet", "mongodb", "shelter-db", spec={"template": template("mongo:8")}),
        document("PodDisruptionBudget", "app"),
        document("Service", "app", spec={"ports": [{"port": 80, "nodePort": 30300}, {"port": 9}]}),
        document("NetworkPolicy", "db", "shelter-db", spec={"ingress": [{"from": [peer("shelter"), peer("kube-system")]}]}),
        document("ConfigMap", "app", data={"SHELTER_MONGO_HOST": "mongodb.shelter-db:27017", "TEXT": "a.shelter"}),
        document("Namespace", "shelter-db", None),
        document("Namespace", "shelter", None),
    ]


def edited(namespace: str = "shelter", **options: Any) -> dict[tuple[str, str], dict[str, Any]]:
    found = edit(rendered(), StackOptions("minikube", IMAGE, **options), namespace)
    return {(d["kind"], d["metadata"]["name"]): d for d in found}


def test_the_order_of_application() -> None:
    assert [kind for kind, _ in edited()] == [
        "Namespace",
        "Namespace",
        "ConfigMap",
        "NetworkPolicy",
        "Service",
        "PodDisruptionBudget",
        "StatefulSet",
        "Deployment",
        "HorizontalPodAutoscaler",
    ]


def test_every_object_is_labelled_and_no_pod_template() -> None:
    for found in edited().values():
        assert found["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "shelterctl"}
        template_ = found.get("spec", {}).get("template")
        assert template_ is None or template_["metadata"]["labels"] == {"app.kubernetes.io/name": "app"}


def test_only_the_applications_image_is_set() -> None:
    found = edited()
    assert images(found.values()) == ("mongo:8", IMAGE)


def test_the_manifests_themselves_stay_as_they_are() -> None:
    documents = rendered()
    before = copy.deepcopy(documents)
    edit(documents, StackOptions("minikube", IMAGE, minimum=1, node_port=30301), "team")
    assert documents == before


def test_another_namespace_reaches_everything_that_names_it() -> None:
    found = edited("team")
    assert namespaces(found.values()) == ("team-db", "team")
    assert found["StatefulSet", "mongodb"]["metadata"]["namespace"] == "team-db"
    assert found["NetworkPolicy", "db"]["spec"]["ingress"][0]["from"] == [peer("team"), peer("kube-system")]
    assert found["ConfigMap", "app"]["data"] == {"SHELTER_MONGO_HOST": "mongodb.team-db:27017", "TEXT": "a.shelter"}


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("mongodb", "mongodb"),
        ("mongodb:27017", "mongodb:27017"),
        ("mongodb.shelter", "mongodb.team"),
        (
            "mongodb-0.mongodb.shelter-db.svc:27017,mongodb-1.mongodb.shelter-db.svc",
            "mongodb-0.mongodb.team-db.svc:27017,mongodb-1.mongodb.team-db.svc",
        ),
        ("db.shelters.example", "db.shelters.example"),
    ],
)
def test_hosts_in_the_configuration(host: str, expected: str) -> None:
    config = document("ConfigMap", "app", data={"SHELTER_MONGO_HOST": host})
    (found,) = edit([config], StackOptions("minikube", IMAGE), "team")
    assert found["data"] == {"SHELTER_MONGO_HOST": expected}


def test_the_manifests_own_namespace_changes_nothing() -> None:
    found = edited("shelter")
    assert namespaces(found.values()) == ("shelter-db", "shelter")
    assert found["ConfigMap", "app"]["data"]["SHELTER_MONGO_HOST"] == "mongodb.shelter-db:27017"


def test_the_node_port() -> None:
    assert edited(node_port=30301)["Service", "app"]["spec"]["ports"] == [{"port": 80, "nodePort": 30301}, {"port": 9}]
    assert edited()["Service", "app"]["spec"]["ports"][0]["nodePort"] == 30300


@pytest.mark.parametrize(
    ("options", "least", "most", "target"),
    [
        ({}, 2, 5, 70),
        ({"minimum": 1}, 1, 5, 70),
        ({"minimum": 7}, 7, 7, 70),
        ({"maximum": 3}, 2, 3, 70),
        ({"maximum": 1}, 1, 1, 70),
        ({"minimum": 3, "maximum": 4}, 3, 4, 70),
        ({"minimum": 6, "maximum": 8}, 6, 8, 70),
        ({"cpu_target_percent": 50}, 2, 5, 50),
    ],
)
def test_the_autoscaler(options: dict[str, int], least: int, most: int, target: int) -> None:
    spec = edited("shelter", **options)["HorizontalPodAutoscaler", "app"]["spec"]
    assert spec == {"minReplicas": least, "maxReplicas": most, "metrics": [cpu(target)]}


def test_a_fixed_number_of_pods_has_no_autoscaler() -> None:
    found = edited(replicas=3)
    assert ("HorizontalPodAutoscaler", "app") not in found
    assert found["Deployment", "app"]["spec"]["replicas"] == 3
    assert "replicas" not in found["StatefulSet", "mongodb"]["spec"]


def test_under_an_autoscaler_no_number_of_pods_is_set() -> None:
    assert "replicas" not in edited()["Deployment", "app"]["spec"]
