"""What DNS should answer, from the objects of the cluster (kubernetes/dns specification 1.1.0)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address

from shelterctl.core.dns.records import DnsEndpoint, DnsPort, DnsQuery, DnsScene, DnsService, RecordType, Status, Via, full_name
from shelterctl.core.verdict import Reason

#: Stands for a label that the DNS server chooses: an endpoint without a hostname gets one (specification, 2.1).
ANY_LABEL = "<id>"
#: The schema version that `dns-version.<zone>` must name (specification, 2.2).
SCHEMA_VERSION = "1.1.0"
#: Without a ready endpoint both are right: the specification says "should be NXDOMAIN", and a name that exists has NODATA.
EMPTY = frozenset({Status.NXDOMAIN, Status.NODATA})
_NO_ADDRESS = frozenset(Status) - {Status.NOERROR, Status.NOT_ASKED}


@dataclass(frozen=True, slots=True)
class Expectation:
    """One question and what answers it rightly.

    `records` must be the whole set, or a part of it where `superset_allowed`; where it is empty, a status of `absent` is right.
    `hit` is the full name that must own the records of a SEARCH. `may_lag` marks records that follow pods: a cache may lag behind
    for their TTL. `nothing_shown` is why the right answer decides nothing. With `anything` every address is right, and none is wrong.
    """

    subject: str
    query: DnsQuery
    records: tuple[str, ...] = ()
    absent: frozenset[Status] = frozenset()
    hit: str = ""
    superset_allowed: bool = False
    may_lag: bool = False
    nothing_shown: Reason | None = None
    domain: str = ""
    anything: bool = False


@dataclass(frozen=True, slots=True)
class ServerExpectation:
    """One server over one transport, asked `expectation.query.repeat` times.

    `direct` marks a DNS pod asked past its Service, where a NetworkPolicy may stand in between.
    """

    server: str
    transport: str
    direct: bool
    expectation: Expectation


def record_expectations(scene: DnsScene, domain: str, absent_label: str) -> tuple[Expectation, ...]:
    """Every record of the scene, and names with `absent_label` that must not exist; each once, in the order of the report."""
    found: list[Expectation] = []
    for service in scene.services:
        found += of_service(service, scene, domain)
    found += _of_unnamed_pods(scene, domain)
    found += _of_hosts(scene, domain)
    if scene.api_service is not None:
        found += _of_api(scene.api_service, domain)
    found += _of_absent(scene, domain, absent_label)
    version = DnsQuery(full_name(f"dns-version.{domain}"), RecordType.TXT)
    found.append(Expectation("specification", version, (SCHEMA_VERSION,)))
    return tuple(dict.fromkeys(found))


def of_service(service: DnsService, scene: DnsScene, domain: str) -> list[Expectation]:
    """The records of one Service (specification, 2.3 to 2.5)."""
    name = full_name(f"{service.name}.{service.namespace}.svc.{domain}")
    subject = f"service {service.label}"
    if service.external_name:
        return [Expectation(subject, DnsQuery(name, RecordType.CNAME), (full_name(service.external_name),))]
    base = Expectation(subject, DnsQuery(name, RecordType.A), hit=name, domain=domain)
    if service.headless:
        base = replace(base, may_lag=True, nothing_shown=None if service.ready_endpoints else _no_endpoint(service))
        addresses = tuple(address for endpoint in service.ready_endpoints for address in endpoint.addresses)
    else:
        addresses = service.cluster_ips
    rest = _headless_details(service, base) if service.headless else _cluster_ip_details(service, base)
    return [*_addresses(base, addresses), *rest, *_forms(service, scene, base, addresses)]


def _addresses(base: Expectation, addresses: Iterable[str]) -> Iterator[Expectation]:
    """A and AAAA. A name that has records of the one family must answer the other with NODATA: NXDOMAIN would deny both."""
    known = tuple(addresses)
    for rtype, version in ((RecordType.A, 4), (RecordType.AAAA, 6)):
        records = _sorted(address for address in known if ip_address(address).version == version)
        absent = frozenset[Status]() if records else frozenset({Status.NODATA}) if known else EMPTY
        yield replace(base, query=replace(base.query, rtype=rtype), records=records, absent=absent)


def _cluster_ip_details(service: DnsService, base: Expectation) -> Iterator[Expectation]:
    for port in service.ports:
        if port.name:
            yield replace(base, query=_srv(port, base.hit), records=(f"{port.port} {base.hit}",))
    for address in service.cluster_ips:
        yield replace(base, query=_reverse(address), records=(base.hit,))


def _headless_details(service: DnsService, base: Expectation) -> Iterator[Expectation]:
    ready = service.ready_endpoints
    for port in service.ports:
        if port.name:
            records = _srv_records(ready, port.name, base.hit)
            yield replace(base, query=_srv(port, base.hit), records=records, absent=frozenset() if records else EMPTY)
    for hostname in dict.fromkeys(endpoint.hostname for endpoint in service.endpoints if endpoint.hostname):
        name = full_name(f"{hostname}.{base.hit}")
        named = [endpoint for endpoint in ready if endpoint.hostname == hostname]
        own = replace(base, query=replace(base.query, name=name), hit=name)
        yield from _addresses(own, [address for endpoint in named for address in _pod_addresses(endpoint, service)])
        for address in _sorted(address for endpoint in named for address in endpoint.addresses):
            # A pod may be an endpoint of several Services: it then has a name in each.
            yield replace(own, query=_reverse(address), records=(name,), superset_allowed=True)


def _of_unnamed_pods(scene: DnsScene, domain: str) -> Iterator[Expectation]:
    """The names that a StatefulSet promises its pods and that no slice gives them: its serviceName leads to no Service that selects them.

    Expected in the headless Service that the pod names itself, else in the first that selects it.
    """
    headless = [service for service in scene.services if service.headless]
    named = {endpoint.pod for service in headless for endpoint in service.endpoints if endpoint.hostname}
    told: set[str] = set()
    for service in sorted(headless, key=lambda item: not any(pod.subdomain == item.name for pod in item.pods)):
        for pod in service.pods:
            known = pod.name in named or pod.name in told or pod.terminating
            if not pod.stateful or known or not (pod.ready or service.publish_not_ready):
                continue
            told.add(pod.name)
            name = full_name(f"{pod.name}.{service.name}.{service.namespace}.svc.{domain}")
            base = Expectation(f"service {service.label}", DnsQuery(name, RecordType.A), hit=name, may_lag=True, domain=domain)
            yield from _addresses(base, pod.addresses)


def _pod_addresses(endpoint: DnsEndpoint, service: DnsService) -> tuple[str, ...]:
    """The pod's own addresses of the slice's family, read from the pod rather than from the slice where it is known."""
    pod = next((pod for pod in service.pods if pod.name == endpoint.pod), None)
    versions = {ip_address(address).version for address in endpoint.addresses}
    own = tuple(address for address in pod.addresses if ip_address(address).version in versions) if pod else ()
    return own or endpoint.addresses


def _srv_records(endpoints: Iterable[DnsEndpoint], port_name: str, service_name: str) -> tuple[str, ...]:
    """A record for each ready endpoint; two address families of one hostname share theirs."""
    named: set[str] = set()
    unnamed: list[str] = []
    for endpoint in endpoints:
        for port in endpoint.ports:
            if port.name == port_name:
                record = f"{port.port} {endpoint.hostname or ANY_LABEL}.{service_name}".lower()
                if endpoint.hostname:
                    named.add(record)
                else:
                    unnamed.append(record)
    return tuple(sorted([*named, *unnamed]))


def _forms(service: DnsService, scene: DnsScene, base: Expectation, addresses: Iterable[str]) -> Iterator[Expectation]:
    """The ways in which a program writes the name, walked along the pod's search path and given to libc."""
    full = base.hit.rstrip(".")
    forms = [f"{service.name}.{service.namespace}", f"{service.name}.{service.namespace}.svc", full, base.hit]
    if service.namespace == scene.client_namespace:
        forms.insert(0, service.name)
    known = _sorted(addresses)
    for form in forms:
        first = _first_family(known)
        records = tuple(address for address in known if _first_family([address]) is first)
        walk = DnsQuery(form, first, Via.SEARCH)
        yield replace(base, query=walk, records=records, absent=frozenset() if records else EMPTY)
        libc = DnsQuery(form, RecordType.ADDRESS, Via.LIBC)
        yield replace(base, query=libc, records=known, absent=frozenset() if known else _NO_ADDRESS)


