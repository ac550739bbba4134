"""What a run's folder says against its own verdict: a result that was edited, or written by somebody who knew less than the folder does."""

from __future__ import annotations

from collections.abc import Iterator

from shelterctl.core.claims import Claim
from shelterctl.core.dns.records import DnsReport
from shelterctl.core.faults.ledger import Category, ClientSaw
from shelterctl.core.load.result import LoadResult
from shelterctl.core.report.records import Killed
from shelterctl.core.report.runs import Run
from shelterctl.core.serial import from_json
from shelterctl.core.verdict import Verdict
from shelterctl.core.words import percent


def contradiction(claim: Claim, run: Run) -> str:
    """Why a run does not show the PASS that its result says; empty where nothing speaks against it.

    What is missing from the folder says nothing. Raises ValueError for a result that cannot be read.
    """
    if run.exit_code:
        return f"its result says PASS, and its exit code is {run.exit_code}"
    of_claim = {Claim.SCALES: _of_load, Claim.KEEPS_DATA: _of_kill, Claim.RESOLVES_NAMES: _of_names}.get(claim)
    said = next(of_claim(run), "") if of_claim is not None else ""
    return f"its result says PASS, and {said}" if said else ""


def _of_load(run: Run) -> Iterator[str]:
    load = from_json(LoadResult, run.result)
    for check in load.checks:
        if check.judgement.verdict is not Verdict.PASS:
            yield f"its check of {check.name.value} says {check.judgement.verdict.value}"
    ratio, allowed = load.traffic.failure_ratio, load.expectations.max_failure_ratio
    if ratio > allowed:
        yield f"{percent(ratio)} of its requests failed, where {percent(allowed)} were allowed"
    recording = run.recording
    if recording is not None and len(recording.ticks) and not recording.damaged:
        counted = sum(tick.requests for tick in recording.ticks.values)
        if counted != load.traffic.requests:
            yield f"its events count {counted:,} requests where its result has {load.traffic.requests:,}"


def _of_kill(run: Run) -> Iterator[str]:
    kill = from_json(Killed, run.result)
    for category in Category:
        if category.fails and kill.counts.get(category.value):
            yield f"it counts {kill.counts[category.value]:,} {category.value}"
    if run.entries:
        yield f"its account has {len(run.entries):,} writes that fail, such as {run.entries[0].id} ({run.entries[0].category.value})"
    for part, judgement in (("data", kill.data), ("service", kill.service)):
        if judgement is not None and judgement.verdict is not Verdict.PASS:
            yield f"its verdict on the {part} is {judgement.verdict.value}"
    if kill.proof is None or not kill.proof.proved:
        yield "the kill is not proved" + (f": {kill.proof.doubts[0].text}" if kill.proof is not None else "")
    if not kill.acknowledged:
        yield "no write was acknowledged"
    acknowledged = sum(write.saw is ClientSaw.ACK for write in run.writes)
    if run.writes and acknowledged != kill.acknowledged:
        yield f"its journal has {acknowledged:,} acknowledged writes where its result has {kill.acknowledged:,}"


def _of_names(run: Run) -> Iterator[str]:
    report = from_json(DnsReport, run.result)
    wrong = [row for row in report.rows if row.verdict is not Verdict.PASS]
    if wrong:
        yield f"its row of {wrong[0].name} says {wrong[0].verdict.value}"
    if not report.rows:
        yield "it asked no name"
