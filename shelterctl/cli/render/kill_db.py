"""The account of a killed database: the verdict first, the evidence under it, the next command last."""

from __future__ import annotations

from collections.abc import Iterator

from shelterctl.cli.terminal import Line, verdict_style
from shelterctl.core.faults.fault import KillMode
from shelterctl.core.faults.ledger import Category
from shelterctl.core.verdict import Verdict
from shelterctl.core.words import counted
from shelterctl.ops.chaos.kill_db import PRIOR_LIMIT
from shelterctl.ops.chaos.result import KillDbResult

#: Named one by one; the rest is counted.
_MOST_TABLES = 12


def lines(result: KillDbResult) -> Iterator[Line]:
    """The result for people."""
    verdict = result.judgement.verdict
    yield Line(f"{verdict.value}  {_headline(result)}", verdict_style(verdict.value))
    for reason in result.judgement.reasons:
        yield Line(f"  {reason.text}", verdict_style(verdict.value))
        if reason.next_command:
            yield Line(f"    Next: {reason.next_command.replace('<run>', result.run)}")
    yield from _account(result)
    if result.proof is not None:
        for number, fact in enumerate(result.proof.facts):
            yield Line(f"  {'Proof' if number == 0 else '':<9}{fact}")
    yield from _recovery(result)
    for name in result.dns:
        time = "never led to the new pod" if name.seconds is None else f"led to the new pod after {name.seconds:.2f} s"
        yield Line(f"  {'DNS':<9}{name.name} {time}{' at most' if name.at_most else ''} (± {name.resolution_s:.2f} s)")
    if result.dns_problem:
        yield Line(f"  {'DNS':<9}{'' if 'no name of its own' in result.dns_problem else 'unknown: '}{result.dns_problem}", "doubt")
    for note in result.notes:
        yield Line(f"  {'Note':<9}{note}")
    yield Line(f"  {'Not shown':<9} {_not_shown(result)}")
    by_hand = f"shelterctl runs show {result.run} --writes" if result.gets is None else "gets.jsonl and result.json in the run's folder"
    yield Line(f"  Run {result.run}.   Check by hand: {by_hand}", "dim")


def _headline(result: KillDbResult) -> str:
    if result.judgement.verdict is Verdict.PASS:
        return f"{result.attempts:,} writes through the kill: every acknowledged one is there"
    if result.service is not None and result.data is not None:
        return f"{result.data.verdict.value} data, {result.service.verdict.value} service: {result.judgement.reasons[0].text}"
    if result.judgement.verdict is Verdict.FAIL:
        return f"{result.attempts:,} writes through the kill, and the account does not hold"
    return "nothing can be said" if not result.counts else f"{result.attempts:,} writes, and no verdict"


def _account(result: KillDbResult) -> Iterator[Line]:
    counts, found = result.counts, result.found
    if result.gets is not None:
        yield from _without_writes(result)
        return
    if not counts:
        yield Line(f"  acknowledged {result.acknowledged:,}   rejected {result.rejected:,}   unknown outcome {result.indeterminate:,}")
        yield Line("  no reading decides what became of them")
        return
    bad = "   ".join(f"{c.value} {counts[c.value]}" for c in (Category.LOST, Category.CORRUPT, Category.DUPLICATE))
    yield Line(f"  acknowledged    {result.acknowledged:>7,}   found {found['acknowledged']:,}   {bad}")
    absent = result.indeterminate - found["indeterminate"]
    gone = counts[Category.LOST_AFTER_READ.value]
    note = f"lost after read {gone}" if gone else "both are right"
    yield Line(f"  unknown outcome {result.indeterminate:>7,}   found {found['indeterminate']:,}, absent {absent:,} ({note})")
    yield Line(f"  rejected        {result.rejected:>7,}   found {found['rejected']:,}")
    prior_lost = counts[Category.PRIOR_DATA_LOST.value]
    part = "   (the first in id order; the others were not looked at)" if result.prior >= PRIOR_LIMIT else ""
    yield Line(f"  there before    {result.prior:>7,}   lost {prior_lost}   unexpected {counts[Category.UNEXPECTED.value]}{part}")


def _without_writes(result: KillDbResult) -> Iterator[Line]:
    """Every table by its rows before and after, and the service's answers."""
    if result.tables is None:
        yield Line(f"  there before    {result.prior:>7,}   and not read after the kill")
    else:
        for table in result.tables.tables[:_MOST_TABLES]:
            rows = [f"{number:,}" if number is not None else "none" for number in (table.before, table.after)]
            yield Line(f"  {table.name}   before {rows[0]}   after {rows[1]}   {table.course.value}")
        if (rest := len(result.tables.tables) - _MOST_TABLES) > 0:
            yield Line(f"  and {counted(rest, result.tables.table)} more, in the run's result.json")
    assert result.gets is not None
    yield Line(f"  GET {result.gets.path}   asked {result.gets.sent:,}   not answered as before {result.gets.failed:,}")


def _recovery(result: KillDbResult) -> Iterator[Line]:
    recovery = result.recovery
    if recovery is None or not recovery.milestones:
        return
    if recovery.silence_s is not None:
        start_s, end_s = recovery.silence_s
        when = f"from {start_s:.2f} to {end_s:.2f} s after the kill"
        what = "no write was acknowledged" if result.gets is None else f"no GET {result.gets.path} was answered as before"
        yield Line(f"  {'Outage':<9}{what} for {end_s - start_s:.2f} s, {when}")
    times = [f"{name} {at_s:.2f} s" for name, at_s in recovery.milestones if not name.startswith(("writes ", "answers "))]
    for start in range(0, len(times), 3):
        yield Line(f"  {'Recovery' if start == 0 else '':<9}{', '.join(times[start : start + 3])}")
    yield Line(
        f"  {'':<9}(± {recovery.resolution_s:.2f} s for {'writes' if result.gets is None else 'GETs'}; pods when the news of them came)"
    )


def _not_shown(result: KillDbResult) -> str:
    limits = {
        KillMode.SIGKILL: "a power failure: SIGKILL leaves the page cache.",
        KillMode.DELETE: "a crash: deleting lets the database shut down in order.",
        KillMode.FORCE_DELETE: "a crash or a power failure: the kubelet still left the database about 2 s.",
    }
    window = result.window
    bound = f" Loss below {window.loss_bound:.2%} per write at risk (95%, n = {window.at_risk})." if window and window.loss_bound else ""
    return limits[result.mode] + (bound if result.judgement.verdict is Verdict.PASS else "")
