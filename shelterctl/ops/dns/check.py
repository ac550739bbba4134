"""Checks DNS from a pod of the application: every record of the stack, expected against found."""

from __future__ import annotations

import secrets
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from shelterctl.core.dns.expectations import (
    Expectation,
    ServerExpectation,
    direct_expectations,
    record_expectations,
    server_expectations,
)
from shelterctl.core.dns.judgement import judge_record, object_rows
from shelterctl.core.dns.records import DnsAnswer, DnsQuery, DnsReport, DnsRow, DnsScene, DnsServerRow
from shelterctl.core.dns.verdict import judge_report, judge_server, unknown_server_rows
from shelterctl.core.events import Event, Notice, Outcome, StepFinished, StepProgress, StepStarted
from shelterctl.core.verdict import Judgement, Reason, Verdict
from shelterctl.errors import ClusterError
from shelterctl.ports import Clock, DnsProber

STEP = "dns"


@dataclass(frozen=True, slots=True)
class DnsRequest:
    """How to check.

    `repeat` is how often each server is asked. A record that follows pods and is wrong, or whose objects change while it is asked, is
    asked again every `pause_s` for up to `settle_s`: CoreDNS caches for up to 30 s. `absent_label` is a label that no name has (a
    random one where it is empty).
    """

    repeat: int = 30
    settle_s: float = 40.0
    pause_s: float = 3.0
    absent_label: str = ""


@dataclass(slots=True)
class _Ledger:
    """What is decided so far. `wrong` keeps a lagging row's first failure, and how often in a row it has been right since."""

    rows: dict[Expectation, DnsRow] = field(default_factory=dict)
    servers: dict[ServerExpectation, DnsServerRow] = field(default_factory=dict)
    wrong: dict[Expectation, tuple[DnsRow, int]] = field(default_factory=dict)
    queries: int = 0


def dns_check(prober: DnsProber, clock: Clock, request: DnsRequest | None = None) -> Generator[Event, None, DnsReport]:
    """Asks everything that the scene lets expect, and asks again what had not settled.

    A row counts only if the objects that it rests on are the same before and after it was asked. Raises NotDeployed where there is no
    pod to ask from, and whatever the prober raises.
    """
    request = request or DnsRequest()
    label = request.absent_label or f"absent-{secrets.token_hex(6)}"
    began = clock.monotonic_s()
    yield StepStarted(STEP, "Reading the Services, the endpoints and the pod's resolv.conf")
    before = prober.scene()
    domain = before.cluster_domain
    problem = _cannot_ask(before)
    if problem is not None or domain is None:
        yield StepFinished(STEP, "Nothing could be asked", Outcome.FAILED, clock.monotonic_s() - began)
        doubts = [problem] if problem else []
        return _report(before, _Ledger(), (), (), 0, clock.monotonic_s() - began, doubts)
    ledger = _Ledger()
    rounds = 0
    while True:
        rounds += 1
        records, servers = _expected(before, domain, label, request.repeat)
        pending = [item for item in records if item not in ledger.rows]
        pending_servers = [item for item in servers if item not in ledger.servers]
        yield StepProgress(STEP, f"Asking {len(pending)} names and {len(pending_servers)} servers from {before.client_pod}")
        out_of_time = clock.monotonic_s() - began >= request.settle_s
        answers = None
        try:
            answers = _ask(prober, pending, pending_servers)
        except ClusterError as error:
            # The autoscaler may remove the very pod that asks: another one is asked in the next round.
            if out_of_time:
                raise
            yield Notice(f"{before.client_pod} could not be asked: {error.what}", "warning")
        after = prober.scene()
        if after.cluster_domain is None:
            break
        if answers is not None:
            later = _expected(after, domain, label, request.repeat)
            _decide(ledger, pending, answers[0], set(later[0]), rounds, clock.monotonic_s() - began)
            _decide_servers(ledger, pending_servers, answers[1], set(later[1]))
        before, settled = after, _settled(before, after, ledger, _expected(after, domain, label, request.repeat))
        if settled or out_of_time:
            break
        yield StepProgress(STEP, f"Not settled after {clock.monotonic_s() - began:.0f} s: asking again")
        clock.sleep(request.pause_s)
    elapsed_s = clock.monotonic_s() - began
    records, servers = _expected(before, domain, label, request.repeat)
    report = _report(before, ledger, records, servers, rounds, elapsed_s, [])
    outcome = Outcome.FAILED if report.judgement.verdict is Verdict.FAIL else Outcome.UNCHANGED
    yield StepFinished(STEP, f"{report.queries} queries, {len(report.rows)} rows", outcome, elapsed_s)
    return report


def _cannot_ask(scene: DnsScene) -> Reason | None:
    if scene.cluster_domain is None:
        return Reason(
            f"the search path of {scene.client_pod} has no {scene.client_namespace}.svc.<domain>: the cluster's domain is not known",
            f"kubectl -n {scene.client_namespace} get pod {scene.client_pod} -o jsonpath={{.spec.dnsPolicy}}",
        )
    if not scene.services:
        return Reason(f"no Service was found in namespace {scene.client_namespace}: there is no record to hold DNS to", "shelterctl up")
    return None


