"""`hpa recommend --apply` and `--check`: the settings written, and the run's own load again under them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from shelterctl.cli.render import loadtest as render_load
from shelterctl.cli.terminal import Line
from shelterctl.core.autoscaling.check import Checked, compare
from shelterctl.core.autoscaling.course import course_of
from shelterctl.core.controller import ScalerSettings
from shelterctl.core.events import TargetChosen
from shelterctl.core.state import Role
from shelterctl.errors import Refused, UsageError
from shelterctl.ops.guards import service_url
from shelterctl.ops.hpa.simulate import Recommendation, objective_of
from shelterctl.ops.loadtest import LoadPorts, loadtest

if TYPE_CHECKING:
    from shelterctl.cli.session import Session

_POLL_S = 2.0
#: The file that the rest of the run's folder does not name: what a check compared.
COMMAND = "loadtest"


def applied(session: Session, result: Recommendation) -> str:
    """Writes the settings; returns the command that sets them back, empty where they are what they should be. Raises Refused."""
    setting, before = result.found.chosen.setting, result.found.as_it_is.setting
    state = session.wiring.target.state(with_usage=False)
    if state.autoscaler is None:
        raise Refused("the stack has no autoscaler any more", next_command="shelterctl hpa explain")
    if setting == before:
        return ""
    session.confirm_context("the HPA's settings are changed here")
    window_s = int(setting.down_window_s) if setting.down_window_s != before.down_window_s else None
    wanted = ScalerSettings(setting.minimum, setting.maximum, setting.target_percent, window_s)
    with session.lock("hpa recommend"):
        return session.wiring.target.set_autoscaler(state.autoscaler, wanted)


def checked(session: Session, result: Recommendation, run: Path, undo: str) -> Checked:
    """Runs the load of the run again. Raises what `loadtest` raises; UsageError where the run has no load to run again."""
    from shelterctl.adapters.runs.loads import read_plan
    from shelterctl.adapters.runs.recording import read_recording

    wiring = session.wiring
    plan = read_plan(run)
    if not Path(plan.locustfile).is_file():
        raise UsageError(f"{run.name} was made with {plan.locustfile}, which is not there any more", next_command="shelterctl loadtest")
    _await_start(session, result.found.chosen.ready[0].replicas)
    folder = session.open_folder(COMMAND)
    plan = replace(plan, host=service_url(wiring.target.state(with_usage=False))).marked(folder.run_id)
    place = wiring.place
    folder.record(TargetChosen(place.context, place.namespace, place.profile, label=place.label))
    ports = LoadPorts(wiring.target, wiring.generator(), wiring.clock, folder.path, session.others())
    with session.lock("loadtest", "load"):
        loaded = session.drive(loadtest(ports, plan), render_load.LoadDisplay(session.terminal, plan, place))
    # Its result is that of a load as any other's; what was compared is told by this command alone.
    session.keep_result(folder, COMMAND, 0, loaded, render_load.lines(loaded, folder.run_id))
    session.folder = None
    bound = objective_of(result.found.objective)
    course = course_of(read_recording(folder.path), p95_ms=bound.value)
    return compare(result.found.chosen, course, objective=bound.text, p95_ms=loaded.traffic.p95_ms, undo=undo)


def _await_start(session: Session, replicas: int) -> None:
    """Until as many pods are ready as the prediction begins with, or the timeout has passed: then it is said."""
    wiring, clock = session.wiring, session.wiring.clock
    deadline_s = clock.monotonic_s() + session.settings.timeout_s
    told = -1
    while True:
        workload = wiring.target.state(with_usage=False).workload(Role.APP)
        ready = workload.ready if workload is not None else 0
        if ready == replicas:
            return
        if clock.monotonic_s() > deadline_s:
            session.terminal.say(
                [Line(f"  ! {ready} pods are ready, the prediction begins with {replicas}: they are compared all the same")]
            )
            return
        if ready != told:
            told = ready
            session.terminal.say([Line(f"  … Waiting for {replicas} ready pods, with which the prediction begins: {ready} are ready")])
        clock.sleep(_POLL_S)
