"""The check's rounds, against a small name server in memory whose zone and scene change when a test says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from shelterctl.core.dns.records import (
    DnsAnswer,
    DnsAttempt,
    DnsEndpoint,
    DnsPod,
    DnsPort,
    DnsQuery,
    DnsReport,
    DnsScene,
    DnsServer,
    DnsService,
    RecordType,
    ResolverConfig,
    Status,
    Via,
    candidates,
)
from shelterctl.core.events import Event, Notice, StepFinished, StepProgress, StepStarted
from shelterctl.core.verdict import Reason, Verdict
from shelterctl.errors import ClusterError, NotDeployed
from shelterctl.ops.dns.check import DnsRequest, dns_check

pytestmark = pytest.mark.unit

SEARCH = ("shelter.svc.cluster.local", "svc.cluster.local", "cluster.local")
APP = DnsService(
    "app",
    "shelter",
    cluster_ips=("10.96.7.7",),
    ports=(DnsPort("http", 80),),
    endpoints=(DnsEndpoint(("10.244.0.5",), True, pod="app-1"),),
    pods=(DnsPod("app-1", ("10.244.0.5",), True),),
)
API = DnsService("kubernetes", "default", cluster_ips=("10.96.0.1",))


def database(address: str) -> DnsService:
    port = DnsPort("mongodb", 27017)
    return DnsService(
        "mongodb",
        "shelter",
        headless=True,
        ports=(port,),
        endpoints=(DnsEndpoint((address,), True, "mongodb-0", "mongodb-0", (port,)),),
        pods=(DnsPod("mongodb-0", (address,), True, hostname="mongodb-0", subdomain="mongodb"),),
    )


def zone(address: str) -> dict[tuple[str, RecordType], tuple[str, ...]]:
    """The records of the stack, written out by hand."""
    reverse = ".".join(reversed(address.split(".")))
    return {
        ("app.shelter.svc.cluster.local.", RecordType.A): ("10.96.7.7",),
        ("_http._tcp.app.shelter.svc.cluster.local.", RecordType.SRV): ("80 app.shelter.svc.cluster.local.",),
        ("7.7.96.10.in-addr.arpa.", RecordType.PTR): ("app.shelter.svc.cluster.local.",),
        ("mongodb.shelter.svc.cluster.local.", RecordType.A): (address,),
        ("_mongodb._tcp.mongodb.shelter.svc.cluster.local.", RecordType.SRV): ("27017 mongodb-0.mongodb.shelter.svc.cluster.local.",),
        ("mongodb-0.mongodb.shelter.svc.cluster.local.", RecordType.A): (address,),
        (f"{reverse}.in-addr.arpa.", RecordType.PTR): ("mongodb-0.mongodb.shelter.svc.cluster.local.",),
        ("kubernetes.default.svc.cluster.local.", RecordType.A): ("10.96.0.1",),
        ("dns-version.cluster.local.", RecordType.TXT): ("1.1.0",),
    }


def scene(address: str = "10.244.0.9") -> DnsScene:
    return DnsScene(
        "app-1",
        "shelter",
        ResolverConfig(("10.96.0.10",), SEARCH, 5),
        (APP, database(address)),
        API,
        (DnsServer("coredns-1", "kube-system", ("10.244.0.2",), True),),
    )


@dataclass
class Clock:
    """Time that only sleeping moves."""

    now: float = 0.0

    def monotonic_s(self) -> float:
        return self.now

    def wall_s(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class NameServer:
    """Answers from `zone`; `on_ask` runs before each round, with the round's number from 1, and may change anything."""

    now: DnsScene
    zone: dict[tuple[str, RecordType], tuple[str, ...]]
    on_ask: Callable[[int], None] = lambda number: None
    broken: dict[str, Status] = field(default_factory=dict)
    rounds: list[int] = field(default_factory=list)
    closed: int = 0

    def close(self) -> None:
        self.closed += 1

    def scene(self) -> DnsScene:
        return self.now

    def ask(self, queries: Sequence[DnsQuery]) -> Sequence[DnsAnswer]:
        self.rounds.append(len(queries))
        self.on_ask(len(self.rounds))
        return [self.answer(query) for query in queries]

    def answer(self, query: DnsQuery) -> DnsAnswer:
        names = candidates(query.name, SEARCH, 5) if query.via is not Via.EXACT else (query.name,)
        rtype = RecordType.A if query.rtype is RecordType.ADDRESS else query.rtype
        attempts: list[DnsAttempt] = []
        for name in names:
            records = self.zone.get((name, rtype), ())
            exists = any(owner == name for owner, _ in self.zone)
            status = Status.NOERROR if records else Status.NODATA if exists else Status.NXDOMAIN
            status = self.broken.get(query.server, status)
            attempts += [DnsAttempt(name, status, 0.001, query.server, query.tcp)] * query.repeat
            if records:
                return DnsAnswer(query, status, tuple(sorted(records)), name, name, attempts=tuple(attempts), elapsed_s=0.001)
        return DnsAnswer(query, attempts[-1].status, attempts=tuple(attempts), elapsed_s=0.001)


