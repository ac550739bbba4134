"""`chaos kill-db`: writes through the death of the database, and an account of every single write."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

from shelterctl.core.events import Event, Milestone, Notice, Outcome, WritesSoFar
from shelterctl.core.faults.fault import KillEvidence, KillMode, KillProof, KillReport, prove
from shelterctl.core.faults.ledger import ClientSaw, WriteOutcome
from shelterctl.core.faults.recovery import PodsAt, RecoveryTimes, recovery_times
from shelterctl.core.faults.verdict import RiskWindow, risk_window, verdict
from shelterctl.core.state import Pod, Role, StackState
from shelterctl.core.verdict import Judgement, Reason
from shelterctl.errors import ClusterError, Interrupted, Refused, ShelterError
from shelterctl.ops.chaos import guards, shutdown_line
from shelterctl.ops.chaos.account import Reading, write_account
from shelterctl.ops.chaos.dns_recovery import DnsRecoveryWatch
from shelterctl.ops.chaos.pods_seen import PodHistory
from shelterctl.ops.chaos.readback import read_back
from shelterctl.ops.chaos.writers import Writers, acknowledged_since
from shelterctl.ops.dns.follow import DnsRecovery
from shelterctl.ops.steps import Done, run_step
from shelterctl.ports import Clock, Cluster, DatabaseReader, DnsProber, FaultInjector, Http, RunFolder

#: Longer than every timeout of the client (5 s) and of the server (500 ms, 2 s): nothing is under way any more after it.
SETTLE_S = 6.0
#: The prior documents that are held to the account: the first in id order.
PRIOR_LIMIT = 5_000
PROBE_INTERVAL_S = 0.05
PROBE_THREADS = 10
_WARM_UP_TIMEOUT_S = 20.0
_TICK_S = 0.05


@dataclass(frozen=True, slots=True)
class KillDbRequest:
    """What was asked. `after_acks` successive acknowledged writes end the run; `recovery_timeout_s` bounds it."""

    mode: KillMode
    writers: int
    warm_up_s: float = 3.0
    after_acks: int = 50
    recovery_timeout_s: float = 180.0
    accept_ephemeral: bool = False


@dataclass(frozen=True, slots=True)
class KillDbPorts:
    """What the operation works with."""

    cluster: Cluster
    faults: FaultInjector
    database: DatabaseReader
    dns: DnsProber
    make_http: Callable[[], Http]
    folder: RunFolder
    clock: Clock


@dataclass(frozen=True, slots=True)
class KillDbResult:
    """The account, the proof and the times. `settle_s` is how long was waited between the last answer and the read-back.

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


@dataclass
class _Run:
    """What the parts of one run share."""

    url: str
    pod_before: Pod
    state_before: StackState
    writers: Writers
    prior: dict[str, str]
    report: KillReport | None = None
    dns: DnsRecoveryWatch | None = None
    seen_once: tuple[str, ...] = ()


def kill_db(ports: KillDbPorts, request: KillDbRequest) -> Generator[Event, None, KillDbResult]:
    """Kills the database under writes. Raises Refused by the guards, FaultFailed, Interrupted with what is left behind."""
    clock = ports.clock
    began_s = clock.monotonic_s()
    try:
        run = yield from run_step(clock, "guards", "Checking what the fault would strike", _prepare(ports, request))
    except BaseException:
        ports.faults.close()
        raise
    feed = PodHistory(ports.cluster, clock)
    open_questions: list[Reason] = []
    try:
        run.writers.start()
        feed.start()
        warm = yield from _warm_up(ports, request, run, feed)
        if warm:
            open_questions += yield from _strike_and_wait(ports, request, run, feed)
    except (KeyboardInterrupt, Interrupted):
        done = "no fault was injected" if run.report is None else "the database was killed; Kubernetes starts it again by itself"
        raise Interrupted(
            f"interrupted: {done}", why=f"the writes so far are in {ports.folder.path / 'writes.jsonl'}", next_command="shelterctl status"
        ) from None
    finally:
        ended = run.writers.stop()
        feed.stop()
        ports.faults.close()
    if not ended:
        open_questions.append(Reason("a writer did not end: its last write was still open"))
    if run.writers.ledger.problem:
        open_questions.append(Reason(run.writers.ledger.problem))
    outcomes = run.writers.ledger.close()
    yield from _settle(ports)
    reading = Reading(ports.make_http, ports.database, ports.clock, run.url, ports.folder.run_id, run.prior, run.seen_once)
    account, questions = yield from run_step(clock, "read-back", "Reading every id back, twice", reading.work(outcomes))
    proof = yield from run_step(clock, "proof", "Looking for the proof of the kill", _proof(ports, run, feed.seen()))
    window = risk_window(outcomes, sent_s=run.report.sent_mono_s, confirmed_s=run.report.confirmed_mono_s) if run.report else None
    try:
        write_account(ports.folder, account)
    except ShelterError as error:
        questions.append(Reason(f"the account could not be written down: {error.what}: {error.why}"))
    judgement = verdict(account, window, proof, open_questions=[*open_questions, *questions])
    recovery = recovery_times(outcomes, feed.seen(), run.report, run.pod_before, PROBE_INTERVAL_S) if run.report else None
    for name, at_s in recovery.milestones if recovery else ():
        yield Milestone(name, at_s)
    dns, dns_problem = run.dns.result() if run.dns is not None else ((), "")
    return KillDbResult(
        ports.folder.run_id, request.mode, judgement, account.attempts, account.acknowledged, account.rejected, account.indeterminate,
        account.prior, dict(account.found), dict(account.counts), _server(ports), proof, run.report, window, recovery, dns, dns_problem,
        SETTLE_S, clock.monotonic_s() - began_s,
    )  # fmt: skip


