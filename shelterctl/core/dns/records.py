"""DNS records of the domain: what is asked, what came back, and the objects that the answers are held to.

Names are written in lower case and, where they are full names, with their trailing dot, so that records compare as text.
The rules are those of the kubernetes/dns specification 1.1.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from shelterctl.core.verdict import Judgement, Verdict


class RecordType(Enum):
    """The types that this check asks for. ADDRESS is what libc returns: A and AAAA together."""

    A = "A"
    AAAA = "AAAA"
    SRV = "SRV"
    PTR = "PTR"
    CNAME = "CNAME"
    TXT = "TXT"
    ADDRESS = "A+AAAA"


class Via(Enum):
    """How a name is asked.

    EXACT asks the name as it stands; SEARCH walks the pod's search path as its ndots says; LIBC calls getaddrinfo, which walks
    the search path by itself.
    """

    EXACT = "exact"
    SEARCH = "search"
    LIBC = "libc"


class Status(Enum):
    """What came back. NODATA is NOERROR without a record of the type; NOT_ASKED had no time left in the probe."""

    NOERROR = "NOERROR"
    NODATA = "NODATA"
    NXDOMAIN = "NXDOMAIN"
    SERVFAIL = "SERVFAIL"
    REFUSED = "REFUSED"
    OTHER_RCODE = "OTHER_RCODE"
    TIMEOUT = "TIMEOUT"
    UNREACHABLE = "UNREACHABLE"
    MALFORMED = "MALFORMED"
    NOT_ASKED = "NOT_ASKED"


#: Statuses that a DNS server sent on purpose about the name itself.
ANSWERED = frozenset({Status.NOERROR, Status.NODATA, Status.NXDOMAIN})
#: Statuses without any usable response.
SILENT = frozenset({Status.TIMEOUT, Status.UNREACHABLE})


@dataclass(frozen=True, slots=True)
class DnsQuery:
    """One question.

    `server` is the address to ask, empty for the nameservers of the pod's resolv.conf. `tcp` forces TCP; over UDP a truncated
    answer is asked again over TCP. `repeat` asks that often in a row, each an attempt of its own. `until` with `until_s` asks
    again every 50 ms until the records are exactly these, or the time is over.
    """

    name: str
    rtype: RecordType
    via: Via = Via.EXACT
    server: str = ""
    tcp: bool = False
    repeat: int = 1
    tries: int = 2
    timeout_s: float = 2.0
    until: tuple[str, ...] = ()
    until_s: float = 0.0


@dataclass(frozen=True, slots=True)
class DnsAttempt:
    """One message sent and what came of it. `name` is the name on the wire, with its trailing dot."""

    name: str
    status: Status
    elapsed_s: float
    server: str = ""
    tcp: bool = False


@dataclass(frozen=True, slots=True)
class DnsAnswer:
    """The outcome of one query.

    `records` are sorted texts: addresses for A, AAAA and LIBC; `port target` for SRV; the target for PTR and CNAME; the joined
    strings for TXT. `canonical_name` owns them, at the end of `aliases` (CNAME targets). `asked_name` is the candidate of the search
    path that was answered. `truncated` says that UDP was cut short and TCP was asked. `throttled_s` is how long the pod's own CPU
    limit held the pod's threads back meanwhile, added up. `answered_at_s` is the pod's wall clock, seconds since the epoch.
    `varied` says that a repeated query found other records than its first time.
    """

    query: DnsQuery
    status: Status
    records: tuple[str, ...] = ()
    asked_name: str = ""
    canonical_name: str = ""
    aliases: tuple[str, ...] = ()
    attempts: tuple[DnsAttempt, ...] = ()
    elapsed_s: float = 0.0
    ttl_s: int | None = None
    truncated: bool = False
    detail: str = ""
    throttled_s: float = 0.0
    answered_at_s: float = 0.0
    varied: bool = False


@dataclass(frozen=True, slots=True)
class DnsPort:
    """A port by name; `protocol` in lower case, as SRV names carry it. An unnamed port has an empty name and no SRV record."""

    name: str
    port: int
    protocol: str = "tcp"


@dataclass(frozen=True, slots=True)
class DnsEndpoint:
    """An endpoint of an EndpointSlice. `ready` is its condition (absent counts as ready, as the API defines it)."""

    addresses: tuple[str, ...]
    ready: bool
    hostname: str = ""
    pod: str = ""
    ports: tuple[DnsPort, ...] = ()


@dataclass(frozen=True, slots=True)
class DnsPod:
    """A pod that a Service selects. `hostname` and `subdomain` are its spec's: together they give it a name of its own.

    `stateful` is whether a StatefulSet made it, which promises it one.
    """

    name: str
    addresses: tuple[str, ...]
    ready: bool
    terminating: bool = False
    hostname: str = ""
    subdomain: str = ""
    stateful: bool = False


@dataclass(frozen=True, slots=True)
class DnsService:
    """A Service with its EndpointSlices' endpoints and the pods that it selects.

    `cluster_ips` is empty for a headless one. `ip_families` are IPv4 and IPv6 in the Service's order. `selects` is False for a
    Service without a selector, whose endpoints somebody else writes.
    """

    name: str
    namespace: str
    headless: bool = False
    cluster_ips: tuple[str, ...] = ()
    ip_families: tuple[str, ...] = ("IPv4",)
    ports: tuple[DnsPort, ...] = ()
    publish_not_ready: bool = False
    selects: bool = True
    external_name: str = ""
    endpoints: tuple[DnsEndpoint, ...] = ()
    pods: tuple[DnsPod, ...] = ()

    @property
    def ready_endpoints(self) -> tuple[DnsEndpoint, ...]:
        return tuple(endpoint for endpoint in self.endpoints if endpoint.ready)

    @property
    def label(self) -> str:
        return f"{self.name}.{self.namespace}"


@dataclass(frozen=True, slots=True)
class DnsServer:
    """A pod of the cluster's DNS."""

    pod: str
    namespace: str
    addresses: tuple[str, ...]
    ready: bool


