"""The stack fits a node of two cores, and the quota fits the stack."""

from __future__ import annotations

import pytest

from tests.manifests.rendering import Rendered, quantity

pytestmark = pytest.mark.local

NODE_CORES = 2.0
SYSTEM_PODS_CORES = 0.950


def app_pods(rendered: Rendered) -> tuple[int, int]:
    """The most pods of the application: those that a rollout at the maximum keeps, and with those shutting down."""
    maximum = rendered.one("HorizontalPodAutoscaler", "app")["spec"]["maxReplicas"]
    surge = rendered.one("Deployment", "app")["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
    return maximum + surge, 2 * maximum


def asked(rendered: Rendered, kind: str, name: str, section: str, what: str) -> float:
    return quantity(rendered.container(kind, name)["resources"][section][what])


def test_a_rollout_at_the_autoscalers_maximum_fits_the_node(minikube: Rendered) -> None:
    kept, _ = app_pods(minikube)
    database = asked(minikube, "StatefulSet", "mongodb", "requests", "cpu")
    total = kept * asked(minikube, "Deployment", "app", "requests", "cpu") + database
    assert total == pytest.approx(0.950)
    assert SYSTEM_PODS_CORES + total <= NODE_CORES


@pytest.mark.parametrize("section", ["requests", "limits"])
@pytest.mark.parametrize("what", ["cpu", "memory", "ephemeral-storage"])
def test_the_quota_has_room_for_the_worst_moment_of_a_rollout(quota: Rendered, section: str, what: str) -> None:
    """Pods that are shutting down count until they are gone: the whole old set beside the whole new one."""
    _, with_terminating = app_pods(quota)
    need = with_terminating * asked(quota, "Deployment", "app", section, what)
    need += asked(quota, "StatefulSet", "mongodb", section, what)
    (spare,) = [
        limit["defaultRequest" if section == "requests" else "default"]
        for limit in quota.one("LimitRange", "shelter")["spec"]["limits"]
        if limit["type"] == "Container"
    ]
    hard = quantity(quota.one("ResourceQuota", "shelter")["spec"]["hard"][f"{section}.{what}"])
    assert need + quantity(spare[what]) <= hard


def test_the_quota_counts_pods_claims_and_node_ports(quota: Rendered) -> None:
    hard = quota.one("ResourceQuota", "shelter")["spec"]["hard"]
    _, with_terminating = app_pods(quota)
    assert int(hard["pods"]) == with_terminating + 1 + 1
    counts = ("persistentvolumeclaims", "services.nodeports", "services.loadbalancers")
    assert {key: hard[key] for key in counts} == {
        "persistentvolumeclaims": "2",
        "services.nodeports": "1",
        "services.loadbalancers": "0",
    }


@pytest.mark.parametrize(("kind", "name"), [("Deployment", "app"), ("StatefulSet", "mongodb")])
def test_no_container_is_larger_than_the_limit_range_allows(quota: Rendered, kind: str, name: str) -> None:
    (most,) = [limit["max"] for limit in quota.one("LimitRange", "shelter")["spec"]["limits"] if limit["type"] == "Container"]
    for what, ceiling in most.items():
        assert asked(quota, kind, name, "limits", what) <= quantity(ceiling), what


def test_an_eviction_takes_one_pod_of_the_application_and_none_of_the_database(each: Rendered) -> None:
    app, mongodb = (each.one("PodDisruptionBudget", name)["spec"] for name in ("app", "mongodb"))
    assert app["maxUnavailable"] == 1
    assert mongodb["minAvailable"] == each.one("StatefulSet", "mongodb")["spec"]["replicas"] == 1
