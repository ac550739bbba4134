"""`chaos kill-db`: writes through the death of the database, and an account of every single write."""

from __future__ import annotations

from collections.abc import Callable, Generator

from shelterctl.core.events import Event, Milestone, Outcome
from shelterctl.core.faults.ledger import Account
from shelterctl.core.faults.verdict import risk_window, unjournaled, verdict
from shelterctl.core.state import StackState
from shelterctl.core.verdict import Reason, Verdict, judge
from shelterctl.core.words import counted
from shelterctl.errors import ClusterError, Interrupted, Refused, ShelterError
from shelterctl.ops.chaos import account, guards, proof, result, strike
from shelterctl.ops.chaos.pods_seen import PodHistory
from shelterctl.ops.chaos.result import KillDbResult
from shelterctl.ops.chaos.run import KillDbPorts, KillDbRequest, KillRun
from shelterctl.ops.chaos.unwritten import kill as unwritten
from shelterctl.ops.chaos.unwritten.gets import Gets
from shelterctl.ops.chaos.unwritten.reason import NoWrites
from shelterctl.ops.chaos.writers import Writers, pause_for
from shelterctl.ops.steps import Done, run_step, wait
from shelterctl.ports.http import Http

#: The prior documents that are held to the account: the first in id order.
PRIOR_LIMIT = 5_000
#: Between two readings that show whether writes stay.
REST_S = 1.0
PROBE_INTERVAL_S = 0.05
PROBE_THREADS = 10


def kill_db(ports: KillDbPorts, request: KillDbRequest) -> Generator[Event, None, KillDbResult]:
    """Kills the database under writes. Raises Refused by the guards, FaultFailed, Interrupted with what is left behind."""
    began_s = ports.clock.monotonic_s()
    run = yield from _prepare(ports, request)
    if run.no_writes is not None:
        return (yield from unwritten.kill(run, began_s))
    yield from _write_through_the_fault(run)
    outcomes = run.writers.ledger.close()
    try:
        if ports.send_home is not None:
            yield from run.step("load-ends", "Waiting for the load's users to end", _sent_home(ports.send_home))
        yield from _settle(run)
        fault_s = run.report.confirmed_mono_s if run.report is not None else None
        reading = account.Reading(
            ports.make_http, ports.database, ports.dialogue, ports.clock, run.url, run.run_id, run.prior, run.seen_once, fault_s
        )
        back = yield from run.step("read-back", "Reading every document back, by two ways", reading.work(outcomes))
        run.take(back)
        found = back.account
        kill = yield from run.step("proof", "Looking for the proof of the kill", proof.gather(run))
    except (KeyboardInterrupt, Interrupted) as error:
        raise run.interrupted(str(error).removeprefix("interrupted: ")) from None
    _write_down(run, found)
    lost_way = result.cut_off(run)
    server = proof.server_name(run)
    why_lost = unjournaled(found, outcomes, run.report, server) if run.report is not None and run.pod_before.claims else ""
    window = risk_window(outcomes, run.report, probe_interval_s=PROBE_INTERVAL_S) if run.report else None
    recovery = result.recovery(run, outcomes, PROBE_INTERVAL_S)
    for name, at_s in recovery.milestones if recovery else ():
        yield Milestone(name, at_s)
    data = verdict(found, window, kill, open_questions=run.doubts, alone=bool(run.service))
    failed = data.reasons if data.verdict is Verdict.FAIL else ()
    doubts = () if failed else run.doubts if run.service else data.reasons
    service = judge(run.service, run.service_open) if run.service or run.service_open else None
    whole = data if service is None else judge([*failed, *run.service], [*doubts, *run.service_open])
    dns, dns_problem = run.names.result() if run.names is not None else ((), "")
    return KillDbResult(
        run=run.run_id,
        mode=request.mode,
        judgement=whole,
        data=data,
        service=service,
        attempts=found.attempts,
        acknowledged=found.acknowledged,
        rejected=found.rejected,
        indeterminate=found.indeterminate,
        prior=found.prior,
        found=dict(found.found),
        counts=dict(found.counts),
        server=server,
        proof=kill,
        report=run.report,
        window=window,
        recovery=recovery,
        dns=dns,
        dns_problem=dns_problem,
        settle_s=run.settle_s,
        elapsed_s=ports.clock.monotonic_s() - began_s,
        notes=(*filter(None, (why_lost, run.restless, *back.notes)), *lost_way, *result.notes(run), *run.state_before.caveats),
    )


