"""Settings, versions, clocks and gaps of the observation, run by run, and the files that all of it was read from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shelterctl.core.load.result import LoadResult
from shelterctl.core.load.timeline import Timeline
from shelterctl.core.report import told
from shelterctl.core.report.document import Block, Listing, Paragraph, Section, Table
from shelterctl.core.report.runs import FileDigest, Run
from shelterctl.core.serial import from_json

_MOST_WARNINGS = 20


def section(runs: Sequence[Run], version: str) -> Section:
    head = ("run", "command", "exit code", "where", "finished")
    rows = tuple(
        (run.name, run.command, "none" if run.exit_code is None else str(run.exit_code), _where(run), told.moment(run.finished_s))
        for run in runs
    )
    blocks: list[Block] = [Table("The runs", head, rows, frozenset({2}))]
    for run in runs:
        gaps = tuple(_gaps(run))
        if gaps:
            blocks.append(Listing(f"Gaps and doubts in {run.name}:", gaps))
    if len(blocks) == 1:
        blocks.append(Paragraph("No gap in the observation is recorded."))
    for run in runs:
        warnings = [
            f"{told.moment(at_s)} {item.subject} {item.reason}: {item.message}" for at_s, item in run.told.happenings if item.warning
        ]
        if warnings:
            more = (f"{len(warnings) - _MOST_WARNINGS} more",) if len(warnings) > _MOST_WARNINGS else ()
            blocks.append(Listing(f"Warnings of the target during {run.name}:", (*warnings[:_MOST_WARNINGS], *more)))
    settings = tuple(_settings(runs))
    if settings:
        blocks.append(Table("Settings of the loads", ("run", "setting", "value"), settings))
    blocks.append(Paragraph(f"Made by shelterctl {version}. Times of day are UTC; times within a run are the machine's monotonic clock."))
    return Section("Settings, versions, clocks, gaps", tuple(blocks))


def _where(run: Run) -> str:
    target = run.told.target
    if target is None:
        return "–"
    versions = " ".join(part for part in (target.kubernetes_version and f"Kubernetes {target.kubernetes_version}", target.runtime) if part)
    return f"{target.context}, namespace {target.namespace}{f', {versions}' if versions else ''}"


def _gaps(run: Run) -> Iterator[str]:
    if run.missing:
        yield run.missing
    if run.told.damaged:
        yield f"{run.told.damaged} lines of its events cannot be read: a run that was killed leaves one at its end"
    if run.unanswered:
        yield f"{run.unanswered} writes have an intent and no outcome in the journal"
    for at_s, drop in run.told.watches:
        after = getattr(drop, "after_s", None)
        what = f"is back after {after:.1f} s" if after is not None else f"dropped: {getattr(drop, 'why', '')}"
        yield f"{told.moment(at_s)} the watch of {drop.resource} {what}"
    for _, notice in run.told.notices:
        if notice.level == "warning":
            yield notice.text
    timeline = _timeline(run)
    if timeline is None:
        return
    for blind in timeline.blind:
        until = "to the end" if blind.until_s is None else f"to {blind.until_s:.0f} s"
        yield f"nothing could be seen from {blind.from_s:.0f} s {until}: {blind.why}"
    for problem in (timeline.clock_problem, timeline.metric_problem, timeline.usage_problem, timeline.unplaced):
        if problem:
            yield problem
    if timeline.metric_period_s is not None:
        yield f"metrics came every {timeline.metric_period_s:.0f} s: what lies between two of them was not seen"
    for other in timeline.others:
        yield f"{other} worked on the stack meanwhile"


def _timeline(run: Run) -> Timeline | None:
    if run.kind != "loadtest" or run.missing:
        return None
    try:
        return from_json(LoadResult, run.result).timeline
    except ValueError:
        return None


def _settings(runs: Sequence[Run]) -> Iterator[tuple[str, str, str]]:
    for run in runs:
        if run.kind != "loadtest" or run.missing:
            continue
        try:
            load = from_json(LoadResult, run.result)
        except ValueError:
            continue
        plan, asked = load.plan, load.expectations
        yield run.name, "users, started at", f"{plan.users:,}, {plan.spawn_rate:g} a second"
        yield run.name, "think time, seed", f"{plan.think_s:g} s, {'none' if plan.seed is None else plan.seed}"
        if plan.stages:
            yield run.name, "stages", ", ".join(f"{stage.duration_s:g} s to {stage.users}" for stage in plan.stages)
        limit = f", p95 below {asked.max_p95_ms:g} ms" if asked.max_p95_ms is not None else ""
        scale = ", a scale-up" if asked.require_scale_up else ""
        yield run.name, "what was expected", f"at most {asked.max_failure_ratio:.1%} failed{limit}{scale}"
        if plan.tag:
            yield run.name, "tag", plan.tag


def files_section(files: Sequence[FileDigest], digest: str, file_name: str) -> Section:
    rows = tuple((file.path, f"{file.size:,}", file.sha256) for file in files)
    return Section(
        "The files it was made from",
        (
            Paragraph(f"Digest over all of them: sha256:{digest}"),
            Paragraph(f"shelterctl report --verify {file_name} reads them again and holds this report to them, text and numbers too."),
            Table("Files that were read", ("file", "bytes", "SHA-256"), rows, frozenset({1})),
        ),
    )
