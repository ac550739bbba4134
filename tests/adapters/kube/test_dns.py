"""The scene from the API's JSON: each object as the API server writes it."""

from __future__ import annotations

from typing import Any

import pytest

from shelterctl.adapters.kube.asking.objects import read_pod, read_service
from shelterctl.adapters.kube.dns import unserved_workloads
from shelterctl.core.dns.records import DnsEndpoint, DnsPod, DnsPort, DnsService
from shelterctl.core.state import Pod, PodName, Role, StackState, Workload

pytestmark = pytest.mark.unit

LABELS = {"app.kubernetes.io/name": "mongodb", "app.kubernetes.io/component": "database"}


def pod(name: str, *addresses: str, ready: str = "True", phase: str = "Running", **extra: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": {**LABELS, "statefulset.kubernetes.io/pod-name": name}, **extra},
        "spec": {"hostname": name, "subdomain": "mongodb"},
        "status": {
            "phase": phase,
            "podIP": addresses[0] if addresses else None,
            "podIPs": [{"ip": address} for address in addresses],
            "conditions": [{"type": "Initialized", "status": "True"}, {"type": "Ready", "status": ready}],
        },
    }


def endpoint_slice(name: str, service: str, *endpoints: dict[str, Any], address_type: str = "IPv4") -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/service-name": service}},
        "addressType": address_type,
        "ports": [{"name": "mongodb", "port": 27017, "protocol": "TCP"}],
        "endpoints": list(endpoints),
    }


def endpoint(address: str, hostname: str, **conditions: bool) -> dict[str, Any]:
    return {
        "addresses": [address],
        "hostname": hostname,
        "conditions": conditions,
        "targetRef": {"kind": "Pod", "name": hostname, "namespace": "shelter"},
    }


SERVICE: dict[str, Any] = {
    "metadata": {"name": "mongodb", "namespace": "shelter"},
    "spec": {
        "type": "ClusterIP",
        "clusterIP": "None",
        "clusterIPs": ["None"],
        "ipFamilies": ["IPv4"],
        "selector": LABELS,
        "publishNotReadyAddresses": True,
        "ports": [{"name": "mongodb", "port": 27017, "protocol": "TCP", "targetPort": "mongodb"}],
    },
}
MONGO = (DnsPort("mongodb", 27017, "tcp"),)


def test_a_headless_service_with_its_slices_and_pods() -> None:
    slices = [
        endpoint_slice("mongodb-x", "mongodb", endpoint("10.244.0.9", "mongodb-0", ready=True), endpoint("10.244.0.10", "mongodb-1")),
        # The same endpoint in two slices for a moment, and another one that is not ready.
        endpoint_slice(
            "mongodb-y", "mongodb", endpoint("10.244.0.9", "mongodb-0", ready=True), endpoint("10.244.0.11", "old", ready=False)
        ),
        endpoint_slice("app-x", "app", endpoint("10.244.0.5", "app-1", ready=True)),
    ]
    stranger = pod("app-1", "10.244.0.5")
    stranger["metadata"]["labels"] = {"app.kubernetes.io/name": "app"}
    pods = [
        pod("mongodb-1", "10.244.0.10", ready="False"),
        pod("mongodb-0", "10.244.0.9", deletionTimestamp="2026-11-21T09:00:00Z"),
        pod("job-1", "10.244.0.12", phase="Succeeded"),
        stranger,
    ]
    assert read_service(SERVICE, slices, pods) == DnsService(
        name="mongodb",
        namespace="shelter",
        headless=True,
        ports=MONGO,
        publish_not_ready=True,
        endpoints=(
            DnsEndpoint(("10.244.0.10",), True, "mongodb-1", "mongodb-1", MONGO),
            DnsEndpoint(("10.244.0.11",), False, "old", "old", MONGO),
            DnsEndpoint(("10.244.0.9",), True, "mongodb-0", "mongodb-0", MONGO),
        ),
        pods=(
            DnsPod("mongodb-0", ("10.244.0.9",), True, terminating=True, hostname="mongodb-0", subdomain="mongodb"),
            DnsPod("mongodb-1", ("10.244.0.10",), False, hostname="mongodb-1", subdomain="mongodb"),
        ),
    )


def test_a_dual_stack_service_without_a_selector() -> None:
    service = {
        "metadata": {"name": "app", "namespace": "shelter"},
        "spec": {
            "type": "NodePort",
            "clusterIP": "10.96.7.7",
            "clusterIPs": ["10.96.7.7", "fd00::7"],
            "ipFamilies": ["IPv4", "IPv6"],
            "ports": [{"port": 53, "protocol": "UDP", "nodePort": 30300}],
        },
    }
    assert read_service(service, (), [pod("app-1", "10.244.0.5")]) == DnsService(
        name="app",
        namespace="shelter",
        cluster_ips=("10.96.7.7", "fd00::7"),
        ip_families=("IPv4", "IPv6"),
        ports=(DnsPort("", 53, "udp"),),
        selects=False,
    )


def test_an_external_name() -> None:
    service = {"metadata": {"name": "mail", "namespace": "shelter"}, "spec": {"type": "ExternalName", "externalName": "mail.example.com"}}
    assert read_service(service, (), ()) == DnsService(
        name="mail", namespace="shelter", ip_families=(), selects=False, external_name="mail.example.com"
    )


def test_slices_of_names_are_no_addresses() -> None:
    named = endpoint_slice("mongodb-z", "mongodb", endpoint("db.example.com", "x", ready=True), address_type="FQDN")
    assert read_service(SERVICE, [named], ()).endpoints == ()


@pytest.mark.parametrize(
    ("item", "record"),
    [
        (pod("a", "10.0.0.1", "fd00::1"), DnsPod("a", ("10.0.0.1", "fd00::1"), True, hostname="a", subdomain="mongodb")),
        (pod("a", ready="False"), DnsPod("a", (), False, hostname="a", subdomain="mongodb")),
        ({"metadata": {"name": "a"}, "status": {"podIP": "10.0.0.1"}}, DnsPod("a", ("10.0.0.1",), False)),
        ({"metadata": {"name": "a"}}, DnsPod("a", (), False)),
    ],
)
def test_a_pod(item: dict[str, Any], record: DnsPod) -> None:
    assert read_pod(item) == record


def test_a_workload_is_served_when_a_service_selects_one_of_its_pods() -> None:
    app = Workload("Deployment", "app", "shelter", Role.APP, 1, 1, "", 1, 1, 1, 1, 1, "")
    database = Workload("StatefulSet", "mongodb", "shelter-db", Role.DATABASE, 1, 1, "", 0, 0, 0, 0, 0, "")
    running = Pod(PodName("app-1"), "shelter", "u", Role.APP, "Running", True, False, "", "10.0.0.1", "", "", 0.0, None, ())
    state = StackState(0.0, "shelter", (app, database), (running,), None, (), None)
    selects_app = DnsService("web", "shelter", pods=(DnsPod("app-1", ("10.0.0.1",), True),))
    named_like_the_database = DnsService("mongodb", "shelter-db", headless=True)
    assert unserved_workloads(state, [selects_app, named_like_the_database]) == ()
    assert unserved_workloads(state, [DnsService("app", "shelter")]) == ("app.shelter", "mongodb.shelter-db")
