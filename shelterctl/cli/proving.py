"""The parts of `prove`: each is the operation of a command of its own, with a run folder of its own, and the claim that it decides."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from shelterctl.cli.deploying import deployed
from shelterctl.cli.flags import seconds
from shelterctl.cli.loading_learned import with_learned
from shelterctl.cli.render import dns as render_dns
from shelterctl.cli.render import kill_db as render_kill_db
from shelterctl.cli.render import loadtest as render_loadtest
from shelterctl.cli.render import up as render_up
from shelterctl.cli.render.codes import exit_code
from shelterctl.cli.terminal import Line
from shelterctl.core.claims import Claim, Evidence
from shelterctl.core.dns.records import DnsReport
from shelterctl.core.events import Event, Notice
from shelterctl.core.faults.fault import KillMode
from shelterctl.core.load.bottleneck import Limit
from shelterctl.core.load.plan import Expectations, LoadPlan
from shelterctl.core.load.result import LoadResult
from shelterctl.core.load.verdict import CheckName
from shelterctl.core.verdict import Judgement, Verdict
from shelterctl.errors import ExitCode, ShelterError, StateFolderError, UsageError
from shelterctl.ops.chaos.kill_db import kill_db
from shelterctl.ops.chaos.result import KillDbResult
from shelterctl.ops.chaos.run import KillDbPorts, KillDbRequest
from shelterctl.ops.descent import come_down
from shelterctl.ops.dns.check import dns_check
from shelterctl.ops.down import down
from shelterctl.ops.guards import service_url
from shelterctl.ops.loadtest import LoadPorts, loadtest
from shelterctl.ops.prove import Part, under_load
from shelterctl.ops.up.up import UpResult

if TYPE_CHECKING:
    from shelterctl.adapters.runs.store import RunFolderOnDisk
    from shelterctl.cli.session import Session

R = TypeVar("R")
_TITLES = {
    Claim.DEPLOYS: "It deploys: build, apply, wait until what was built answers",
    Claim.SCALES: "It scales: a load until the autoscaler has decided and a new replica serves",
    Claim.KEEPS_DATA: "It keeps its data: the database is killed under that load, and every write accounted for",
    Claim.RESOLVES_NAMES: "Its names resolve: every record, asked from a pod of the application",
}
#: The share of the users, one in so many, who stay at work where all of them were too many.
_FEWER = 10
#: The users are the load here; these are the writes that are accounted for one by one.
_WRITERS, _WARM_UP_S, _AFTER_ACKS, _RECOVERY_S = 4, 3.0, 50, 180.0


@dataclass
class _Seen:
    """What the parts learn for each other; `drowned` is whether the load was more than the database serves."""

    was_there: bool = False
    had_data: bool = True
    deployed: bool = False
    drowned: bool = False


class Proving:
    """One `prove`."""

    def __init__(self, session: Session, users: int, duration: str, claims: frozenset[Claim]) -> None:
        self._session = session
        self._claims = claims
        self._seen = _Seen()
        duration_s = seconds("--duration", duration, "prove")
        locustfile, variables = session.wiring.load_file()
        self.plan = LoadPlan("http://to-be-found", users, session.settings.spawn_rate, duration_s, str(locustfile), variables=variables)

    def check(self) -> None:
        """Raises UsageError for a plan that cannot be meant."""
        for problem in self.plan.problems():
            raise UsageError(problem, next_command="shelterctl prove --help")

    def parts(self) -> list[Part]:
        works = {
            Claim.DEPLOYS: self._deploy,
            Claim.SCALES: self._scale,
            Claim.KEEPS_DATA: self._keep_data,
            Claim.RESOLVES_NAMES: self._resolve,
        }
        return [Part(claim, _TITLES[claim], works[claim]) for claim in Claim if claim in self._claims]

    def left_out(self) -> list[Evidence]:
        return [Evidence(claim, None, "left out, as asked") for claim in Claim if claim not in self._claims]

    def take_away(self) -> None:
        """Removes what this run deployed, and says so where it deployed nothing. Data go with it where none were there before."""
        terminal = self._session.terminal
        if not self._seen.deployed or self._seen.was_there:
            terminal.complain([Line("--down: the stack was there before this run, and stays", "dim")])
            return
        from shelterctl.cli.render.steps import StepsDisplay

        wiring = self._session.wiring
        self._session.drive(
            down(wiring.target, wiring.clock, namespace=wiring.place.namespace, delete_data=not self._seen.had_data), StepsDisplay(terminal)
        )

    @staticmethod
    def github_summary() -> str:
        return os.environ.get("GITHUB_STEP_SUMMARY", "")

    def write(self, path: str, text: str) -> None:
        """Appends to a file that is there: GitHub's summary is several steps' own. Raises StateFolderError."""
        try:
            with Path(path).open("a" if path == self.github_summary() else "w", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise StateFolderError(f"{path} cannot be written", why=str(error.strerror)) from error

    # The parts.

    def _deploy(self) -> Generator[Event, None, Evidence]:
        session, wiring = self._session, self._session.wiring
        try:
            before = wiring.target.state(with_usage=False)
            self._seen.was_there, self._seen.had_data = bool(before.workloads), bool(before.claims)
        except ShelterError:
            # The target does not run yet. Whether data are there is not known: then they are kept.
            self._seen.was_there = False
        self._seen.deployed = True

        def judged(result: UpResult, run: str) -> Evidence:
            url = result.endpoint.url if result.endpoint is not None else ""
            done = "is built, runs," if result.chain.built_id is not None else "runs"
            return Evidence(Claim.DEPLOYS, Verdict.PASS, f"{result.chain.reference} {done} and answers at {url}", run=run)

        return (yield from self._kept("up", lambda _: deployed(session), judged, lambda result, _: render_up.lines(result)))

    def _scale(self) -> Generator[Event, None, Evidence]:
        wiring = self._session.wiring
        yield from come_down(wiring.target, wiring.clock)
        plan = self.plan.at(service_url(wiring.target.state(with_usage=False)))

        def work(folder: RunFolderOnDisk) -> Generator[Event, None, LoadResult]:
            told = yield from with_learned(wiring, plan)
            ports = LoadPorts(wiring.target, wiring.generator(), wiring.clock, folder.path, machine=wiring.processor())
            expected = Expectations(require_scale_up=True, scaling_alone=True)
            return (yield from loadtest(ports, told.marked(folder.run_id), expected, until_scaled=True))

        def judged(result: LoadResult, run: str) -> Evidence:
            judgement = result.judgement
            self._seen.drowned = result.bottleneck is not None and result.bottleneck.limit is Limit.DATABASE
            how = next((check.judgement.reasons for check in result.checks if check.name is CheckName.SCALING), ())
            sentence = f"{how[0].text if how else 'it scaled'}; {result.traffic.requests:,} requests, {result.traffic.failures:,} failed"
            return replace(_of(Claim.SCALES, judgement, sentence, run), interrupted=result.interrupted)

        return (
            yield from self._kept(
                "loadtest",
                work,
                judged,
                render_loadtest.lines,
            )
        )

    def _keep_data(self) -> Generator[Event, None, Evidence]:
        wiring = self._session.wiring
        plan = self.plan.at(service_url(wiring.target.state(with_usage=False)))
        # A grace period is no crash: what it shows is told with it.
        weaker = wiring.no_kill_of_a_process
        if weaker:
            yield Notice(f"the database's pod is deleted instead of its process killed: {weaker}", "warning")
        if wiring.users_under_fault is not None:
            plan = replace(plan, users=min(plan.users, wiring.users_under_fault))
        if self._seen.drowned:
            # A recovery cannot be told from what the load alone does to the service.
            plan = replace(plan, users=max(1, plan.users // _FEWER))
            yield Notice(f"the load was more than the database serves: it is killed under {plan.users:,} users", "warning")

        def work(folder: RunFolderOnDisk) -> Generator[Event, None, KillDbResult]:
            parts = wiring.target, wiring.faults(), wiring.database, wiring.names, wiring.dialogue(), wiring.http, folder, wiring.clock
            request = KillDbRequest(KillMode.DELETE if weaker else KillMode.SIGKILL, _WRITERS, _WARM_UP_S, _AFTER_ACKS, _RECOVERY_S)
            users = plan.marked(f"{folder.run_id}-users")

            def killed(send_home: Callable[[], None]) -> Generator[Event, None, KillDbResult]:
                return kill_db(KillDbPorts(*parts, send_home), request)

            return (yield from under_load(wiring.generator(), users, folder.path, wiring.clock, killed))

        def judged(result: KillDbResult, run: str) -> Evidence:
            silent = result.recovery.silence_s if result.recovery is not None else None
            outage = f"; no write for {silent[1] - silent[0]:.2f} s" if silent is not None else ""
            outage += f"; its pod was deleted, its process not killed: {weaker}" if weaker else ""
            return _of(Claim.KEEPS_DATA, result.judgement, f"{result.acknowledged:,} acknowledged writes, none lost{outage}", run)

        return (yield from self._kept("chaos kill-db", work, judged, lambda result, _: render_kill_db.lines(result)))

    def _resolve(self) -> Generator[Event, None, Evidence]:
        wiring = self._session.wiring

        def judged(report: DnsReport, run: str) -> Evidence:
            return _of(Claim.RESOLVES_NAMES, report.judgement, f"{len(report.rows)} records are as expected", run)

        return (
            yield from self._kept(
                "dns check",
                lambda _: dns_check(wiring.names, wiring.clock),
                judged,
                lambda report, run: render_dns.lines(report, run, show_all=False),
            )
        )

    def _kept(
        self,
        command: str,
        work: Callable[[RunFolderOnDisk], Generator[Event, None, R]],
        judged: Callable[[R, str], Evidence],
        render: Callable[[R, str], Iterator[Line]],
    ) -> Generator[Event, None, Evidence]:
        """Runs one operation with a run folder of its own; what it found is shown, kept, and made into the claim's evidence."""
        from shelterctl.adapters.runs.store import RunFolderOnDisk
        from shelterctl.wiring.parts import state_dir

        terminal = self._session.terminal
        # Named as the command by itself names its own.
        folder = RunFolderOnDisk(state_dir(self._session.settings), command.removeprefix("chaos ").replace(" ", "-"))
        try:
            if command != "up":
                # What deploys says it itself, with the target's version.
                self._session.tell_place(folder)
            with closing(work(folder)) as operation:
                result = yield from _recorded(operation, folder)
        except ShelterError as error:
            self._session.keep_error(folder, command, error, error.exit_code)
            raise
        finally:
            folder.close()
        evidence = judged(result, folder.run_id)
        code = ExitCode.OK if evidence.verdict is None else exit_code(evidence.verdict)
        self._session.keep_result(folder, command, code, result, render(result, folder.run_id))
        if terminal.output == "table":
            terminal.say(render(result, folder.run_id))
        return evidence


def _recorded(operation: Generator[Event, None, R], folder: RunFolderOnDisk) -> Generator[Event, None, R]:
    """Hands an operation's events on, and keeps them; an interruption goes to the operation, which alone knows what to undo."""
    pending: BaseException | None = None
    while True:
        try:
            event = operation.throw(pending) if pending is not None else next(operation)
        except StopIteration as stop:
            result: R = stop.value
            return result
        pending = None
        try:
            folder.record(event)
            yield event
        except KeyboardInterrupt as interruption:
            pending = interruption


def _of(claim: Claim, judgement: Judgement, passed: str, run: str) -> Evidence:
    if judgement.verdict is Verdict.PASS:
        return Evidence(claim, Verdict.PASS, passed, run=run)
    reason = judgement.reasons[0]
    return Evidence(claim, judgement.verdict, reason.text, reason.next_command.replace("<run>", run), run)