def run(server: NameServer, clock: Clock | None = None) -> tuple[DnsReport, list[Event]]:
    events: list[Event] = []
    steps = dns_check(server, clock or Clock(), DnsRequest(repeat=2, absent_label="absent-1"))
    while True:
        try:
            events.append(next(steps))
        except StopIteration as stop:
            return stop.value, events


def not_passed(report: DnsReport) -> list[tuple[str, str, str, str]]:
    return [(row.verdict.value, row.name, row.kind, row.reason) for row in report.rows if row.verdict is not Verdict.PASS]


def test_a_cluster_that_answers_rightly_passes_in_one_round() -> None:
    server = NameServer(scene(), zone("10.244.0.9"))
    report, events = run(server)
    assert not_passed(report) == []
    assert (report.judgement.verdict, report.rounds, report.cluster_domain) == (Verdict.PASS, 1, "cluster.local")
    assert [(row.server, row.transport, row.asked) for row in report.servers] == [
        ("nameserver", "udp", 2),
        ("nameserver", "tcp", 2),
        ("coredns-1", "udp", 2),
        ("coredns-1", "tcp", 2),
    ]
    walked = [(row.name, row.queries, row.hit) for row in report.rows if row.via == "search" and row.name.startswith("mongodb")]
    hit = "mongodb.shelter.svc.cluster.local."
    assert walked == [
        ("mongodb", 1, hit),
        ("mongodb.shelter", 2, hit),
        ("mongodb.shelter.svc", 3, hit),
        ("mongodb.shelter.svc.cluster.local", 4, hit),
        ("mongodb.shelter.svc.cluster.local.", 1, hit),
    ]
    assert [type(event) for event in events] == [StepStarted, StepProgress, StepFinished]


def test_a_record_that_is_wrong_for_good_fails_after_the_time_that_a_cache_may_need() -> None:
    server = NameServer(scene("10.244.0.9"), zone("10.244.0.8"))
    clock = Clock()
    report, _ = run(server, clock)
    assert report.judgement.verdict is Verdict.FAIL
    assert clock.now == 42.0
    assert ("FAIL", "mongodb.shelter.svc.cluster.local.", "A") in [row[:3] for row in not_passed(report)]
    assert "missing 10.244.0.9; surplus 10.244.0.8; still so after 42 s, longer than a cache may keep it" in [
        row.reason for row in report.rows
    ]


def test_a_cache_that_lags_behind_must_be_right_twice() -> None:
    server = NameServer(scene("10.244.0.9"), zone("10.244.0.8"))
    server.on_ask = lambda number: server.zone.update(zone("10.244.0.9")) if number == 3 else None
    report, _ = run(server)
    assert report.judgement.verdict is Verdict.PASS
    assert len(server.rounds) == 4
    settled = next(row for row in report.rows if row.name == "mongodb.shelter.svc.cluster.local." and row.kind == "A")
    assert settled.reason == "right in two rounds running, 9 s after the first found 10.244.0.8 (round 4)"


def test_a_server_that_changes_its_mind_each_time_is_never_a_pass() -> None:
    server = NameServer(scene("10.244.0.9"), zone("10.244.0.9"))
    server.on_ask = lambda number: server.zone.update(zone("10.244.0.8" if number % 2 else "10.244.0.9"))
    assert run(server)[0].judgement.verdict is not Verdict.PASS


def test_a_scene_that_changes_once_is_asked_again() -> None:
    server = NameServer(scene("10.244.0.8"), zone("10.244.0.8"))

    def move(number: int) -> None:
        if number == 1:
            server.now, server.zone = scene("10.244.0.9"), zone("10.244.0.9")

    server.on_ask = move
    report, _ = run(server)
    assert (report.judgement.verdict, report.rounds) == (Verdict.PASS, 2)
    assert "10.244.0.9" in [row.expected for row in report.rows]
    assert "10.244.0.8" not in [row.expected for row in report.rows]


def test_a_scene_that_never_stands_still_is_unknown() -> None:
    server = NameServer(scene("10.244.0.1"), zone("10.244.0.1"))

    def move(number: int) -> None:
        server.now, server.zone = scene(f"10.244.0.{number + 1}"), zone(f"10.244.0.{number + 1}")

    server.on_ask = move
    report, _ = run(server)
    assert report.judgement.verdict is Verdict.UNKNOWN
    assert {row[3] for row in not_passed(report)} == {"its Service or endpoints changed each time it was asked"}
    assert {row[1] for row in not_passed(report) if row[2] == "SRV"} == set()


