"""A fault: its timeline, every category of writes, the histories of what failed, the proof, the bound, what it does not cover."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shelterctl.core.faults.ledger import Category, ClientSaw, Entry, WriteOutcome
from shelterctl.core.figures.fault import writes_figure
from shelterctl.core.figures.svg import svg
from shelterctl.core.report import told
from shelterctl.core.report.claims import LIMITS
from shelterctl.core.report.document import Block, Listing, Paragraph, Picture, Section, Table
from shelterctl.core.report.records import Killed
from shelterctl.core.report.runs import Run
from shelterctl.core.serial import from_json
from shelterctl.core.verdict import Verdict

_MOST_HISTORIES = 40
_MEANINGS = {
    Category.OK: "acknowledged, or there before, and there with its content",
    Category.RECOVERED: "of unknown outcome, and there",
    Category.NOT_APPLIED: "rejected or of unknown outcome, and not there",
    Category.LOST: "acknowledged, and gone",
    Category.CORRUPT: "there with another content or id",
    Category.LOST_AFTER_READ: "read once, and gone later",
    Category.PHANTOM: "rejected, and there all the same",
    Category.UNEXPECTED: "there, and nobody sent it",
    Category.DUPLICATE: "there more than once",
    Category.PRIOR_DATA_LOST: "written before the run, and gone",
}


def section(run: Run) -> Section:
    blocks: list[Block] = []
    if run.missing:
        sent = f" It had sent {len(run.writes) + run.unanswered:,} writes." if run.writes or run.unanswered else ""
        blocks.append(Paragraph(f"{run.missing}.{sent} What became of the writes was not decided.", doubt=True))
        return Section(f"Fault: {run.name}", tuple(blocks))
    kill = from_json(Killed, run.result)
    blocks += _timeline(run, kill)
    blocks += _account(kill)
    blocks += _histories(run, kill)
    blocks += _evidence(kill)
    return Section(f"Fault: {run.name}", tuple(blocks))


def _timeline(run: Run, kill: Killed) -> Iterator[Block]:
    report, recovery = kill.report, kill.recovery
    if report is not None and run.writes:
        marks = recovery.milestones if recovery is not None else ()
        figure = writes_figure(run.writes, report.confirmed_mono_s, marks)
        if figure is not None:
            yield Picture(f"writes-{''.join(c if c.isascii() and c.isalnum() else '-' for c in run.name)}", figure.description, svg(figure))
    rows: list[tuple[str, str]] = []
    if report is not None:
        acks = [write.ended_at_s for write in run.writes if write.saw is ClientSaw.ACK and write.ended_at_s <= report.sent_mono_s]
        if acks:
            rows.append((told.seconds(max(acks) - report.confirmed_mono_s, 2), "the last write before the kill was acknowledged"))
        rows.append((told.seconds(report.sent_mono_s - report.confirmed_mono_s, 2), f"the kill was sent ({report.mode.value})"))
        rows.append((told.seconds(0.0, 2), "the kill was confirmed"))
    if recovery is not None:
        rows += [(told.seconds(at_s, 2), name) for name, at_s in recovery.milestones]
    if rows:
        yield Table("From the last acknowledged write to the recovery", ("since the kill", "what happened"), tuple(rows), frozenset({0}))
    if recovery is not None:
        yield Paragraph(f"± {recovery.resolution_s:.2f} s for writes; pods when the news of them came.")


def _account(kill: Killed) -> Iterator[Block]:
    if not kill.counts:
        yield Paragraph("No reading decides what became of the writes.", doubt=True)
    sums = tuple(
        (words, f"{count:,}", f"{kill.found.get(key, 0):,}" if kill.counts else "–")
        for words, key, count in (
            ("acknowledged", "acknowledged", kill.acknowledged),
            ("rejected", "rejected", kill.rejected),
            ("of unknown outcome", "indeterminate", kill.indeterminate),
        )
    )
    yield Table(f"{kill.attempts:,} writes by what their clients saw", ("client saw", "writes", "found"), sums, frozenset({1, 2}))
    rows = tuple(
        (category.value, f"{kill.counts.get(category.value, 0):,}", _MEANINGS[category], "a failure" if category.fails else "")
        for category in Category
    )
    if kill.counts:
        head = ("category", "count", "meaning", "")
        yield Table(f"Every write, and the {kill.prior:,} documents that were there before", head, rows, frozenset({1}))


def _histories(run: Run, kill: Killed) -> Iterator[Block]:
    failed = [entry for entry in run.entries if entry.category.fails]
    if not failed:
        return
    writes = {write.id: write for write in run.writes}
    since_s = kill.report.confirmed_mono_s if kill.report is not None else None
    rows = tuple(_history(entry, writes.get(entry.id), since_s) for entry in failed[:_MOST_HISTORIES])
    yield Table(
        "The history of each write that failed", ("id", "category", "sent", "answered", "client saw", "found by"), rows, frozenset({2, 3})
    )
    if len(failed) > _MOST_HISTORIES:
        yield Paragraph(f"{len(failed) - _MOST_HISTORIES:,} more are in the run's account.jsonl.")


def _history(entry: Entry, write: WriteOutcome | None, since_s: float | None) -> tuple[str, ...]:
    saw = "–" if entry.saw is None else entry.saw.value
    if write is not None and write.status is not None:
        saw += f" ({write.status})"
    times = (
        ("–", "–")
        if write is None or since_s is None
        else tuple(told.seconds(at - since_s, 2) for at in (write.sent_at_s, write.ended_at_s))
    )
    return (entry.id, entry.category.value, *times, saw, f"{entry.where} {entry.how}".strip() or "–")


def _evidence(kill: Killed) -> Iterator[Block]:
    if kill.proof is not None:
        yield Listing("Proof of the kill:", tuple(kill.proof.facts))
        if kill.proof.doubts:
            yield Listing("Missing from the proof:", _reasons(kill.proof.doubts))
    else:
        yield Paragraph("No kill was proved.", doubt=True)
    window = kill.window
    if window is not None:
        rows = [
            ("acknowledged in the second before the kill", f"{window.acknowledged_before:,}"),
            ("sent and acknowledged after it", f"{window.acknowledged_after:,}"),
            ("at risk", f"{window.at_risk:,}"),
        ]
        if window.loss_bound is not None and kill.judgement.verdict is Verdict.PASS:
            rows.append(("loss rate", f"below {window.loss_bound:.2%} for each write at risk (95%, rule of three)"))
        yield Table("What was at risk", ("writes", "count"), tuple(rows), frozenset({1}))
    if kill.judgement.reasons:
        yield Listing(f"{kill.judgement.verdict.value}:", _reasons(kill.judgement.reasons))
    for name in kill.dns:
        after = "never led to the new pod" if name.seconds is None else f"led to the new pod after {name.seconds:.2f} s"
        yield Paragraph(f"{name.name} {after}{' at most' if name.at_most else ''} (± {name.resolution_s:.2f} s).")
    if kill.notes:
        yield Listing("Notes:", kill.notes)
    yield Paragraph(f"Not covered: {LIMITS[kill.mode]}.", doubt=True)


def _reasons(reasons: Sequence[object]) -> tuple[str, ...]:
    return tuple(str(getattr(reason, "text", reason)) for reason in reasons)