@dataclass(frozen=True, slots=True)
class ResolverConfig:
    """What the pod's /etc/resolv.conf says. `search` without trailing dots, in order."""

    nameservers: tuple[str, ...]
    search: tuple[str, ...]
    ndots: int = 1


@dataclass(frozen=True, slots=True)
class DnsScene:
    """Everything that the expectations rest on, at one moment. Two scenes are equal where DNS should say the same in both.

    `services` are the stack's; `api_service` is the cluster's own `kubernetes` in `default`; `unserved` names the workloads
    (`name.namespace`) that no Service leads to; `hosts` are the names that the application itself uses, `nowhere` those by which it
    looks for its database and that no Service of the stack has; `taken_at_s` is wall time. `notes`
    say which names somebody may expect, and cannot be there.
    """

    client_pod: str
    client_namespace: str
    resolver: ResolverConfig
    services: tuple[DnsService, ...]
    api_service: DnsService | None = None
    servers: tuple[DnsServer, ...] = ()
    unserved: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    nowhere: tuple[str, ...] = ()
    taken_at_s: float = field(default=0.0, compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def cluster_domain(self) -> str | None:
        """The domain after `<namespace>.svc.` in the pod's search path, or None where the path has no such entry."""
        prefix = f"{self.client_namespace}.svc."
        found = next((entry.removeprefix(prefix) for entry in self.resolver.search if entry.startswith(prefix)), None)
        return found if found and f"svc.{found}" in self.resolver.search else None


@dataclass(frozen=True, slots=True)
class DnsRow:
    """One line of the report.

    `subject` groups the lines (`service mongodb.shelter`); `kind` is the record's type, or `EndpointSlice`. `queries` counts the
    messages that it took, `hit` is the name that answered. `time_ms` is None where nothing was asked.
    """

    subject: str
    name: str
    kind: str
    via: str
    expected: str
    found: str
    time_ms: float | None
    verdict: Verdict
    reason: str = ""
    next_command: str = ""
    queries: int = 0
    hit: str = ""


@dataclass(frozen=True, slots=True)
class DnsServerRow:
    """How one server answered over one transport. Latencies in ms of the answers that came; None where none came."""

    server: str
    address: str
    transport: str
    asked: int
    answered: int
    servfail: int
    timeouts: int
    other_errors: int
    p50_ms: float | None
    p99_ms: float | None
    verdict: Verdict
    reason: str = ""
    next_command: str = ""


@dataclass(frozen=True, slots=True)
class DnsReport:
    """The result of the check. `rounds` counts how often everything was asked; `queries` counts messages of the last round."""

    judgement: Judgement
    client_pod: str
    client_namespace: str
    cluster_domain: str
    resolver: ResolverConfig
    rows: tuple[DnsRow, ...]
    servers: tuple[DnsServerRow, ...]
    queries: int
    rounds: int
    elapsed_s: float
    notes: tuple[str, ...] = ()


def full_name(name: str) -> str:
    """The name in lower case with exactly one trailing dot (comparisons of the specification are case-insensitive)."""
    return name.lower().rstrip(".") + "."


def candidates(name: str, search: Sequence[str], ndots: int) -> tuple[str, ...]:
    """The full names that a resolver asks for `name`, in order (resolv.conf(5): ndots, search).

    A trailing dot asks the name alone. Fewer dots than `ndots`: the search path first, the name as it stands last; else the other
    way round.
    """
    if name.endswith("."):
        return (full_name(name),)
    searched = [full_name(f"{name}.{suffix}") for suffix in search]
    literal = full_name(name)
    ordered = [*searched, literal] if name.count(".") < ndots else [literal, *searched]
    return tuple(dict.fromkeys(ordered))