def test_pods_that_come_and_go_do_not_unsettle_a_service_with_an_address_of_its_own() -> None:
    server = NameServer(scene(), zone("10.244.0.9"))

    def scale(number: int) -> None:
        pods = tuple(DnsPod(f"app-{n}", (f"10.244.1.{n}",), True) for n in range(number))
        slices = tuple(DnsEndpoint(pod.addresses, True, pod=pod.name) for pod in pods)
        server.now = replace(server.now, services=(replace(APP, pods=pods, endpoints=slices), server.now.services[1]))

    server.on_ask = scale
    report, _ = run(server)
    assert (report.judgement.verdict, not_passed(report)) == (Verdict.PASS, [])


def test_a_blocked_dns_pod_is_unknown_and_a_failing_one_fails() -> None:
    blocked = NameServer(scene(), zone("10.244.0.9"), broken={"10.244.0.2": Status.TIMEOUT})
    assert run(blocked)[0].judgement.verdict is Verdict.UNKNOWN
    failing = NameServer(scene(), zone("10.244.0.9"), broken={"10.244.0.2": Status.SERVFAIL})
    report = run(failing)[0]
    assert report.judgement.verdict is Verdict.FAIL
    assert [row.reason for row in report.servers if row.server == "coredns-1"] == ["of 2 queries 2 SERVFAIL"] * 2


def test_a_wildcard_fails() -> None:
    server = NameServer(scene(), zone("10.244.0.9") | {("absent-1.svc.cluster.local.", RecordType.A): ("203.0.113.1",)})
    report, _ = run(server)
    assert [(row[0], row[1]) for row in not_passed(report)] == [("FAIL", "absent-1.svc.cluster.local."), ("FAIL", "absent-1")]


def test_no_ready_database_is_unknown_though_the_denial_is_right() -> None:
    waiting = replace(database("10.244.0.9"), endpoints=(), pods=())
    records = {key: value for key, value in zone("10.244.0.9").items() if "mongodb" not in key[0] and "mongodb" not in value[0]}
    report, _ = run(NameServer(replace(scene(), services=(APP, waiting)), records))
    assert report.judgement.verdict is Verdict.UNKNOWN
    assert report.judgement.reasons[0] == Reason(
        "mongodb.shelter EndpointSlice: no pod of mongodb.shelter is ready: nothing answers behind this name",
        "kubectl -n shelter get pods,endpointslices -o wide",
    )


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (
            replace(scene(), resolver=ResolverConfig(("1.1.1.1",), ("corp.example",), 1)),
            "the search path of app-1 has no shelter.svc.<domain>: the cluster's domain is not known",
        ),
        (replace(scene(), services=()), "no Service was found in namespace shelter: there is no record to hold DNS to"),
    ],
)
def test_nothing_to_ask_is_unknown(changed: DnsScene, reason: str) -> None:
    server = NameServer(changed, zone("10.244.0.9"))
    report, _ = run(server)
    assert (report.judgement.verdict, report.judgement.reasons[0].text) == (Verdict.UNKNOWN, reason)
    assert (server.rounds, report.rows, report.queries) == ([], (), 0)


def test_what_was_made_to_ask_from_is_taken_away_however_the_check_ends() -> None:
    server = NameServer(scene(), zone("10.244.0.9"))
    run(server)
    assert server.closed == 1

    broken = NameServer(scene(), zone("10.244.0.9"))

    def interrupt(_number: int) -> None:
        raise KeyboardInterrupt

    broken.on_ask = interrupt
    with pytest.raises(KeyboardInterrupt):
        run(broken)
    assert broken.closed == 1


def test_a_prober_without_answers_is_unknown() -> None:
    class Mute(NameServer):
        def ask(self, queries: Sequence[DnsQuery]) -> Sequence[DnsAnswer]:
            return ()

    report, _ = run(Mute(scene(), zone("10.244.0.9")))
    assert (report.judgement.verdict, report.queries) == (Verdict.UNKNOWN, 0)
    assert report.judgement.reasons[0].text == "not one name was asked: nothing is known"


def test_a_pod_that_went_away_is_replaced_by_the_next_round() -> None:
    server = NameServer(scene(), zone("10.244.0.9"))

    def vanish(number: int) -> None:
        if number == 1:
            raise ClusterError("pod app-1 is gone")

    server.on_ask = vanish
    report, events = run(server)
    assert (report.judgement.verdict, report.rounds) == (Verdict.PASS, 2)
    assert Notice("app-1 could not be asked: pod app-1 is gone", "warning") in events


def test_what_stays_impossible_is_raised() -> None:
    server = NameServer(scene(), zone("10.244.0.9"))

    def refuse(number: int) -> None:
        raise NotDeployed("no pod of the application is ready to ask from")

    server.on_ask = refuse
    with pytest.raises(NotDeployed):
        run(server)


def test_a_workload_without_a_service_fails_though_every_record_is_right() -> None:
    report, _ = run(NameServer(replace(scene(), unserved=("worker.shelter",)), zone("10.244.0.9")))
    assert not_passed(report) == [("FAIL", "worker.shelter", "Service", "no Service leads to this workload: it has no name to be found by")]
    assert report.judgement.verdict is Verdict.FAIL
