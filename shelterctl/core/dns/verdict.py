"""How each DNS server answered, and the verdict over servers and records together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from shelterctl.core.dns.expectations import ServerExpectation
from shelterctl.core.dns.judgement import AGAIN, COREDNS_LOGS, POLICIES, wrong_records
from shelterctl.core.dns.records import ANSWERED, SILENT, DnsAnswer, DnsRow, DnsScene, DnsServerRow, Status
from shelterctl.core.verdict import Judgement, Reason, Verdict, judge
from shelterctl.core.words import listed


def judge_server(expected: ServerExpectation, answer: DnsAnswer | None) -> DnsServerRow:
    """How one server answered. Total silence of a DNS pod asked directly decides nothing; any other error fails."""
    attempts = [attempt for attempt in answer.attempts if attempt.tcp == (expected.transport == "tcp")] if answer else []
    good = sorted(attempt.elapsed_s * 1000 for attempt in attempts if attempt.status in ANSWERED)
    servfail = sum(attempt.status is Status.SERVFAIL for attempt in attempts)
    timeouts = sum(attempt.status is Status.TIMEOUT for attempt in attempts)
    silent = sum(attempt.status in SILENT for attempt in attempts)
    query = expected.expectation.query
    row = DnsServerRow(
        expected.server,
        query.server,
        expected.transport,
        len(attempts),
        len(good),
        servfail,
        timeouts,
        len(attempts) - len(good) - servfail - timeouts,
        percentile(good, 50),
        percentile(good, 99),
        Verdict.UNKNOWN,
    )
    if answer is None or not attempts:
        return replace(row, reason="the probe's time was over before this server was asked", next_command=AGAIN)
    if silent == len(attempts) and expected.direct:
        reason = f"no answer over {expected.transport.upper()} when asked directly: a NetworkPolicy may block it"
        return replace(row, reason=reason, next_command=POLICIES)
    if timeouts and answer.throttled_s > timeouts * query.timeout_s / 2:
        reason = f"{timeouts} of {len(attempts)} timed out, but the pod's CPU limit held it back for {answer.throttled_s:.1f} s"
        return replace(row, reason=reason, next_command=AGAIN)
    if len(good) < len(attempts):
        counts = ((servfail, "SERVFAIL"), (timeouts, "timed out"), (row.other_errors, "other errors"))
        listed = ", ".join(f"{count} {word}" for count, word in counts if count)
        look = POLICIES if silent == len(attempts) else COREDNS_LOGS
        return replace(row, verdict=Verdict.FAIL, reason=f"of {len(attempts)} queries {listed}", next_command=look)
    problem = wrong_records(expected.expectation, answer)
    if problem:
        return replace(row, verdict=Verdict.FAIL, reason=f"{query.name}: {problem}", next_command=COREDNS_LOGS)
    if len(attempts) < query.repeat:
        reason = f"the probe's time was over after {len(attempts)} of {query.repeat} queries"
        return replace(row, reason=reason, next_command=AGAIN)
    # Else a p99 of a hundred milliseconds would be held against the server.
    held = f"its times include {answer.throttled_s:.2f} s in which the asking pod's own CPU limit held it back"
    return replace(row, verdict=Verdict.PASS, reason=held if answer.throttled_s >= 0.01 else "")


def percentile(ordered: Sequence[float], percent: int) -> float | None:
    """The nearest-rank percentile of values in ascending order (the smallest value with `percent` % at or below it)."""
    if not ordered:
        return None
    return round(ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)], 3)


def unknown_server_rows(scene: DnsScene) -> tuple[DnsServerRow, ...]:
    """Rows for the DNS pods that could not be asked, one each; or one row that says that there are none."""
    look = "kubectl -n kube-system get pods -l k8s-app=kube-dns"

    def row(name: str, address: str, reason: str) -> DnsServerRow:
        return DnsServerRow(name, address, "", 0, 0, 0, 0, 0, None, None, Verdict.UNKNOWN, reason, look)

    if not scene.servers:
        return (row("", "", "no pod of the cluster's DNS was found (label k8s-app=kube-dns in kube-system)"),)
    waiting = [server for server in scene.servers if not server.ready or not server.addresses]
    return tuple(row(server.pod, ", ".join(server.addresses), f"{server.pod} is not ready: it was not asked") for server in waiting)


def judge_report(rows: Iterable[DnsRow], servers: Iterable[DnsServerRow], extra_doubts: Iterable[Reason] = ()) -> Judgement:
    """The verdict over all rows; without a single record or server that was asked it is UNKNOWN."""
    rows, servers = tuple(rows), tuple(servers)
    reasons: dict[Verdict, list[Reason]] = {verdict: [] for verdict in Verdict}
    # One cause makes many rows: each is told once, by the first row that it made.
    causes: dict[tuple[Verdict, str, str], list[str]] = {}
    for row in rows:
        causes.setdefault((row.verdict, row.reason, row.next_command), []).append(f"{row.name} {row.kind}")
    for server in servers:
        label = " ".join(part for part in (server.server, server.address, server.transport) if part)
        causes.setdefault((server.verdict, server.reason, server.next_command), []).append(label)
    for (verdict, reason, next_command), labels in causes.items():
        reasons[verdict].append(Reason(f"{listed(labels, 1)}: {reason}" if labels[0] else reason, next_command))
    doubts = [*extra_doubts, *reasons[Verdict.UNKNOWN]]
    if not any(row.queries for row in rows):
        doubts.insert(0, Reason("not one name was asked: nothing is known", AGAIN))
    if not any(server.asked for server in servers):
        doubts.append(Reason("no DNS server was asked by itself", AGAIN))
    return judge(reasons[Verdict.FAIL], doubts)
