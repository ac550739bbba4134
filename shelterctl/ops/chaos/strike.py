"""The fault itself: writes before it, the kill, the wait for the recovery, and a first reading while the writers go on."""

from __future__ import annotations

from collections.abc import Generator

from shelterctl.core.events import Event, Milestone, Notice, Outcome, WritesSoFar
from shelterctl.core.faults.ledger import ClientSaw
from shelterctl.core.verdict import Reason
from shelterctl.errors import ClusterError
from shelterctl.ops.chaos.dns_recovery import DnsRecoveryWatch
from shelterctl.ops.chaos.readback import read_back
from shelterctl.ops.chaos.run import KillRun
from shelterctl.ops.chaos.writers import acknowledged_since
from shelterctl.ops.steps import Done, wait
from shelterctl.ports.capabilities import Lacking

_TICK_S = 0.05


def warm_up(run: KillRun) -> Generator[Event, None, bool]:
    """Lets the writers run until writes are acknowledged; False where none is, and then nothing is killed."""
    request, clock = run.request, run.ports.clock

    def look(waited_s: float) -> Done[bool] | str:
        run.history.drain()
        now_s = clock.monotonic_s()
        fresh = [w for w in run.outcomes() if w.saw is ClientSaw.ACK and w.ended_at_s > now_s - 1.0]
        if waited_s >= request.warm_up_s and len(fresh) >= request.writers:
            return Done(f"{request.writers} writers: {len(fresh)} writes acknowledged in the last second", True, Outcome.UNCHANGED)
        return f"{len(fresh)} writes acknowledged in the last second"

    def late(_words: str) -> Done[bool]:
        return Done("writes are not acknowledged: nothing was killed", False, Outcome.FAILED)

    work = wait(clock, look, timeout_s=request.warm_up_s + request.warm_up_timeout_s, pause_s=_TICK_S, late=late)
    return (yield from run.step("warm-up", "Writing", work, left="no fault was injected"))


def strike(run: KillRun) -> Generator[Event, None, None]:
    """Kills, and follows the pod's own name to its new address where it gets one. Raises FaultFailed where nothing was killed."""
    run.report = run.ports.faults.kill()
    yield Milestone("fault", 0.0, run.request.mode.value)
    if run.request.mode.replaces_pod and not isinstance(run.ports.names, Lacking):
        run.names = DnsRecoveryWatch(run.ports.names, run.ports.clock, run.pod_before.name, fault_wall_s=run.report.wall_s)


def await_recovery(run: KillRun) -> Generator[Event, None, None]:
    """Waits until writes are acknowledged on end and the pod is ready again; a recovery that does not come is a doubt."""
    report, request, clock = run.report, run.request, run.ports.clock
    assert report is not None
    in_a_row, replaced = 0, False

    def look(_waited_s: float) -> Done[None] | str:
        nonlocal in_a_row, replaced
        run.history.drain()
        in_a_row = acknowledged_since(run.outcomes(), report.confirmed_mono_s)
        since_s = clock.monotonic_s() - report.confirmed_mono_s
        replaced = run.replaced()
        if in_a_row >= request.after_acks and replaced:
            return Done(f"Writes are acknowledged again ({since_s:.1f} s after the kill)", None)
        state = "" if replaced else f", pod {run.pod_before.name} is not ready"
        return f"{since_s:.0f} s after the kill: {in_a_row} writes acknowledged in a row{state}"

    def late(_words: str) -> Done[None]:
        missing = f"{in_a_row} writes acknowledged in a row" + ("" if replaced else ", and the pod is not ready again")
        run.doubts.append(Reason(f"no recovery within {request.recovery_timeout_s:g} s: {missing}", "shelterctl status"))
        return Done(f"No recovery within {request.recovery_timeout_s:g} s", None, Outcome.FAILED)

    work = wait(clock, look, timeout_s=request.recovery_timeout_s, pause_s=_TICK_S, late=late)
    yield from run.step("recovery", "Waiting for the recovery", work)


def read_under_way(run: KillRun) -> Generator[Event, None, None]:
    """The first reading, while the writers go on: what it returns must not be gone in the last one."""
    saws = [write.saw for write in run.outcomes()]
    counts = (saws.count(ClientSaw.ACK), saws.count(ClientSaw.REJECTED), saws.count(ClientSaw.INDETERMINATE))
    yield WritesSoFar(len(saws), *counts)
    try:
        http = run.ports.make_http()
        try:
            documents = read_back(http, run.ports.clock, run.url, run=run.run_id, prefix=f"{run.run_id}:")
            run.seen_once = tuple(document.payload_id or document.id for document in documents)
        finally:
            http.close()
    except ClusterError as error:
        yield Notice(f"the first reading failed: {error.what}: {error.why}", "warning")
