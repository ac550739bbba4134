"""What DNS should say, Service by Service."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelterctl.core.dns.expectations import direct_expectations, of_service, record_expectations, server_expectations
from shelterctl.core.dns.records import (
    DnsEndpoint,
    DnsPod,
    DnsPort,
    DnsScene,
    DnsServer,
    DnsService,
    RecordType,
    ResolverConfig,
    Via,
    candidates,
    full_name,
)

pytestmark = pytest.mark.unit

RESOLVER = ResolverConfig(("10.96.0.10",), ("shelter.svc.cluster.local", "svc.cluster.local", "cluster.local"), 5)
HTTP = DnsPort("http", 80)
MONGO = DnsPort("mongodb", 27017)
APP = DnsService("app", "shelter", cluster_ips=("10.96.7.7",), ports=(HTTP,))
DATABASE = DnsService(
    "mongodb",
    "shelter",
    headless=True,
    ports=(MONGO,),
    endpoints=(DnsEndpoint(("10.244.0.9",), True, "mongodb-0", "mongodb-0", (MONGO,)),),
    pods=(DnsPod("mongodb-0", ("10.244.0.9",), True, hostname="mongodb-0", subdomain="mongodb"),),
)
API = DnsService("kubernetes", "default", cluster_ips=("10.96.0.1",), ports=(DnsPort("https", 443),))
SCENE = DnsScene("app-1", "shelter", RESOLVER, (APP, DATABASE), API, (DnsServer("coredns-1", "kube-system", ("10.244.0.2",), True),))


def told(service: DnsService, scene: DnsScene = SCENE) -> list[str]:
    """The expectations as lines: name, type, way, what is right."""
    return [
        f"{item.query.name} {item.query.rtype.value} {item.query.via.value}: "
        + (" ".join(item.records) or "|".join(sorted(status.value for status in item.absent)))
        for item in of_service(service, scene, "cluster.local")
    ]


def exact(service: DnsService) -> list[str]:
    return [line for line in told(service) if " exact: " in line]


def test_a_service_with_an_address_of_its_own() -> None:
    assert told(APP) == [
        "app.shelter.svc.cluster.local. A exact: 10.96.7.7",
        "app.shelter.svc.cluster.local. AAAA exact: NODATA",
        "_http._tcp.app.shelter.svc.cluster.local. SRV exact: 80 app.shelter.svc.cluster.local.",
        "7.7.96.10.in-addr.arpa. PTR exact: app.shelter.svc.cluster.local.",
        "app A search: 10.96.7.7",
        "app A+AAAA libc: 10.96.7.7",
        "app.shelter A search: 10.96.7.7",
        "app.shelter A+AAAA libc: 10.96.7.7",
        "app.shelter.svc A search: 10.96.7.7",
        "app.shelter.svc A+AAAA libc: 10.96.7.7",
        "app.shelter.svc.cluster.local A search: 10.96.7.7",
        "app.shelter.svc.cluster.local A+AAAA libc: 10.96.7.7",
        "app.shelter.svc.cluster.local. A search: 10.96.7.7",
        "app.shelter.svc.cluster.local. A+AAAA libc: 10.96.7.7",
    ]


def test_a_dual_stack_service_has_both_families_and_two_reverse_names() -> None:
    dual = replace(APP, cluster_ips=("10.96.7.7", "fd00::7"), ip_families=("IPv4", "IPv6"))
    assert exact(dual) == [
        "app.shelter.svc.cluster.local. A exact: 10.96.7.7",
        "app.shelter.svc.cluster.local. AAAA exact: fd00::7",
        "_http._tcp.app.shelter.svc.cluster.local. SRV exact: 80 app.shelter.svc.cluster.local.",
        "7.7.96.10.in-addr.arpa. PTR exact: app.shelter.svc.cluster.local.",
        f"7.{'0.' * 29}d.f.ip6.arpa. PTR exact: app.shelter.svc.cluster.local.",
    ]
    assert "app A+AAAA libc: 10.96.7.7 fd00::7" in told(dual)


def test_an_ipv6_service_is_searched_by_its_own_family() -> None:
    six = replace(APP, cluster_ips=("fd00::7",), ip_families=("IPv6",))
    assert [line for line in told(six) if line.startswith("app ")] == ["app AAAA search: fd00::7", "app A+AAAA libc: fd00::7"]
    assert exact(six)[:2] == ["app.shelter.svc.cluster.local. A exact: NODATA", "app.shelter.svc.cluster.local. AAAA exact: fd00::7"]


def test_a_headless_service_with_its_pod_by_name() -> None:
    assert exact(DATABASE) == [
        "mongodb.shelter.svc.cluster.local. A exact: 10.244.0.9",
        "mongodb.shelter.svc.cluster.local. AAAA exact: NODATA",
        "_mongodb._tcp.mongodb.shelter.svc.cluster.local. SRV exact: 27017 mongodb-0.mongodb.shelter.svc.cluster.local.",
        "mongodb-0.mongodb.shelter.svc.cluster.local. A exact: 10.244.0.9",
        "mongodb-0.mongodb.shelter.svc.cluster.local. AAAA exact: NODATA",
        "9.0.244.10.in-addr.arpa. PTR exact: mongodb-0.mongodb.shelter.svc.cluster.local.",
    ]


def test_the_pods_own_name_leads_to_the_pods_address_and_not_to_what_the_slice_says() -> None:
    moved = replace(DATABASE, pods=(replace(DATABASE.pods[0], addresses=("10.244.0.77",)),))
    assert "mongodb-0.mongodb.shelter.svc.cluster.local. A exact: 10.244.0.77" in exact(moved)


def test_an_endpoint_that_is_not_ready_has_no_record() -> None:
    second = DnsEndpoint(("10.244.0.10",), False, "mongodb-1", "mongodb-1", (MONGO,))
    assert exact(replace(DATABASE, endpoints=(*DATABASE.endpoints, second))) == [
        *exact(DATABASE),
        "mongodb-1.mongodb.shelter.svc.cluster.local. A exact: NODATA|NXDOMAIN",
        "mongodb-1.mongodb.shelter.svc.cluster.local. AAAA exact: NODATA|NXDOMAIN",
    ]


def test_without_a_ready_endpoint_both_denials_are_right_and_show_nothing() -> None:
    empty = replace(DATABASE, endpoints=(), pods=())
    assert exact(empty) == [
        "mongodb.shelter.svc.cluster.local. A exact: NODATA|NXDOMAIN",
        "mongodb.shelter.svc.cluster.local. AAAA exact: NODATA|NXDOMAIN",
        "_mongodb._tcp.mongodb.shelter.svc.cluster.local. SRV exact: NODATA|NXDOMAIN",
    ]
    assert all(item.nothing_shown is not None for item in of_service(empty, SCENE, "cluster.local"))


def test_a_stateful_sets_pod_has_a_name_of_its_own_also_where_its_slice_gives_it_none() -> None:
    """Its serviceName is another Service's: the slice has no hostname, and nobody finds the pod by its name."""
    pod = DnsPod("mongodb-0", ("10.244.0.9",), True, hostname="mongodb-0", subdomain="mongo", stateful=True)
    service = DnsService("mongodb", "shelter", True, endpoints=(DnsEndpoint(("10.244.0.9",), True, pod="mongodb-0"),), pods=(pod,))
    scene = DnsScene("app-1", "shelter", ResolverConfig(("10.96.0.10",), ("shelter.svc.cluster.local",), 5), (service,))
    name = "mongodb-0.mongodb.shelter.svc.cluster.local."

    def asked(scene: DnsScene) -> list[tuple[RecordType, tuple[str, ...]]]:
        found = record_expectations(scene, "cluster.local", "nobody")
        return [(item.query.rtype, item.records) for item in found if item.query.name == name]

    assert asked(scene) == [(RecordType.A, ("10.244.0.9",)), (RecordType.AAAA, ())]
    metrics = replace(service, name="mongodb-metrics")
    named = replace(service, name="mongo", endpoints=(replace(service.endpoints[0], hostname="mongodb-0"),))
    # It has its name in the Service that it is named after: another one that selects it gives it none, rightly.
    assert asked(replace(scene, services=(service, named, metrics))) == []
    assert asked(replace(scene, services=(replace(service, pods=(replace(pod, stateful=False),)),))) == []
    assert asked(replace(scene, services=(replace(service, pods=(replace(pod, ready=False),)),))) == []


