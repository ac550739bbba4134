"""The DNS report: the verdict, the records by subject, the servers."""

from __future__ import annotations

from collections.abc import Iterator

from shelterctl.cli.terminal import Line, verdict_style
from shelterctl.core.dns.records import DnsReport, DnsRow
from shelterctl.core.verdict import Verdict

_MARKS = {Verdict.PASS: "✓", Verdict.FAIL: "✗", Verdict.UNKNOWN: "?"}


def lines(report: DnsReport, run: str, *, show_all: bool) -> Iterator[Line]:
    """The report for people: with `show_all` every record, else those that do not pass and a line for each subject."""
    verdict = report.judgement.verdict
    right = sum(row.verdict is Verdict.PASS for row in report.rows)
    counted = f"{right} of {len(report.rows)} records are as expected, asked from {report.client_pod} ({report.queries} queries)"
    yield Line(f"{verdict.value}  {counted}", verdict_style(verdict.value))
    for reason in report.judgement.reasons:
        yield Line(f"  {reason.text}", verdict_style(verdict.value))
        if reason.next_command:
            yield Line(f"    Next: {reason.next_command}")
    subjects: dict[str, list[DnsRow]] = {}
    for row in report.rows:
        subjects.setdefault(row.subject, []).append(row)
    for subject, rows in subjects.items():
        yield from _subject(subject, rows, show_all)
    for server in report.servers:
        times = (
            f"p50 {server.p50_ms:.1f}, p99 {server.p99_ms:.1f} ms"
            if server.p50_ms is not None and server.p99_ms is not None
            else "no answer"
        )
        asked = f"{server.answered} of {server.asked} answered"
        errors = f"SERVFAIL {server.servfail}, timeouts {server.timeouts}" + (
            f", other {server.other_errors}" if server.other_errors else ""
        )
        text = f"  {_MARKS[server.verdict]} {server.server} {server.transport:<3}  {asked}, {times}, {errors}"
        yield Line(text, verdict_style(server.verdict.value) if server.verdict is not Verdict.PASS else "plain")
        if server.reason and server.verdict is not Verdict.PASS:
            yield Line(f"      {server.reason}")
    for note in report.notes:
        yield Line(f"  {'note':<8} {note}", "dim")
    resolver = report.resolver
    yield Line(f"  resolver {', '.join(resolver.nameservers)}, ndots {resolver.ndots}, search {' '.join(resolver.search)}", "dim")
    every = "" if show_all else "Every record: shelterctl dns check --all"
    yield Line(f"  Run {run}.   {every}".rstrip(), "dim")


def _subject(subject: str, rows: list[DnsRow], show_all: bool) -> Iterator[Line]:
    bad = [row for row in rows if row.verdict is not Verdict.PASS]
    worst = Verdict.FAIL if any(r.verdict is Verdict.FAIL for r in rows) else Verdict.UNKNOWN if bad else Verdict.PASS
    times = [row.time_ms for row in rows if row.time_ms is not None]
    slowest = f", slowest {max(times):.1f} ms" if times else ""
    kinds = " ".join(dict.fromkeys(row.kind for row in rows))
    yield Line(
        f"  {_MARKS[worst]} {subject:<28} {len(rows) - len(bad)} of {len(rows)} ({kinds}){slowest}",
        "plain" if worst is Verdict.PASS else verdict_style(worst.value),
    )
    for row in rows if show_all else bad:
        time = f"{row.time_ms:.1f} ms" if row.time_ms is not None else ""
        found = row.found if row.found != row.expected else "as expected"
        yield Line(
            f"      {_MARKS[row.verdict]} {row.kind:<4} {row.name}  {row.expected}  {found}  {time}".rstrip(),
            "plain" if row.verdict is Verdict.PASS else verdict_style(row.verdict.value),
        )
        if row.reason and row.verdict is not Verdict.PASS:
            yield Line(f"          {row.reason}")
            if row.next_command:
                yield Line(f"          Next: {row.next_command}")
