"""DNS: what each name must resolve to and what was found, and the resolver's way to it."""

from __future__ import annotations

from shelterctl.core.dns.records import DnsReport
from shelterctl.core.report import told
from shelterctl.core.report.document import Block, Listing, Paragraph, Section, Table
from shelterctl.core.report.runs import Run
from shelterctl.core.serial import from_json
from shelterctl.core.verdict import Verdict

_MOST_ROWS = 200


def section(run: Run) -> Section:
    if run.missing:
        return Section(f"DNS: {run.name}", (Paragraph(f"{run.missing}.", doubt=True),))
    report = from_json(DnsReport, run.result)
    resolver = report.resolver
    way = (
        ("asked from", f"{report.client_pod} in {report.client_namespace}"),
        ("nameservers", ", ".join(resolver.nameservers)),
        ("search path", ", ".join(resolver.search)),
        ("ndots", str(resolver.ndots)),
        ("cluster domain", report.cluster_domain),
        ("rounds", f"{report.rounds} in {told.seconds(report.elapsed_s)}, {report.queries:,} queries in the last one"),
    )
    blocks: list[Block] = [Table("The resolver's way", ("", "found"), way)]
    # What is wrong comes first, so that a cut never hides it.
    rows = sorted(report.rows, key=lambda row: row.verdict is Verdict.PASS)
    table = tuple(
        (
            row.verdict.value,
            row.name,
            row.kind,
            row.via,
            row.expected,
            f"{row.found}{f' ({row.reason})' if row.reason else ''}",
            told.milliseconds(row.time_ms),
        )
        for row in rows[:_MOST_ROWS]
    )
    head = ("verdict", "name", "record", "asked", "expected", "found", "time")
    blocks.append(Table("Expected against found", head, table, frozenset({6}), verdicts=0))
    if len(rows) > _MOST_ROWS:
        blocks.append(Paragraph(f"{len(rows) - _MOST_ROWS:,} more rows, all as expected, are in the run's result."))
    servers = tuple(
        (
            item.verdict.value,
            item.server,
            item.transport,
            f"{item.answered:,} of {item.asked:,}",
            *(told.milliseconds(v) for v in (item.p50_ms, item.p99_ms)),
        )
        for item in report.servers
    )
    if servers:
        blocks.append(
            Table(
                "Each DNS server", ("verdict", "server", "transport", "answered", "p50", "p99"), servers, frozenset({3, 4, 5}), verdicts=0
            )
        )
    if report.judgement.reasons:
        blocks.append(Listing(f"{report.judgement.verdict.value}:", tuple(reason.text for reason in report.judgement.reasons)))
    if report.notes:
        blocks.append(Listing("Notes:", report.notes))
    return Section(f"DNS: {run.name}", tuple(blocks))