def _prepare(ports: KillDbPorts, request: KillDbRequest) -> Generator[str, None, Done[_Run]]:
    state = ports.cluster.state(with_usage=False)
    pod, url = guards.check(state, accept_ephemeral=request.accept_ephemeral)
    yield "reading what the database holds already"
    prior = {d.id: d.digest for d in ports.database.documents(run=None, until=None, limit=PRIOR_LIMIT)}
    if any(id_.startswith(f"{ports.folder.run_id}:") for id_ in prior):
        # The service would answer them as repeated writes, with an acknowledgement and without a write.
        raise Refused(f"the database holds documents of a run called {ports.folder.run_id} already", next_command="try again")
    ports.faults.prepare(pod, request.mode)
    writers = Writers(
        ports.make_http, ports.folder, url, writers=request.writers, probe_interval_s=PROBE_INTERVAL_S, probe_threads=PROBE_THREADS
    )
    words = f"{pod.name} on {', '.join(c.volume for c in state.claims) or 'no claim'}; {len(prior)} documents are there already"
    return Done(words, _Run(url, pod, state, writers, prior), Outcome.UNCHANGED)


def _warm_up(ports: KillDbPorts, request: KillDbRequest, run: _Run, feed: PodHistory) -> Generator[Event, None, bool]:
    """Lets the writers run until writes are acknowledged; False where none is, and then nothing is killed."""

    def work() -> Generator[str, None, Done[bool]]:
        began_s = ports.clock.monotonic_s()
        while True:
            ports.clock.sleep(_TICK_S)
            feed.drain()
            now_s = ports.clock.monotonic_s()
            fresh = [w for w in run.writers.ledger.snapshot() if w.saw is ClientSaw.ACK and w.ended_at_s > now_s - 1.0]
            if now_s - began_s >= request.warm_up_s and len(fresh) >= request.writers:
                return Done(f"{request.writers} writers: {len(fresh)} writes acknowledged in the last second", True, Outcome.UNCHANGED)
            if now_s - began_s > _WARM_UP_TIMEOUT_S:
                return Done("writes are not acknowledged: nothing was killed", False, Outcome.FAILED)
            yield f"{len(fresh)} writes acknowledged in the last second"

    return (yield from run_step(ports.clock, "warm-up", "Writing", work(), left="no fault was injected"))


