"""Two runs of one kind side by side: each number of both, and what lies between them."""

from __future__ import annotations

from collections.abc import Iterator

from shelterctl.core.autoscaling.course import course_of
from shelterctl.core.load.result import LoadResult
from shelterctl.core.report import load as loads
from shelterctl.core.report.document import Block, Paragraph, Picture, Section, Table
from shelterctl.core.report.records import Deployed, Killed, Proved
from shelterctl.core.report.runs import Run
from shelterctl.core.serial import from_json

#: What it is, the number if it is one, and its unit; or the words.
Row = tuple[str, float | str | None, str]


def section(one: Run, other: Run) -> Section:
    title = f"Side by side: {one.name} and {other.name}"
    if one.kind != other.kind:
        why = f"{one.name} is a run of {one.command} and {other.name} of {other.command}: there is nothing to set side by side"
        return Section(title, (Paragraph(f"{why}.", doubt=True),))
    blocks: list[Block] = []
    for run in (one, other):
        if run.missing:
            blocks.append(Paragraph(f"{run.name}: {run.missing}.", doubt=True))
    first, second = dict(_keyed(one)), dict(_keyed(other))
    rows = []
    for key in dict.fromkeys((*first, *second)):
        a, b = first.get(key), second.get(key)
        rows.append((key, _told(a), _told(b), _between(a, b)))
    if rows:
        blocks.append(Table("The numbers of both", ("", one.name, other.name, "difference"), tuple(rows), frozenset({1, 2, 3})))
    for run in (one, other):
        for block in loads.figures(run) if run.kind == "loadtest" else ():
            blocks.append(Picture(f"compare-{block.name}", f"{run.name}: {block.caption}", block.svg))
    return Section(title, tuple(blocks))


def _keyed(run: Run) -> Iterator[tuple[str, Row]]:
    for row in _rows(run):
        yield row[0], row


def _rows(run: Run) -> Iterator[Row]:
    if run.missing:
        return
    if run.kind == "loadtest":
        yield from _load(run, from_json(LoadResult, run.result))
    elif run.kind == "kill-db":
        yield from _kill(from_json(Killed, run.result))
    elif run.kind == "up":
        up = from_json(Deployed, run.result)
        yield "image", up.chain.reference, ""
        yield "time", up.elapsed_s, "s"
        yield "sent to the node", float(sum(item.sent_bytes for item in up.loads)), "bytes"
        if up.autoscaler is not None:
            yield "CPU target", _float(up.autoscaler.cpu_target_percent), "%"
            yield "replicas allowed", f"{up.autoscaler.minimum} to {up.autoscaler.maximum}", ""
    elif run.kind == "prove":
        proof = from_json(Proved, run.result)
        yield "verdict", proof.judgement.verdict.value, ""
        for claim in proof.claims:
            yield claim.claim.words, claim.verdict.value if claim.verdict is not None else "not looked at", ""
        yield "time", proof.elapsed_s, "s"


def _load(run: Run, load: LoadResult) -> Iterator[Row]:
    traffic, timeline = load.traffic, load.timeline
    yield "verdict", load.judgement.verdict.value, ""
    yield "users", float(load.plan.users), ""
    if timeline is not None and timeline.points:
        point = timeline.points[0]
        yield "CPU target", _float(point.target_percent), "%"
        yield "replicas allowed", f"{point.minimum} to {point.maximum}" if point.maximum is not None else "no autoscaler", ""
        yield "scale-up window", timeline.scale_up_window_s, "s"
    yield "requests", float(traffic.requests), ""
    yield "rate", traffic.requests_per_s, "requests/s"
    yield "failed", 100 * traffic.failure_ratio, "%"
    for name, value in (("p50", traffic.p50_ms), ("p95", traffic.p95_ms), ("p99", traffic.p99_ms), ("slowest", traffic.max_ms)):
        yield name, value, "ms"
    if timeline is not None:
        yield "replicas ready at first", float(timeline.first_ready), ""
        yield "replicas ready at most", float(timeline.peak_ready), ""
        yield "decisions", float(len(timeline.decisions)), ""
        ups = [item for item in timeline.decisions if item.after > item.before]
        yield "first scale-up decided", ups[0].at_s if ups else None, "s"
        yield "first new pod ready", timeline.new_pods[0].ready_at_s if timeline.new_pods else None, "s"
        yield "pods' CPU at most", timeline.cpu_limit_percent, "% of their limit"
    if run.recording is not None and run.recording.ticks.times_s:
        course = course_of(run.recording)
        found, down = course.elasticity, course.down
        if found is not None:
            yield "too few replicas", found.under_timeshare_percent, "% of the time"
            yield "too many replicas", found.over_timeshare_percent, "% of the time"
        if down is not None:
            reached_s = None if down.minimum_at_s is None else down.minimum_at_s - down.last_request_s
            yield "from the last request to the minimum", reached_s, "s"


def _kill(kill: Killed) -> Iterator[Row]:
    yield "verdict", kill.judgement.verdict.value, ""
    yield "killed by", kill.mode.value, ""
    yield "server", kill.server, ""
    for name, count in (
        ("writes", kill.attempts),
        ("acknowledged", kill.acknowledged),
        ("rejected", kill.rejected),
        ("unknown outcome", kill.indeterminate),
    ):
        yield name, float(count), ""
    for name, count in kill.counts.items():
        yield f"account: {name}", float(count), ""
    if kill.recovery is not None:
        silence = kill.recovery.silence_s
        yield "no write acknowledged for", silence[1] - silence[0] if silence is not None else None, "s"
        yield "first acknowledged write", kill.recovery.first_ack_s, "s"
    if kill.window is not None:
        yield "writes at risk", float(kill.window.at_risk), ""


def _float(value: int | None) -> float | None:
    return None if value is None else float(value)


def _told(row: Row | None) -> str:
    if row is None or row[1] is None:
        return "–"
    return row[1] if isinstance(row[1], str) else f"{_number(row[1])} {row[2]}".strip()


def _between(one: Row | None, other: Row | None) -> str:
    if one is None or other is None or one[1] is None or other[1] is None:
        return ""
    if isinstance(one[1], str) or isinstance(other[1], str):
        return "the same" if one[1] == other[1] else "differs"
    change = other[1] - one[1]
    share = f" ({change / one[1]:+.0%})" if one[1] and change else ""
    return f"{'+' if change > 0 else ''}{_number(change)}{share}" if change else "the same"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:,.2f}"