def test_endpoints_without_a_hostname_get_a_label_that_the_server_chooses() -> None:
    two = tuple(DnsEndpoint((f"10.244.0.{last}",), True, ports=(MONGO,)) for last in (9, 10))
    assert exact(replace(DATABASE, endpoints=two))[2] == (
        "_mongodb._tcp.mongodb.shelter.svc.cluster.local. SRV exact: "
        "27017 <id>.mongodb.shelter.svc.cluster.local. 27017 <id>.mongodb.shelter.svc.cluster.local."
    )


def test_an_external_name_is_an_alias() -> None:
    external = DnsService("mail", "shelter", external_name="Mail.Example.com")
    assert told(external) == ["mail.shelter.svc.cluster.local. CNAME exact: mail.example.com."]


def test_a_port_without_a_name_has_no_srv_record() -> None:
    assert not any(" SRV " in line for line in told(replace(APP, ports=(DnsPort("", 80),))))


def test_the_short_name_is_expected_only_from_the_same_namespace() -> None:
    apart = replace(DATABASE, namespace="shelter-db")
    forms = [line.split()[0] for line in told(apart) if " search: " in line]
    assert forms == [
        "mongodb.shelter-db",
        "mongodb.shelter-db.svc",
        "mongodb.shelter-db.svc.cluster.local",
        "mongodb.shelter-db.svc.cluster.local.",
    ]


def test_names_that_must_not_exist_lie_wherever_a_wildcard_could_answer() -> None:
    items = [item for item in record_expectations(SCENE, "cluster.local", "absent-1") if item.subject == "no such name"]
    assert [(item.query.name, item.query.via) for item in items] == [
        ("absent-1.shelter.svc.cluster.local.", Via.EXACT),
        ("absent-1.mongodb.shelter.svc.cluster.local.", Via.EXACT),
        ("absent-1.svc.cluster.local.", Via.EXACT),
        ("absent-1.cluster.local.", Via.EXACT),
        ("absent-1", Via.SEARCH),
    ]