def _of_hosts(scene: DnsScene, domain: str) -> Iterator[Expectation]:
    """Exactly the names that the application uses, as it writes them. One that means no Service of the stack is left out where it may be
    of the world outside; one by which the application looks for its database, in the form of a Service's, must lead somewhere."""
    for host in scene.nowhere:
        query = DnsQuery(host, RecordType.ADDRESS, Via.LIBC)
        yield Expectation(f"application's host {host}", query, domain=domain, anything=True)
    for host in scene.hosts:
        labels = host.rstrip(".").split(".")
        namespace = labels[1] if len(labels) > 1 else scene.client_namespace
        service = next((s for s in scene.services if s.name == labels[0] and s.namespace == namespace), None)
        if service is None or service.external_name:
            continue
        addresses = [a for endpoint in service.ready_endpoints for a in endpoint.addresses] if service.headless else service.cluster_ips
        known = _sorted(addresses)
        hit = full_name(f"{service.name}.{service.namespace}.svc.{domain}")
        base = Expectation(f"application's host {host}", DnsQuery(host, RecordType.ADDRESS, Via.LIBC), known, hit=hit, domain=domain)
        yield replace(base, absent=frozenset() if known else _NO_ADDRESS, may_lag=service.headless)


def _of_api(service: DnsService, domain: str) -> Iterator[Expectation]:
    name = full_name(f"{service.name}.{service.namespace}.svc.{domain}")
    base = Expectation(f"service {service.label}", DnsQuery(name, RecordType.A), hit=name, domain=domain)
    yield from _addresses(base, service.cluster_ips)
    first = _first_family(service.cluster_ips)
    records = _sorted(address for address in service.cluster_ips if _first_family([address]) is first)
    yield replace(base, query=DnsQuery(service.label, first, Via.SEARCH), records=records)
    yield replace(base, query=DnsQuery(service.label, RecordType.ADDRESS, Via.LIBC), records=_sorted(service.cluster_ips))