def _expected(scene: DnsScene, domain: str, label: str, repeat: int) -> tuple[tuple[Expectation, ...], tuple[ServerExpectation, ...]]:
    records = record_expectations(scene, domain, label)
    return (*records, *direct_expectations(scene, records)), server_expectations(scene, domain, repeat=repeat)


def _ask(
    prober: DnsProber, records: Sequence[Expectation], servers: Sequence[ServerExpectation]
) -> tuple[Mapping[Expectation, DnsAnswer], Mapping[ServerExpectation, DnsAnswer]]:
    """One run of the probe for everything that is pending, the servers first: they say why names get no answer."""
    queries: list[DnsQuery] = [item.expectation.query for item in servers] + [item.query for item in records]
    if not queries:
        return {}, {}
    answers = list(prober.ask(queries))
    return dict(zip(records, answers[len(servers) :], strict=False)), dict(zip(servers, answers, strict=False))


def _decide(
    ledger: _Ledger,
    asked: Iterable[Expectation],
    answers: Mapping[Expectation, DnsAnswer],
    still_expected: set[Expectation],
    rounds: int,
    elapsed_s: float,
) -> None:
    """Keeps the rows that are final: those whose objects stood still, and that no cache can explain."""
    for item in asked:
        judged = judge_record(item, answers.get(item))
        ledger.queries += judged.row.queries
        if item not in still_expected:
            continue
        if judged.lagging:
            ledger.wrong[item] = (ledger.wrong.get(item, (judged.row, 0))[0], 0)
            continue
        first = ledger.wrong.get(item)
        if first is None or judged.row.verdict is not Verdict.PASS:
            ledger.rows[item] = judged.row
        elif first[1] == 0:
            # Right once may be another server's answer; it takes a second time.
            ledger.wrong[item] = (first[0], 1)
        else:
            reason = f"right in two rounds running, {elapsed_s:.0f} s after the first found {first[0].found or 'nothing'} (round {rounds})"
            ledger.rows[item] = replace(judged.row, reason=reason)


def _decide_servers(
    ledger: _Ledger,
    asked: Iterable[ServerExpectation],
    answers: Mapping[ServerExpectation, DnsAnswer],
    still_expected: set[ServerExpectation],
) -> None:
    for item in asked:
        row = judge_server(item, answers.get(item))
        ledger.queries += row.asked
        if item in still_expected:
            ledger.servers[item] = row


def _settled(
    before: DnsScene,
    after: DnsScene,
    ledger: _Ledger,
    expected: tuple[tuple[Expectation, ...], tuple[ServerExpectation, ...]],
) -> bool:
    objects = object_rows(after)
    steady = objects == object_rows(before) and not any(row.verdict is Verdict.FAIL for row in objects)
    return steady and all(item in ledger.rows for item in expected[0]) and all(item in ledger.servers for item in expected[1])


def _report(
    scene: DnsScene,
    ledger: _Ledger,
    records: Sequence[Expectation],
    servers: Sequence[ServerExpectation],
    rounds: int,
    elapsed_s: float,
    doubts: Sequence[Reason],
) -> DnsReport:
    """The rows of the last scene, and every failure that was final though its objects went away later."""
    rows = [_final(item, ledger, elapsed_s) for item in records]
    rows += [row for item, row in ledger.rows.items() if item not in records and row.verdict is Verdict.FAIL]
    objects = object_rows(scene)
    server_rows = [ledger.servers.get(item) or judge_server(item, None) for item in servers]
    server_rows += [row for item, row in ledger.servers.items() if item not in servers and row.verdict is Verdict.FAIL]
    all_servers = (*server_rows, *unknown_server_rows(scene))
    judgement = judge_report([*objects, *rows], all_servers, doubts) if rounds else Judgement(Verdict.UNKNOWN, tuple(doubts))
    return DnsReport(
        judgement,
        scene.client_pod,
        scene.client_namespace,
        scene.cluster_domain or "",
        scene.resolver,
        (*objects, *rows) if rounds else (),
        all_servers if rounds else (),
        ledger.queries,
        rounds,
        elapsed_s,
    )


def _final(item: Expectation, ledger: _Ledger, elapsed_s: float) -> DnsRow:
    if item in ledger.rows:
        return ledger.rows[item]
    if item in ledger.wrong:
        row, rights = ledger.wrong[item]
        if rights:
            return replace(
                row,
                verdict=Verdict.UNKNOWN,
                reason=f"wrong at first ({row.reason}), right the last time",
                next_command="shelterctl dns check",
            )
        return replace(row, reason=f"{row.reason}; still so after {elapsed_s:.0f} s, longer than a cache may keep it")
    changed = judge_record(item, None).row
    return replace(changed, reason="its Service or endpoints changed each time it was asked", next_command="shelterctl dns check")