def _prepare(ports: KillDbPorts, request: KillDbRequest) -> Generator[Event, None, KillRun]:
    """Everything that can refuse the fault, before anything is written."""

    def work() -> Generator[str, None, Done[KillRun]]:
        state = ports.target.state(with_usage=False)
        struck = guards.check(state, accept_ephemeral=request.accept_ephemeral)
        pod, url = struck.pod, struck.url
        learning = ports.make_http()
        try:
            open_points = yield from ports.dialogue.learn(learning, url)
        except NoWrites as none:
            return (yield from _without_writes(ports, request, state, struck, learning, none))
        finally:
            learning.close()
        yield "reading what the database holds already"
        prior, unread = account.before(ports.make_http, ports.database, ports.dialogue, ports.clock, url, limit=PRIOR_LIMIT)
        known = prior.get(account.DATABASE, {})
        if any(ports.dialogue.is_of(ports.folder.run_id, id_) for id_ in known):
            # The service would answer them as repeated writes, with an acknowledgement and without a write.
            raise Refused(f"the database holds documents of a run called {ports.folder.run_id} already", next_command="try again")
        ports.faults.prepare(pod, struck.container, request.mode)
        longest_s = request.warm_up_s + request.warm_up_timeout_s + request.recovery_timeout_s
        writers = Writers(
            ports.make_http,
            ports.folder,
            url,
            ports.dialogue,
            writers=request.writers,
            probe_interval_s=PROBE_INTERVAL_S,
            probe_threads=PROBE_THREADS,
            pause_s=pause_for(request.writers, longest_s, most=ports.dialogue.most_writes, probe_interval_s=PROBE_INTERVAL_S),
        )
        identity, history = ports.database.identity(), PodHistory(ports.target, ports.clock)
        run = KillRun(ports, request, url, pod, struck.container, state, prior, identity, writers, history)
        run.doubts += [*open_points, *unread]
        run.cut_off_before_s = ports.target.cut_off_s()
        words = f"{pod.name} on {', '.join(c.volume for c in state.claims) or 'no claim'}; {len(known)} documents are there already"
        return Done(words, run, Outcome.UNCHANGED)

    try:
        return (yield from run_step(ports.clock, "guards", "Checking what the fault would strike", work()))
    except BaseException:
        ports.faults.close()
        raise


def _without_writes(
    ports: KillDbPorts, request: KillDbRequest, state: StackState, struck: guards.Struck, http: Http, none: NoWrites
) -> Generator[str, None, Done[KillRun]]:
    """The run of an application that cannot be written to: GETs in the place of writes, a summary in the place of documents."""
    gets = yield from Gets.learn(ports.make_http, ports.folder, http, struck.url, none.paths)
    yield "summing up what the database holds"
    none.before.append(none.database.summary())
    ports.faults.prepare(struck.pod, struck.container, request.mode)
    identity, history = ports.database.identity(), PodHistory(ports.target, ports.clock)
    run = KillRun(ports, request, struck.url, struck.pod, struck.container, state, {}, identity, gets, history, no_writes=none)
    run.cut_off_before_s = ports.target.cut_off_s()
    words = f"{struck.pod.name} on {', '.join(c.volume for c in state.claims) or 'no claim'}; {none.before[0].words} are there"
    return Done(f"{words}; no writes: {none.what}", run, Outcome.UNCHANGED)


def _write_through_the_fault(run: KillRun) -> Generator[Event, None, None]:
    """Writes before, during and after the kill; whatever happens, the writers and the watch end here."""
    try:
        run.start()
        if (yield from strike.warm_up(run)):
            yield from look_at_rest(run)
            yield from strike.strike(run)
            yield from strike.await_recovery(run)
            yield from strike.read_under_way(run)
    except (KeyboardInterrupt, Interrupted):
        raise run.interrupted("") from None
    finally:
        run.stop()


def look_at_rest(run: KillRun) -> Generator[Event, None, None]:
    """Whether a user's own application takes writes away by itself. Raises Refused: nothing is killed where a loss could not be told."""
    if not run.ports.dialogue.service_apart:
        return

    def work() -> Generator[str, None, Done[None]]:
        yield "straight from the database, twice"
        try:
            found = account.restless(run.ports.database, run.run_id, run.prior, lambda: run.ports.clock.sleep(REST_S))
        except ClusterError:
            # The reading after the fault decides, and says why where it fails too.
            return Done("What is written could not be read before the kill", None, Outcome.SKIPPED)
        if found.gone:
            raise Refused(
                f"{len(found.gone)} of {found.read} writes were in the database and gone {REST_S:g} s later, before anything was killed",
                why="the application keeps its newest writes only, or somebody takes them away: what a kill loses cannot be told from that",
                next_command="shelterctl logs app",
            )
        if found.changed:
            run.prior = {way: {id_: d for id_, d in known.items() if id_ not in found.changed} for way, known in run.prior.items()}
            documents = counted(len(found.changed), "document")
            run.restless = f"{documents} of before changed or went before anything was killed: another writer's, which decides nothing"
        return Done(f"What was written stays: {counted(found.read, 'write')} so far", None, Outcome.UNCHANGED)

    yield from run.step("rest", "Looking whether writes stay while nothing is killed", work(), left="no fault was injected")


def _sent_home(send_home: Callable[[], None]) -> Generator[str, None, Done[None]]:
    """What they saw of the fault they have seen. A database that they keep busy takes minutes to be read back."""
    yield "they have seen the fault"
    send_home()
    return Done("The load's users have ended", None)


def _settle(run: KillRun) -> Generator[Event, None, None]:
    settle_s = run.settle_s

    def look(waited_s: float) -> Done[None] | str:
        if waited_s >= settle_s:
            return Done("Every timeout is over: nothing is under way any more", None, Outcome.UNCHANGED)
        return f"{settle_s - waited_s:.0f} s"

    work = wait(run.ports.clock, look, timeout_s=settle_s, pause_s=min(0.5, settle_s), late=lambda _: Done("", None))
    yield from run.step("settle", "Waiting until nothing can be under way", work)


def _write_down(run: KillRun, found: Account) -> None:
    try:
        account.write_account(run.ports.folder, found)
    except ShelterError as error:
        run.doubts.append(Reason(f"the account could not be written down: {error.what}: {error.why}"))
