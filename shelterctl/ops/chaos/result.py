"""What `chaos kill-db` comes to, and what is told in it whether or not there were writes."""

from __future__ import annotations

from dataclasses import dataclass

from shelterctl.core.faults.fault import KillMode, KillReport
from shelterctl.core.faults.ledger import WriteOutcome
from shelterctl.core.faults.proof import KillProof
from shelterctl.core.faults.recovery import RecoveryTimes, recovery_times
from shelterctl.core.faults.summary import Comparison
from shelterctl.core.faults.verdict import RiskWindow
from shelterctl.core.state import Role
from shelterctl.core.verdict import Judgement, Reason
from shelterctl.core.words import counted
from shelterctl.ops.chaos.run import KillRun
from shelterctl.ops.dns.follow import DnsRecovery


@dataclass(frozen=True, slots=True)
class GetsSeen:
    """What the service was asked in the place of writes: a path, how often, and how often the answer was not the one of before."""

    path: str
    sent: int
    failed: int


@dataclass(frozen=True, slots=True)
class KillDbResult:
    """The account, the proof and the times. `settle_s` is how long was waited between the last answer and the read-back.

    `data` and `service` are the verdicts apart: what became of the writes, and whether the service came back (None where that was no
    question of its own).
    `tables` and `gets` stand in the place of an account where no writes could be used: the database before and after, the service by GET.
    `dns` has the pod's own names and when they led to its new address; it is empty for a SIGKILL, which keeps the address.
    """

    run: str
    mode: KillMode
    judgement: Judgement
    attempts: int
    acknowledged: int
    rejected: int
    indeterminate: int
    prior: int
    found: dict[str, int]
    counts: dict[str, int]
    server: str
    proof: KillProof | None
    report: KillReport | None
    window: RiskWindow | None
    recovery: RecoveryTimes | None
    dns: tuple[DnsRecovery, ...]
    dns_problem: str
    settle_s: float
    elapsed_s: float
    notes: tuple[str, ...] = ()
    data: Judgement | None = None
    service: Judgement | None = None
    tables: Comparison | None = None
    gets: GetsSeen | None = None


def recovery(run: KillRun, outcomes: list[WriteOutcome], probe_interval_s: float) -> RecoveryTimes | None:
    if run.report is None:
        return None
    return recovery_times(
        outcomes,
        run.history.seen(),
        run.report,
        run.pod_before,
        run.container.name,
        probe_interval_s,
        run.history.unseen(),
    )


def notes(run: KillRun) -> tuple[str, ...]:
    """What else happened meanwhile: the application's own restarts, by its liveness probe as a rule, are part of the outage."""
    before = {pod.uid: pod for pod in run.state_before.pods_of(Role.APP)}
    after = {pod.uid: pod for at in run.history.seen() for pod in at.pods if pod.uid in before}
    return tuple(
        f"{pod.name} restarted {counted(pod.restarts - before[uid].restarts, 'time')} meanwhile: its liveness probe, or a crash"
        for uid, pod in after.items()
        if pod.restarts > before[uid].restarts
    )


def cut_off(run: KillRun) -> tuple[str, ...]:
    """A break of the way to the service: what was not answered then is no doing of the service, which cannot be called broken for it."""
    lost_s = run.ports.target.cut_off_s() - run.cut_off_before_s
    if lost_s <= 0:
        return ()
    said = f"the tunnel to the service was broken for {lost_s:.1f} s meanwhile: the outage as measured holds that, too"
    if run.service:
        run.doubts.extend(Reason(f"{reason.text} (and {said})", reason.next_command) for reason in run.service)
        run.service.clear()
    return (said,)
