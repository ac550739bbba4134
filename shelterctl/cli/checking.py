"""`hpa recommend --apply` and `--check`: the settings written, and the run's own load again under them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from shelterctl.cli.render import loadtest as render_load
from shelterctl.cli.render.codes import exit_code
from shelterctl.cli.terminal import Line
from shelterctl.core.autoscaling.check import SHORTER_S, Checked, compare
from shelterctl.core.autoscaling.course import course_of
from shelterctl.core.controller import ScalerSettings
from shelterctl.core.headers import lacks_values
from shelterctl.core.state import Role, StackState
from shelterctl.core.verdict import Verdict
from shelterctl.errors import ExitCode, NotDeployed, Refused, UsageError
from shelterctl.ops.guards import service_url
from shelterctl.ops.hpa.simulate import Recommendation, objective_of, setting_of
from shelterctl.ops.loadtest import LoadPorts, loadtest

if TYPE_CHECKING:
    from shelterctl.cli.session import Session
    from shelterctl.core.autoscaling.recording import Recording
    from shelterctl.core.autoscaling.simulate import Setting
    from shelterctl.core.load.plan import LoadPlan

_POLL_S = 2.0
#: The file that the rest of the run's folder does not name: what a check compared.
COMMAND = "loadtest"


def same_place(session: Session, recording: Recording) -> None:
    """Raises Refused where the run is of another stack than the one that its settings would be written into."""
    place = session.wiring.place
    if (recording.context, recording.namespace) == (place.context, place.namespace):
        return
    where = f"of namespace {recording.namespace} in {recording.context}" if recording.context else "of a stack that it does not name"
    raise Refused(
        f"{recording.run} is a load {where}, and the HPA here is that of {place.namespace} in {place.context}",
        why="what one stack's pods carry says nothing of another's",
        next_command="shelterctl loadtest --users 200",
    )


def applied(session: Session, result: Recommendation) -> str:
    """Writes the settings; returns the command that sets them back, empty where they are what they should be. Raises Refused."""
    setting = result.found.chosen.setting
    state = session.wiring.target.state(with_usage=False)
    now = setting_of(state.autoscaler)
    if state.autoscaler is None or now is None:
        what = "the stack has no autoscaler any more" if state.autoscaler is None else "the HPA has no CPU utilization target any more"
        raise Refused(what, next_command="shelterctl hpa explain")
    _same_pods(state, result)
    # What stands there now counts, and not what stood there when the load was recorded.
    if _written(setting) == _written(now):
        return ""
    session.confirm_context("the HPA's settings are changed here")
    window_s = int(setting.down_window_s) if setting.down_window_s != now.down_window_s else None
    wanted = ScalerSettings(setting.minimum, setting.maximum, setting.target_percent, window_s)
    with session.lock("hpa recommend"):
        return session.wiring.target.set_autoscaler(state.autoscaler, wanted)


def _same_pods(state: StackState, result: Recommendation) -> None:
    """A target is in percent of what a pod requests, and a pod carries what its limit lets it. Raises Refused where either is another."""
    pod = next((pod for pod in state.pods_of(Role.APP) if not pod.deleting), None)
    if pod is None:
        raise NotDeployed("the application has no pod", next_command="shelterctl up")
    limits = pod.cpu_limits_millicores
    limit = sum(value or 0 for value in limits) if limits and all(limits) else None
    now = sum(value or 0 for value in pod.cpu_requests_millicores), limit
    then = result.demand.request_millicores, result.demand.limit_millicores
    if now != then:
        raise Refused(
            f"in {result.run} a pod had {_cpu(then)}, and has {_cpu(now)} now",
            why="a target is in percent of the request, and what a pod carries hangs on its limit",
            next_command="shelterctl loadtest --users 200",
        )


def _cpu(found: tuple[int, int | None]) -> str:
    return f"{found[0]}m of CPU requested, {'no limit' if found[1] is None else f'at most {found[1]}m'}"


def _written(setting: Setting) -> tuple[float, ...]:
    """What of a setting is written."""
    return setting.target_percent, setting.minimum, setting.maximum, setting.down_window_s


def repeatable(run: Path, recorded_s: int) -> tuple[LoadPlan, str]:
    """The load of a run of `recorded_s` seconds as it can be run again, and a sentence where it is not the whole of what was planned.

    To be asked before anything is written. Raises UsageError where the run has no load to run again, Refused where it would be another.
    """
    from shelterctl.adapters.runs.loads import read_load

    plan, requests = read_load(run)
    if plan.inside:
        raise Refused(
            f"the load of {run.name} ran inside the cluster, and --check runs it from here: over another way to the service",
            why="what differs then may be the way, and not the settings",
            next_command="shelterctl hpa recommend --apply, then shelterctl loadtest --in-cluster",
        )
    if lacks_values(plan.variables):
        raise Refused(
            f"the load of {run.name} had headers whose values are not kept: without them it would be another load",
            next_command="shelterctl hpa recommend --apply, then shelterctl loadtest with the same headers",
        )
    if not Path(plan.locustfile).is_file():
        raise UsageError(f"{run.name} was made with {plan.locustfile}, which is not there any more", next_command="shelterctl loadtest")
    sent_all = plan.requests is not None and requests >= plan.requests
    if sent_all or recorded_s > plan.duration_s - SHORTER_S:
        return plan, ""
    shorter = plan.lasting(float(recorded_s))
    if problems := shorter.problems():
        raise Refused(
            f"{run.name} ended after {recorded_s} s of {plan.duration_s:.0f} s, and a load as short cannot be run again",
            why=problems[0],
            next_command="shelterctl loadtest --users 200",
        )
    return shorter, f"{run.name} ended after {recorded_s} s of {plan.duration_s:.0f} s: the load was run again for as long"


def checked(session: Session, result: Recommendation, repeated: tuple[LoadPlan, str], undo: str) -> Checked:
    """Runs the load of the run again, as `repeatable` gives it. Raises what `loadtest` raises."""
    from shelterctl.adapters.runs.recording import read_recording

    wiring = session.wiring
    plan, cut_off = repeated
    late = _await_start(session, result.found.chosen.ready[0].replicas)
    folder = session.open_folder(COMMAND)
    plan = replace(plan, host=service_url(wiring.target.state(with_usage=False))).marked(folder.run_id)
    place = wiring.place
    session.tell_place(folder)
    ports = LoadPorts(wiring.target, wiring.generator(), wiring.clock, folder.path, session.others(), machine=wiring.processor())
    with session.lock("loadtest", "load"):
        loaded = session.drive(loadtest(ports, plan), render_load.LoadDisplay(session.terminal, plan, place, own_names=wiring.owners))
    # Its result is that of a load as any other's; what was compared is told by this command alone.
    code = ExitCode.INTERRUPTED if loaded.interrupted else exit_code(loaded.judgement.verdict)
    session.keep_result(folder, COMMAND, code, loaded, render_load.lines(loaded, folder.run_id))
    session.folder = None
    bound = objective_of(result.found.objective)
    course = course_of(read_recording(folder.path), slo=bound)
    why = () if loaded.judgement.verdict is Verdict.PASS else loaded.judgement.reasons
    doubts = (*filter(None, (cut_off, late)), *(f"the load was no pass: {reason.text}" for reason in why))
    predicted_s = result.demand.duration_s
    cost = result.demand.cost_millicore_s
    return compare(
        result.found.chosen, course, predicted_s=predicted_s, slo=bound, traffic=loaded.traffic, undo=undo, doubts=doubts,
        cost_millicore_s=cost,
    )  # fmt: skip


def _await_start(session: Session, replicas: int) -> str:
    """Until as many pods are ready as the prediction begins with, or the timeout has passed: then a sentence that says so."""
    wiring, clock = session.wiring, session.wiring.clock
    deadline_s = clock.monotonic_s() + session.settings.timeout_s
    told = -1
    while True:
        workload = wiring.target.state(with_usage=False).workload(Role.APP)
        ready = workload.ready if workload is not None else 0
        if ready == replicas:
            return ""
        if clock.monotonic_s() > deadline_s:
            return f"the prediction begins with {replicas} ready pods, and the load with {ready}"
        if ready != told:
            told = ready
            session.terminal.say([Line(f"  … Waiting for {replicas} ready pods, with which the prediction begins: {ready} are ready")])
        clock.sleep(_POLL_S)
