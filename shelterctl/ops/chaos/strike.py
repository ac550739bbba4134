"""The fault itself: writes before it, the kill, the wait for the recovery, and a first reading while the writers go on."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import suppress

from shelterctl.core.events import Event, Milestone, Notice, Outcome, WritesSoFar
from shelterctl.core.faults.fault import KillReport
from shelterctl.core.faults.ledger import counts_of
from shelterctl.core.state import Role
from shelterctl.core.verdict import Reason
from shelterctl.errors import ClusterError, ShelterError
from shelterctl.ops.chaos.dns_recovery import DnsRecoveryWatch
from shelterctl.ops.chaos.run import KillRun
from shelterctl.ops.steps import Done, wait
from shelterctl.ports.capabilities import Lacking

JOURNAL = "fault.jsonl"
_TICK_S = 0.05


def warm_up(run: KillRun) -> Generator[Event, None, bool]:
    """Lets the writers run until writes are acknowledged; False where none is, and then nothing is killed."""
    request, clock = run.request, run.ports.clock

    def look(waited_s: float) -> Done[bool] | str:
        run.history.drain()
        now_s = clock.monotonic_s()
        fresh = run.writers.ledger.acknowledged_since(now_s - 1.0)
        if waited_s >= request.warm_up_s and fresh >= request.writers:
            return Done(f"{request.writers} writers: {fresh} writes acknowledged in the last second", True, Outcome.UNCHANGED)
        return f"{fresh} writes acknowledged in the last second"

    def late(_words: str) -> Done[bool]:
        return Done("writes are not acknowledged: nothing was killed", False, Outcome.FAILED)

    work = wait(clock, look, timeout_s=request.warm_up_s + request.warm_up_timeout_s, pause_s=_TICK_S, late=late)
    return (yield from run.step("warm-up", "Writing", work, left="no fault was injected"))


def strike(run: KillRun) -> Generator[Event, None, None]:
    """Kills, and follows the pod's own name to its new address where it gets one. Raises FaultFailed where nothing was killed.

    The fault is on record before it is sent, and once it is sent the account is made: an interruption meanwhile breaks nothing off.
    """
    pod, now_s = run.pod_before, run.ports.clock.wall_s()
    intent = {"kind": "intent", "mode": run.request.mode.value, "pod": pod.name, "uid": pod.uid, "wall_s": round(now_s, 3)}
    run.ports.folder.append_journal(JOURNAL, json.dumps(intent))
    run.struck = True
    blow = _Blow(run)
    interrupted = blow.strike()
    try:
        run.report = blow.report()
    except ShelterError:
        run.struck = False
        run.ports.folder.append_journal(JOURNAL, json.dumps({"kind": "outcome", "killed": False}))
        raise
    # A journal that cannot be written any more is a doubt, and told with the others.
    with suppress(ShelterError):
        run.ports.folder.append_journal(JOURNAL, json.dumps({"kind": "outcome", "killed": True, "process_gone": run.report.process_gone}))
    if interrupted:
        yield Notice("interrupted while the database was being killed: the account is still made; Ctrl-C again breaks it off", "warning")
    yield Milestone("fault", 0.0, run.request.mode.value)
    database = run.state_before.workload(Role.DATABASE)
    # A Deployment's pods have no names of their own.
    named = database is None or database.kind != "Deployment"
    if run.request.mode.replaces_pod and named and not isinstance(run.ports.names, Lacking):
        run.names = DnsRecoveryWatch(run.ports.names, run.ports.clock, run.pod_before.name, fault_wall_s=run.report.wall_s)


class _Blow:
    """The kill in a thread of its own: Ctrl-C reaches the main thread, and leaves it alone."""

    def __init__(self, run: KillRun) -> None:
        self._faults = run.ports.faults
        self._report: KillReport | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._kill, daemon=True)

    def strike(self) -> bool:
        """Kills, and waits for it. Returns whether there was an interruption meanwhile; a second one is raised."""
        try:
            self._thread.start()
            self._thread.join()
        except KeyboardInterrupt:
            self._thread.join()
            return True
        return False

    def report(self) -> KillReport:
        """Raises what the kill raised."""
        if self._error is not None:
            raise self._error
        assert self._report is not None
        return self._report

    def _kill(self) -> None:
        try:
            self._report = self._faults.kill()
        except BaseException as error:  # noqa: BLE001 - handed to the main thread, which raises it
            self._error = error


def await_recovery(run: KillRun) -> Generator[Event, None, None]:
    """Waits until writes are acknowledged on end and the pod is ready again; a recovery that does not come is a doubt."""
    report, request, clock = run.report, run.request, run.ports.clock
    assert report is not None
    in_a_row, replaced = 0, False

    def look(_waited_s: float) -> Done[None] | str:
        nonlocal in_a_row, replaced
        run.history.drain()
        in_a_row = run.writers.ledger.acknowledged_in_a_row(report.confirmed_mono_s, at_most=request.after_acks)
        since_s = clock.monotonic_s() - report.confirmed_mono_s
        replaced = run.replaced()
        if in_a_row >= request.after_acks and replaced:
            return Done(f"Writes are acknowledged again ({since_s:.1f} s after the kill)", None)
        state = "" if replaced else f", pod {run.pod_before.name} is not ready"
        return f"{since_s:.0f} s after the kill: {in_a_row} writes acknowledged in a row{state}"

    def late(_words: str) -> Done[None]:
        missing = f"{in_a_row} writes acknowledged in a row" + ("" if replaced else ", and the pod is not ready again")
        what = f"no recovery within {request.recovery_timeout_s:g} s: {missing}"
        if run.ports.dialogue.service_apart and replaced:
            # The database is there again, and the application did not find it: nothing heals that by itself.
            app = run.state_before.workload(Role.APP)
            mend = run.ports.target.hints.restart(app) if app is not None else "shelterctl status"
            run.service.append(Reason(f"{what}; {restarts(run)}", mend))
        else:
            run.doubts.append(Reason(what, "shelterctl status"))
        return Done(f"No recovery within {request.recovery_timeout_s:g} s", None, Outcome.FAILED)

    work = wait(clock, look, timeout_s=request.recovery_timeout_s, pause_s=_TICK_S, late=late)
    yield from run.step("recovery", "Waiting for the recovery", work)


def restarts(run: KillRun) -> str:
    """What became of the application's pods meanwhile, as the watch told it."""
    seen = run.history.seen()
    if not seen:
        return "whether the application's pods restarted was not seen"
    before = {pod.uid: pod.restarts for pod in run.state_before.pods_of(Role.APP)}
    again = [pod for pod in seen[-1].pods if pod.role is Role.APP and pod.restarts > before.get(pod.uid, 0)]
    return (
        f"the application's pods restarted ({', '.join(pod.name for pod in again)})" if again else "the application's pods did not restart"
    )


def read_under_way(run: KillRun) -> Generator[Event, None, None]:
    """The first reading, while the writers go on: what it returns must not be gone in the last one."""
    outcomes = run.outcomes()
    yield WritesSoFar(len(outcomes), *counts_of(outcomes))
    if not run.ports.dialogue.whole:
        return
    try:
        http = run.ports.make_http()
        try:
            documents = run.ports.dialogue.of_run(http, run.ports.clock, run.url, run.run_id)
            run.seen_once = tuple(document.payload_id or document.id for document in documents)
        finally:
            http.close()
    except ClusterError as error:
        yield Notice(f"the first reading failed: {error.what}: {error.why}", "warning")