def test_the_clusters_own_service_and_the_schema_are_asked_once() -> None:
    items = record_expectations(SCENE, "cluster.local", "absent-1")
    rest = [(i.query.name, i.query.rtype.value, i.records) for i in items if i.subject in ("service kubernetes.default", "specification")]
    assert rest == [
        ("kubernetes.default.svc.cluster.local.", "A", ("10.96.0.1",)),
        ("kubernetes.default.svc.cluster.local.", "AAAA", ()),
        ("kubernetes.default", "A", ("10.96.0.1",)),
        ("kubernetes.default", "A+AAAA", ("10.96.0.1",)),
        ("dns-version.cluster.local.", "TXT", ("1.1.0",)),
    ]


def test_each_server_is_asked_over_both_transports_and_each_dns_pod_for_what_may_be_stale() -> None:
    waiting = DnsServer("coredns-2", "kube-system", ("10.244.0.3",), False)
    scene = replace(SCENE, servers=(*SCENE.servers, waiting))
    servers = server_expectations(scene, "cluster.local", repeat=30)
    assert [(s.server, s.transport, s.direct, s.expectation.query.server, s.expectation.query.repeat) for s in servers] == [
        ("nameserver", "udp", False, "10.96.0.10", 30),
        ("nameserver", "tcp", False, "10.96.0.10", 30),
        ("coredns-1", "udp", True, "10.244.0.2", 30),
        ("coredns-1", "tcp", True, "10.244.0.2", 30),
    ]
    direct = direct_expectations(scene, record_expectations(scene, "cluster.local", "absent-1"))
    assert [(item.query.name, item.query.server, item.records) for item in direct] == [
        ("mongodb.shelter.svc.cluster.local.", "10.244.0.2", ("10.244.0.9",)),
        ("mongodb-0.mongodb.shelter.svc.cluster.local.", "10.244.0.2", ("10.244.0.9",)),
    ]


@pytest.mark.parametrize(
    ("search", "domain"),
    [
        (("shelter.svc.cluster.local", "svc.cluster.local", "cluster.local"), "cluster.local"),
        (("shelter.svc.k8s.example", "svc.k8s.example", "k8s.example", "corp.example"), "k8s.example"),
        (("corp.example",), None),
        (("other.svc.cluster.local", "svc.cluster.local"), None),
        (("shelter.svc.cluster.local",), None),
        ((), None),
    ],
)
def test_the_clusters_domain_is_read_from_the_search_path(search: tuple[str, ...], domain: str | None) -> None:
    assert replace(SCENE, resolver=ResolverConfig(("10.96.0.10",), search, 5)).cluster_domain == domain


@pytest.mark.parametrize(
    ("name", "ndots", "asked"),
    [
        ("app", 5, ("app.a.b.", "app.b.", "app.")),
        ("app.ns", 1, ("app.ns.", "app.ns.a.b.", "app.ns.b.")),
        ("app.ns.", 5, ("app.ns.",)),
        ("a.b.c.d.e.f", 5, ("a.b.c.d.e.f.", "a.b.c.d.e.f.a.b.", "a.b.c.d.e.f.b.")),
    ],
)
def test_ndots_decides_whether_the_search_path_comes_first(name: str, ndots: int, asked: tuple[str, ...]) -> None:
    assert candidates(name, ("a.b", "b"), ndots) == asked


@given(
    addresses=st.lists(st.ip_addresses(v=4, network="10.244.0.0/16"), unique=True, min_size=1, max_size=8),
    ready=st.data(),
)
def test_the_headless_set_is_the_ready_addresses_and_nothing_else(addresses: list[IPv4Address], ready: st.DataObject) -> None:
    flags = ready.draw(st.lists(st.booleans(), min_size=len(addresses), max_size=len(addresses)))
    endpoints = tuple(
        DnsEndpoint((str(address),), flag, f"db-{index}", f"db-{index}", (MONGO,))
        for index, (address, flag) in enumerate(zip(addresses, flags, strict=True))
    )
    expected = of_service(replace(DATABASE, endpoints=endpoints, pods=()), SCENE, "cluster.local")
    wanted = {str(address) for address, flag in zip(addresses, flags, strict=True) if flag}
    assert set(expected[0].records) == wanted
    assert (expected[0].nothing_shown is None) == bool(wanted)
    named = {item.query.name.split(".")[0]: item.records for item in expected if item.query.name.startswith("db-")}
    assert {label for label, records in named.items() if records} <= {f"db-{i}" for i, flag in enumerate(flags) if flag}


@given(st.from_regex(r"[A-Za-z0-9.-]{1,40}", fullmatch=True))
def test_a_full_name_stays_as_it_is(name: str) -> None:
    assert full_name(full_name(name)) == full_name(name)
    assert full_name(name).endswith(".")
