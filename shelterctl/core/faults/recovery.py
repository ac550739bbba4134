"""How long a recovery took, from what the writers and the cluster's watch saw. All times count from the fault, in seconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from shelterctl.core.faults.fault import KillReport
from shelterctl.core.faults.ledger import ClientSaw, WriteOutcome
from shelterctl.core.state import Pod, successor

#: After a silence a watch tells what it missed within that time.
TOLD_AFTER_S = 2.0


@dataclass(frozen=True, slots=True)
class PodsAt:
    """The pods as a watch reported them at `at_s` (monotonic)."""

    at_s: float
    pods: tuple[Pod, ...]


@dataclass(frozen=True, slots=True)
class RecoveryTimes:
    """Milestones in order of time. `resolution_s` is the widest gap between two writes that were sent around the recovery.

    `silence_s` is the longest time between two acknowledgements after the fault, as (from, until): the outage as writers felt it. A pod
    that is being deleted serves on for a moment, so that the first acknowledged write alone can come before the outage.

    Pod milestones are when this machine heard of them, which is after the kubelet told the API server (up to a second).
    """

    milestones: tuple[tuple[str, float], ...]
    first_ack_s: float | None
    silence_s: tuple[float, float] | None
    resolution_s: float


def recovery_times(
    outcomes: Sequence[WriteOutcome],
    seen: Iterable[PodsAt],
    report: KillReport,
    before: Pod,
    container: str,
    probe_interval_s: float,
    unseen: Sequence[tuple[float, float]] = (),
) -> RecoveryTimes:
    """The times of a recovery; `unseen` are the times (monotonic, from and until) in which nothing was told of the pods.

    The first acknowledged write counts by the moment of its answer, and only if its request was sent after the fault was confirmed.
    """
    fault_s = report.confirmed_mono_s
    milestones: list[tuple[str, float]] = []
    after = sorted((w for w in outcomes if w.ended_at_s >= report.sent_mono_s), key=lambda w: w.ended_at_s)
    error = next((w for w in after if w.saw is not ClientSaw.ACK), None)
    if error is not None:
        milestones.append(("first error", max(0.0, error.ended_at_s - fault_s)))
    ack = next((w for w in after if w.saw is ClientSaw.ACK and w.sent_at_s > fault_s), None)
    silence = _longest_silence(outcomes, fault_s)
    if ack is not None:
        # What a pod that is being deleted still takes on is no recovery: the outage comes after it.
        early = silence is not None and ack.ended_at_s - fault_s <= silence[0] and (error is None or error.ended_at_s > ack.ended_at_s)
        milestones.append(("still acknowledged" if early else "first acknowledged write", ack.ended_at_s - fault_s))
    last_error = max((w.ended_at_s for w in after if w.saw is not ClientSaw.ACK), default=None)
    if last_error is not None:
        milestones.append(("last error", max(0.0, last_error - fault_s)))
    for name, at_s in _pod_milestones(seen, before, container, fault_s):
        milestones.append((f"{name} at the latest" if _unseen(at_s + fault_s, unseen) else name, at_s))
    if silence is not None:
        milestones += [("writes stop", silence[0]), ("writes resume", silence[1])]
    return RecoveryTimes(
        tuple(sorted(milestones, key=lambda item: item[1])),
        ack.ended_at_s - fault_s if ack is not None else None,
        silence,
        _widest_gap(outcomes, fault_s, fault_s + silence[1] if silence is not None else None, probe_interval_s),
    )


def _unseen(at_s: float, unseen: Sequence[tuple[float, float]]) -> bool:
    """Whether something was heard just when a silence ended: it may have happened at any time in it."""
    return any(from_s <= at_s <= until_s + TOLD_AFTER_S for from_s, until_s in unseen)


def _longest_silence(outcomes: Sequence[WriteOutcome], fault_s: float) -> tuple[float, float] | None:
    """The longest time between two acknowledgements of which the second came after the fault; None where its end is not known."""
    acks = sorted(w.ended_at_s for w in outcomes if w.saw is ClientSaw.ACK)
    gaps = [(earlier, later) for earlier, later in pairwise(acks) if later > fault_s]
    if not gaps:
        return None
    start_s, end_s = max(gaps, key=lambda gap: gap[1] - gap[0])
    if max(w.ended_at_s for w in outcomes) - acks[-1] > end_s - start_s:
        # The longest one had not ended when the writers did.
        return None
    return max(0.0, start_s - fault_s), end_s - fault_s


def _pod_milestones(seen: Iterable[PodsAt], before: Pod, container: str, fault_s: float) -> list[tuple[str, float]]:
    found: dict[str, float] = {}
    for moment in seen:
        if moment.at_s < fault_s:
            continue
        at_s = moment.at_s - fault_s
        same = next((pod for pod in moment.pods if pod.uid == before.uid), None)
        current = successor(moment.pods, before)
        if same is None:
            found.setdefault("pod gone", at_s)
        elif not same.ready:
            found.setdefault("pod not ready", at_s)
        if current is None:
            continue
        renewed = current.uid != before.uid or current.restarts > before.restarts
        if current.uid != before.uid and current.scheduled:
            found.setdefault("new pod scheduled", at_s)
        process = current.container(container)
        if renewed and process is not None and process.state == "running":
            found.setdefault("process back", at_s)
        if renewed and current.ready:
            found.setdefault("pod ready", at_s)
    return list(found.items())


def _widest_gap(outcomes: Iterable[WriteOutcome], fault_s: float, until_s: float | None, at_least_s: float) -> float:
    """The widest gap between the sending of two writes from the fault to the first acknowledged one."""
    sent = sorted({w.sent_at_s for w in outcomes if fault_s <= w.sent_at_s and (until_s is None or w.sent_at_s <= until_s)})
    gaps = [later - earlier for earlier, later in zip([fault_s, *sent], sent, strict=False)]
    return max([at_least_s, *gaps])
