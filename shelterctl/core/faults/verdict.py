"""From the account of a run to its verdict: PASS only where nothing failed and nothing is open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from shelterctl.core.faults.fault import KillMode, KillReport
from shelterctl.core.faults.ledger import Account, Category, ClientSaw, WriteOutcome
from shelterctl.core.faults.proof import KillProof
from shelterctl.core.verdict import Judgement, Reason, judge
from shelterctl.core.words import listed

#: A write must have been acknowledged this shortly before the fault, or nothing was at risk when it struck.
FRESHNESS_S = 1.0
#: How long MongoDB keeps a write in memory before its journal has it.
JOURNAL_COMMIT_S = 0.1
#: How long PostgreSQL does without synchronous commits: three times wal_writer_delay, which is 200 ms (its manual, 28.4).
WAL_DELAY_S = 0.6
#: Named in a reason before the rest is counted only.
SHOWN_IDS = 3

_SENTENCES = {
    Category.LOST: "acknowledged and gone",
    Category.CORRUPT: "there",
    Category.LOST_AFTER_READ: "read once and gone later",
    Category.PHANTOM: "rejected and there all the same",
    Category.UNEXPECTED: "there though nobody sent them",
    Category.DUPLICATE: "there more than once",
    Category.PRIOR_DATA_LOST: "written before the run and gone",
}


@dataclass(frozen=True, slots=True)
class RiskWindow:
    """The writes that the fault put at risk.

    `at_risk` counts the acknowledged writes whose request was under way at the fault or acknowledged in the second before it.
    `loss_bound` is the rule of three, 3/n at 95% for independent writes, at most 1; None where n is 0. `disturbed` is whether the writers
    noticed the fault at all.
    """

    acknowledged_before: int
    acknowledged_after: int
    at_risk: int
    loss_bound: float | None
    disturbed: bool = True


def risk_window(outcomes: Sequence[WriteOutcome], report: KillReport, *, probe_interval_s: float) -> RiskWindow:
    """Counts the writes around a fault that struck somewhere between being sent and being confirmed (monotonic seconds).

    An ACK counts as before the fault only where it arrived before the fault was sent, and as after it only where its request was sent
    after the fault was confirmed.
    """
    sent_s, confirmed_s = report.sent_mono_s, report.confirmed_mono_s
    before = after = at_risk = 0
    for write in outcomes:
        if write.saw is not ClientSaw.ACK:
            continue
        fresh = sent_s - FRESHNESS_S <= write.ended_at_s <= sent_s
        before += fresh
        after += write.sent_at_s > confirmed_s
        at_risk += fresh or write.sent_at_s <= confirmed_s < write.ended_at_s or sent_s < write.ended_at_s <= confirmed_s
    bound = min(1.0, 3 / at_risk) if at_risk else None
    return RiskWindow(before, after, at_risk, bound, _disturbed(outcomes, sent_s, probe_interval_s))


def _disturbed(outcomes: Sequence[WriteOutcome], sent_s: float, probe_interval_s: float) -> bool:
    """Whether a write failed after the fault was sent, or acknowledgements stayed away for longer than they ever did before it.

    The probes are `probe_interval_s` apart: a gap of three of them says nothing yet.
    """
    if any(write.saw is not ClientSaw.ACK and write.ended_at_s >= sent_s for write in outcomes):
        return True
    acks = sorted(write.ended_at_s for write in outcomes if write.saw is ClientSaw.ACK)
    gaps = [(later, later - earlier) for earlier, later in pairwise(acks)]
    usual_s = max((gap for later, gap in gaps if later <= sent_s), default=0.0)
    longest_s = max((gap for later, gap in gaps if later > sent_s), default=0.0)
    return longest_s > max(2 * usual_s, 3 * probe_interval_s)


def unjournaled(account: Account, outcomes: Iterable[WriteOutcome], report: KillReport, server: str) -> str:
    """A sentence about losses that are those of acknowledgements before the write was on disk; empty where there are none.

    MongoDB acknowledges a write without `j: true` when it is in memory, and commits its journal every 100 ms
    (https://www.mongodb.com/docs/manual/core/journaling/, storage.journal.commitIntervalMs). PostgreSQL does so with synchronous_commit=off
    only (https://www.postgresql.org/docs/current/wal-async-commit.html), which the server's name says. Other servers commit before they
    acknowledge.
    """
    lost = {entry.id for entry in account.of(Category.LOST)}
    if server.startswith("mongod "):
        window_s, interval = JOURNAL_COMMIT_S, "the journal's commit interval"
        before, keeps = "they were journaled", "?journal=true in the connection's URI (or w=majority) keeps those"
    elif server.startswith("PostgreSQL ") and "synchronous_commit=off" in server:
        window_s, interval = WAL_DELAY_S, "synchronous_commit=off"
        before, keeps = "the write-ahead log had them, as synchronous_commit=off allows", "synchronous_commit=on keeps those"
    else:
        return ""
    if not lost or report.mode is KillMode.DELETE:
        # A server that is asked to end writes its journal first.
        return ""
    late = sum(write.id in lost and write.ended_at_s >= report.sent_mono_s - window_s for write in outcomes)
    shortly = f"acknowledged in the last {window_s * 1000:g} ms before the kill"
    if not late:
        return f"none of the {len(lost)} lost was {shortly}: it is not {interval}"
    said = f"{late} of the {len(lost)} lost were {shortly}: before {before}"
    if late < len(lost):
        return f"{said}. {keeps}; the other {len(lost) - late} were older, and are lost for another reason"
    return f"{said}. {keeps}"


def verdict(
    account: Account, window: RiskWindow | None, proof: KillProof | None, *, open_questions: Iterable[Reason] = (), alone: bool = False
) -> Judgement:
    """The verdict of a kill; `alone` is that on the data alone, where the service is judged beside it.

    FAIL for any entry of a failing category. UNKNOWN where a read-back failed or another question is open, where the fault was not
    injected or is not proved, where no write was acknowledged in the second before it, or none that was sent after it.
    """
    failures = [_failure(category, account) for category in Category if category.fails and account.of(category)]
    doubts = list(open_questions)
    again = "shelterctl chaos kill-db --writers 8"
    if window is None or proof is None:
        doubts.append(Reason("no fault was injected", again))
    else:
        doubts.extend(proof.doubts)
        if not window.acknowledged_before:
            doubts.append(Reason("no write was acknowledged in the second before the kill: nothing was at risk", again))
        if not window.disturbed:
            text = (
                "no write failed and none was held up while the process was gone: nothing shows that what was killed is what is written to "
                "before a write is acknowledged"
            )
            doubts.append(Reason(text, "shelterctl logs app"))
        if not window.acknowledged_after and not alone:
            doubts.append(
                Reason("no write that was sent after the kill was acknowledged: the service did not come back", "shelterctl status")
            )
    return judge(failures, doubts)


def _failure(category: Category, account: Account) -> Reason:
    entries = account.of(category)
    shown = listed([entry.id for entry in entries], SHOWN_IDS)
    views = list(dict.fromkeys(view for entry in entries for view in entry.where.split(", ") if view))
    absent = category in (Category.LOST, Category.LOST_AFTER_READ, Category.PRIOR_DATA_LOST)
    where = f" ({'absent for' if absent else 'seen by'}: {', '.join(views)})" if views else ""
    hows = [f" {how}" for how in dict.fromkeys(entry.how for entry in entries) if how]
    sentence = f"{_SENTENCES[category]}{' or'.join(hows)}"
    return Reason(f"{len(entries)} {category.value}: {sentence}{where}: {shown}", "shelterctl runs show <run> --writes")