def _strike_and_wait(ports: KillDbPorts, request: KillDbRequest, run: _Run, feed: PodHistory) -> Generator[Event, None, list[Reason]]:
    report = run.report = ports.faults.kill()
    yield Milestone("fault", 0.0, request.mode.value)
    if request.mode is not KillMode.SIGKILL:
        run.dns = DnsRecoveryWatch(ports.dns, ports.clock, run.pod_before.name, fault_wall_s=report.wall_s)
    questions: list[Reason] = []

    def work() -> Generator[str, None, Done[None]]:
        deadline_s = ports.clock.monotonic_s() + request.recovery_timeout_s
        while True:
            ports.clock.sleep(_TICK_S)
            feed.drain()
            outcomes = run.writers.ledger.snapshot()
            in_a_row = acknowledged_since(outcomes, report.confirmed_mono_s)
            now_s = ports.clock.monotonic_s()
            since_s = now_s - report.confirmed_mono_s
            pod = feed.latest(run.pod_before.name)
            replaced = pod is not None and pod.ready and (pod.uid, pod.restarts) != (run.pod_before.uid, run.pod_before.restarts)
            if in_a_row >= request.after_acks and replaced:
                return Done(f"Writes are acknowledged again ({since_s:.1f} s after the kill)", None)
            if now_s > deadline_s:
                words = f"{in_a_row} writes acknowledged in a row" + ("" if replaced else ", and the pod is not ready again")
                questions.append(Reason(f"no recovery within {request.recovery_timeout_s:g} s: {words}", "shelterctl status"))
                return Done(f"No recovery within {request.recovery_timeout_s:g} s", None, Outcome.FAILED)
            state = "" if replaced else f", pod {run.pod_before.name} is not ready"
            yield f"{since_s:.0f} s after the kill: {in_a_row} writes acknowledged in a row{state}"

    yield from run_step(ports.clock, "recovery", "Waiting for the recovery", work())
    outcomes = run.writers.ledger.snapshot()
    yield _counted(outcomes)
    try:
        # The first reading, under way: what it returns must not be gone in the last one.
        http = ports.make_http()
        try:
            prefix = f"{ports.folder.run_id}:"
            run.seen_once = tuple(
                d.payload_id or d.id for d in read_back(http, ports.clock, run.url, run=ports.folder.run_id, prefix=prefix)
            )
        finally:
            http.close()
    except ClusterError as error:
        yield Notice(f"the first reading failed: {error.what}: {error.why}", "warning")
    return questions


def _settle(ports: KillDbPorts) -> Generator[Event, None, None]:
    def work() -> Generator[str, None, Done[None]]:
        until_s = ports.clock.monotonic_s() + SETTLE_S
        while (left_s := until_s - ports.clock.monotonic_s()) > 0:
            yield f"{left_s:.0f} s"
            ports.clock.sleep(min(0.5, left_s))
        return Done("Every timeout is over: nothing is under way any more", None, Outcome.UNCHANGED)

    yield from run_step(ports.clock, "settle", "Waiting until nothing can be under way", work())


def _proof(ports: KillDbPorts, run: _Run, seen: tuple[PodsAt, ...]) -> Generator[str, None, Done[KillProof | None]]:
    if run.report is None:
        return Done("No fault was injected", None, Outcome.SKIPPED)
    yield "the pod, its claim and the database's log"
    try:
        state = ports.cluster.state(with_usage=False)
    except ShelterError as error:
        # What the account found stands all the same.
        doubt = Reason(f"the proof could not be read: {error.what}: {error.why}".rstrip(": "), "shelterctl status")
        return Done("The kill is not proved", KillProof((), (doubt,)), Outcome.FAILED)
    after = next((pod for pod in state.pods_of(Role.DATABASE) if pod.name == run.pod_before.name), None)
    server = _server(ports)
    line = shutdown_line.find(ports.cluster, after) if after is not None else ""
    before_claims = tuple(c for c in run.state_before.claims if c.name in run.pod_before.claims)
    after_claims = tuple(c for c in state.claims if after is not None and c.name in after.claims)
    meanwhile = tuple(pod for at in seen for pod in at.pods if pod.name == run.pod_before.name)
    evidence = KillEvidence(
        run.report, run.pod_before, after, before_claims, after_claims, server, line,
        writes_shutdown_line=not server.startswith("FerretDB"), pods_seen=meanwhile,
    )  # fmt: skip
    proof = prove(evidence)
    return Done(
        "The kill is proved" if proof.proved else "The kill is not proved", proof, Outcome.UNCHANGED if proof.proved else Outcome.FAILED
    )


def _server(ports: KillDbPorts) -> str:
    try:
        return ports.database.server()
    except ShelterError:
        return ""


def _counted(outcomes: list[WriteOutcome]) -> WritesSoFar:
    saws = [write.saw for write in outcomes]
    counts = (saws.count(ClientSaw.ACK), saws.count(ClientSaw.REJECTED), saws.count(ClientSaw.INDETERMINATE))
    return WritesSoFar(len(saws), *counts)
