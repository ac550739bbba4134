"""The kill without writes: the database held against what it was, the service asked by GET. Never more than UNKNOWN."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from shelterctl.core.events import Event, Milestone, Outcome
from shelterctl.core.faults.ledger import ClientSaw
from shelterctl.core.faults.recovery import RecoveryTimes
from shelterctl.core.faults.verdict import risk_window
from shelterctl.core.state import Role
from shelterctl.core.verdict import Reason, judge
from shelterctl.errors import Interrupted
from shelterctl.ops.chaos import proof, result, strike
from shelterctl.ops.chaos.result import GetsSeen, KillDbResult
from shelterctl.ops.chaos.run import KillRun
from shelterctl.ops.chaos.unwritten import tables
from shelterctl.ops.chaos.unwritten.gets import OTHER_TEXT, Gets
from shelterctl.ops.chaos.unwritten.reason import NoWrites
from shelterctl.ops.steps import Done, wait

_TICK_S = 0.05
#: An answer of the right status and another text may be an error's: this long it may still become the one of before.
_OTHER_TEXT_S = 20.0
#: The milestones of writes, said of GETs.
_SAID = {
    "first acknowledged write": "first answer as before",
    "still acknowledged": "still answered",
    "writes stop": "answers stop",
    "writes resume": "answers resume",
}


def kill(run: KillRun, began_s: float) -> Generator[Event, None, KillDbResult]:
    """Kills, and judges by what is left. Raises FaultFailed, Interrupted with what is left behind, ClusterError before the fault."""
    none, gets = run.no_writes, run.writers
    assert none is not None
    assert isinstance(gets, Gets)
    clock = run.ports.clock
    yield from _through_the_fault(run, none, gets)
    outcomes = gets.ledger.close()
    try:
        compared = yield from run.step("read-back", "Summing up the database again", tables.after(none.database, clock, none.before))
        evidence = yield from run.step("proof", "Looking for the proof of the kill", proof.gather(run))
    except (KeyboardInterrupt, Interrupted) as error:
        raise run.interrupted(str(error).removeprefix("interrupted: ")) from None
    report = run.report
    window = risk_window(outcomes, report, probe_interval_s=gets.interval_s) if report is not None else None
    if window is not None and not window.disturbed and not run.service:
        text = f"no GET {gets.usual.path} failed or was held up while the database was away: nothing shows that it asks the database"
        run.service_open.append(Reason(text, "[reads] request in shelterctl.toml, with a route that reads"))
    lost_way = result.cut_off(run)
    recovery = _said_of_gets(result.recovery(run, outcomes, gets.interval_s))
    for name, at_s in recovery.milestones if recovery else ():
        yield Milestone(name, at_s)
    doubts = [_acknowledged_unknown(none), *compared.doubts, *run.doubts]
    doubts += evidence.doubts if evidence is not None else [Reason("no fault was injected", "shelterctl status")]
    service = judge(run.service, run.service_open) if report is not None else judge([], [Reason("no fault was injected")])
    failures = [*compared.failures, *run.service]
    dns, dns_problem = run.names.result() if run.names is not None else ((), "")
    failed = sum(get.saw is not ClientSaw.ACK for get in outcomes)
    return KillDbResult(
        run=run.run_id,
        mode=run.request.mode,
        judgement=judge(failures, [*doubts, *run.service_open]),
        attempts=0,
        acknowledged=0,
        rejected=0,
        indeterminate=0,
        prior=none.before[-1].rows,
        found={},
        counts={},
        server=proof.server_name(run),
        proof=evidence,
        report=report,
        window=None,
        recovery=recovery,
        dns=dns,
        dns_problem=dns_problem,
        settle_s=0.0,
        elapsed_s=clock.monotonic_s() - began_s,
        notes=(*compared.notes, *lost_way, *result.notes(run), *run.state_before.caveats),
        data=judge(compared.failures, doubts),
        service=service,
        tables=compared.tables,
        gets=GetsSeen(gets.usual.path, len(outcomes), failed),
    )


def _acknowledged_unknown(none: NoWrites) -> Reason:
    why = f" ({none.why})" if none.why else ""
    return Reason(f"acknowledged writes kept: not known, since {none.what}{why}", none.next_command)


def _through_the_fault(run: KillRun, none: NoWrites, gets: Gets) -> Generator[Event, None, None]:
    """GETs before, during and after the kill; whatever happens, they and the watch end here."""
    try:
        run.start()
        again = tables.again(none.database, run.ports.clock, none.before)
        yield from run.step("summary", "Reading the whole database, twice", again, left="no fault was injected")
        if (yield from _warm_up(run, gets)):
            yield from strike.strike(run)
            yield from _await_recovery(run, gets)
    except (KeyboardInterrupt, Interrupted):
        raise run.interrupted("") from None
    finally:
        run.stop()


def _warm_up(run: KillRun, gets: Gets) -> Generator[Event, None, bool]:
    """Asks until the service answers as it did; False where it does not, and then nothing is killed."""
    request, clock = run.request, run.ports.clock

    def look(waited_s: float) -> Done[bool] | str:
        run.history.drain()
        fresh = gets.ledger.acknowledged_since(clock.monotonic_s() - max(1.0, 3 * gets.interval_s))
        if waited_s >= request.warm_up_s and fresh:
            return Done(f"GET {gets.usual.path} answers {gets.usual.status}", True, Outcome.UNCHANGED)
        return f"{fresh} answers as before in the last second"

    def late(_words: str) -> Done[bool]:
        return Done(f"GET {gets.usual.path} does not answer as it did: nothing was killed", False, Outcome.FAILED)

    work = wait(clock, look, timeout_s=request.warm_up_s + request.warm_up_timeout_s, pause_s=_TICK_S, late=late)
    return (yield from run.step("warm-up", "Asking the service by GET", work, left="no fault was injected"))


def _await_recovery(run: KillRun, gets: Gets) -> Generator[Event, None, None]:
    """Waits until GETs are answered as before on end and the pod is ready again."""
    report, request, clock, usual = run.report, run.request, run.ports.clock, gets.usual
    assert report is not None
    in_a_row, replaced = 0, False
    other_since_s: float | None = None

    def look(_waited_s: float) -> Done[None] | str:
        nonlocal in_a_row, replaced, other_since_s
        run.history.drain()
        in_a_row = gets.ledger.acknowledged_in_a_row(report.confirmed_mono_s, at_most=request.after_acks)
        now_s = clock.monotonic_s()
        since_s = now_s - report.confirmed_mono_s
        replaced = run.replaced()
        if in_a_row >= request.after_acks and replaced:
            return Done(f"GET {usual.path} answers {usual.status} as before again ({since_s:.1f} s after the kill)", None)
        other = replaced and gets.same_status_in_a_row(report.confirmed_mono_s) >= request.after_acks
        other_since_s = (other_since_s if other_since_s is not None else now_s) if other else None
        if other_since_s is not None and now_s - other_since_s >= _OTHER_TEXT_S:
            text = f"GET {usual.path} answers {usual.status} again, with {OTHER_TEXT}: an error's, or another writer's"
            run.service_open.append(Reason(text, "shelterctl logs app"))
            return Done(f"GET {usual.path} answers {usual.status} again, with {OTHER_TEXT}", None, Outcome.FAILED)
        state = "" if replaced else f", pod {run.pod_before.name} is not ready"
        return f"{since_s:.0f} s after the kill: {in_a_row} answers as before in a row{state}"

    def late(_words: str) -> Done[None]:
        last = next(iter(reversed(gets.ledger.snapshot())), None)
        said = last.detail if last is not None and last.detail else f"{in_a_row} answers as before in a row"
        what = f"GET {usual.path}: no recovery within {request.recovery_timeout_s:g} s ({said})"
        if replaced:
            app = run.state_before.workload(Role.APP)
            mend = run.ports.target.hints.restart(app) if app is not None else "shelterctl status"
            run.service.append(Reason(f"{what}; {strike.restarts(run)}", mend))
        else:
            run.doubts.append(Reason(f"{what}, and the database's pod is not ready again", "shelterctl status"))
            run.service_open.append(Reason(f"{what}, while the database is not there", "shelterctl status"))
        return Done(f"No recovery within {request.recovery_timeout_s:g} s", None, Outcome.FAILED)

    work = wait(clock, look, timeout_s=request.recovery_timeout_s, pause_s=_TICK_S, late=late)
    yield from run.step("recovery", "Waiting for the recovery", work)


def _said_of_gets(recovery: RecoveryTimes | None) -> RecoveryTimes | None:
    if recovery is None:
        return None
    return replace(recovery, milestones=tuple((_SAID.get(name, name), at_s) for name, at_s in recovery.milestones))