def _of_absent(scene: DnsScene, domain: str, label: str) -> Iterator[Expectation]:
    """Names that nobody made, one in each place where a wildcard could answer."""
    namespaces = dict.fromkeys([scene.client_namespace, *(service.namespace for service in scene.services)])
    parents = [f"{namespace}.svc.{domain}" for namespace in namespaces]
    parents += [f"{service.label}.svc.{domain}" for service in scene.services if service.headless]
    parents += [f"svc.{domain}", domain]
    base = Expectation("no such name", DnsQuery("", RecordType.A), absent=frozenset({Status.NXDOMAIN}), domain=domain)
    for parent in parents:
        yield replace(base, query=replace(base.query, name=full_name(f"{label}.{parent}")))
    # The last candidate leaves the cluster: what the upstream says of it is asked once, and only a record would be wrong.
    yield replace(base, query=DnsQuery(label, RecordType.A, Via.SEARCH, tries=1))


def server_expectations(scene: DnsScene, domain: str, *, repeat: int) -> tuple[ServerExpectation, ...]:
    """The pod's nameservers and every ready DNS pod, each over UDP and TCP, asked for a ClusterIP `repeat` times."""
    fixed = [*scene.services, *([scene.api_service] if scene.api_service is not None else [])]
    service = next((item for item in fixed if item.cluster_ips), None)
    if service is None:
        return ()
    name = full_name(f"{service.name}.{service.namespace}.svc.{domain}")
    first = _first_family(service.cluster_ips)
    records = _sorted(address for address in service.cluster_ips if _first_family([address]) is first)
    targets = [("nameserver", address, False) for address in scene.resolver.nameservers]
    targets += [(server.pod, address, True) for server in scene.servers if server.ready for address in server.addresses]
    return tuple(
        ServerExpectation(
            label,
            "tcp" if tcp else "udp",
            direct,
            Expectation(f"server {label}", DnsQuery(name, first, server=address, tcp=tcp, repeat=repeat, tries=1), records, domain=domain),
        )
        for label, address, direct in targets
        for tcp in (False, True)
    )


def direct_expectations(scene: DnsScene, records: Iterable[Expectation]) -> tuple[Expectation, ...]:
    """The records that follow pods, asked of each ready DNS pod by itself: one that is stale would hide behind the others."""
    following = [
        item for item in records if item.may_lag and item.query.via is Via.EXACT and item.query.rtype is RecordType.A and item.records
    ]
    return tuple(
        replace(item, subject=f"server {server.pod}", query=replace(item.query, server=address))
        for server in scene.servers
        if server.ready
        for address in server.addresses
        for item in following
    )


def _no_endpoint(service: DnsService) -> Reason:
    return Reason(
        f"no endpoint of {service.label} is ready: a missing record is right, and shows nothing",
        f"kubectl -n {service.namespace} get pods,endpointslices",
    )


def _srv(port: DnsPort, service_name: str) -> DnsQuery:
    return DnsQuery(full_name(f"_{port.name}._{port.protocol}.{service_name}"), RecordType.SRV)


def _reverse(address: str) -> DnsQuery:
    return DnsQuery(full_name(ip_address(address).reverse_pointer), RecordType.PTR)


def _first_family(addresses: Iterable[str]) -> RecordType:
    versions = {ip_address(address).version for address in addresses}
    return RecordType.AAAA if versions == {6} else RecordType.A


def _sorted(addresses: Iterable[str]) -> tuple[str, ...]:
    """Each address once, in its canonical form, sorted as text: the probe does the same."""
    return tuple(sorted({str(ip_address(address)) for address in addresses}))
