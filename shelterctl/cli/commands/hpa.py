"""`shelterctl hpa explain`, `replay`, `simulate` and `recommend`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shelterctl.cli.completion import live
from shelterctl.cli.options import with_common_options

if TYPE_CHECKING:
    from shelterctl.cli.session import Session
    from shelterctl.core.autoscaling.recording import Recording

Run = Annotated[str, typer.Argument(autocompletion=live("runs"), help="A load's run, the beginning of its name, its tag, or “last”.")]


def group() -> None:
    """The autoscaler: why it did what it did, what it will do, and which settings would have served better."""


@with_common_options("hpa explain")
def explain(session: Session) -> int:
    """Why the replicas are what they are now, what comes next if the load stays, and what would make it scale.

    \b
    Examples:
      shelterctl hpa explain
      shelterctl hpa explain --output json
    """
    from shelterctl.adapters.runs.loads import last_load
    from shelterctl.cli.render.autoscaling import hpa as render
    from shelterctl.ops.hpa.explain import ExplainPorts, explain_autoscaler
    from shelterctl.wiring.parts import state_dir

    wiring = session.wiring
    session.tell_target()
    wiring.check_running()
    place = wiring.place

    def last() -> object:
        return last_load(state_dir(session.settings), place.context, place.namespace, wiring.clock.wall_s())

    ports = ExplainPorts(wiring.target, wiring.scaling_facts(), wiring.clock, last)  # type: ignore[arg-type]
    result = explain_autoscaler(ports)
    return session.finish(result, 0, lambda: render.explain_lines(result))


@with_common_options("hpa replay")
def replay(
    session: Session,
    run: Run = "last",
    every: Annotated[bool, typer.Option("--all", help="Every pass, not only those that decided or differ.")] = False,
) -> int:
    """A recorded load through the controller's own rules: each of its passes beside what the controller did.

    \b
    Examples:
      shelterctl hpa replay
      shelterctl hpa replay 20261121-120655-loadtest --all
    """
    from shelterctl.cli.render.autoscaling import hpa as render
    from shelterctl.core.autoscaling.replay import replay as through_the_model
    from shelterctl.errors import UsageError

    recording = _recording(session, run)
    try:
        result = through_the_model(recording)
    except ValueError as error:
        raise UsageError(f"{recording.run} cannot be replayed: {error}", next_command="shelterctl loadtest --users 200") from error
    return session.finish(result, 0, lambda: render.replay_lines(result, every=every))


def _recording(session: Session, run: str) -> Recording:
    from shelterctl.adapters.runs.loads import find_load
    from shelterctl.adapters.runs.recording import read_recording
    from shelterctl.wiring.parts import state_dir

    return read_recording(find_load(state_dir(session.settings), run))


@with_common_options("hpa simulate")
def simulate(
    session: Session,
    run: Run = "last",
    target: Annotated[str, typer.Option(help="CPU targets in percent, such as 50 or 30,50,70.", show_default=False)] = "",
    minimum: Annotated[str, typer.Option("--min", help="The fewest replicas, such as 2 or 1,2.", show_default=False)] = "",
    maximum: Annotated[str, typer.Option("--max", help="The most replicas, such as 5 or 4,8.", show_default=False)] = "",
    down_window: Annotated[
        str, typer.Option(help="Stabilization windows for scaling down, such as 60s or 60s,5m.", show_default=False)
    ] = "",
    slo: Annotated[
        str | None, typer.Option(help="What a pod's capacity is measured by, such as 'p95 < 300ms'.", show_default=False)
    ] = None,
) -> int:
    """What the autoscaler would have done under other settings, with the demand and the capacity measured in a run.

    Several values make a table of all combinations; those that another one beats are marked.

    \b
    Examples:
      shelterctl hpa simulate last --target 50 --max 5 --down-window 60s
      shelterctl hpa simulate --target 30,50,70 --max 4,8
    """
    from shelterctl.cli.flags import listed_ints, listed_seconds
    from shelterctl.cli.render.autoscaling import hpa as render
    from shelterctl.ops.hpa.simulate import simulation

    recording = _recording(session, run)
    # A report of the load tells of it, too.
    session.open_folder("hpa-simulate")
    result = simulation(
        recording,
        targets=listed_ints("--target", target, 1, 1000),
        minimums=listed_ints("--min", minimum, 1, 1000),
        maximums=listed_ints("--max", maximum, 1, 1000),
        down_windows_s=listed_seconds("--down-window", down_window, 3600),
        slo=slo,
    )
    return session.finish(result, 0, lambda: render.simulate_lines(result))


@with_common_options("hpa recommend")
def recommend(
    session: Session,
    run: Run = "last",
    slo: Annotated[str, typer.Option(help="The objective.")] = "p95 < 300ms",
    apply: Annotated[bool, typer.Option("--apply", help="Write the settings into the HPA; how to undo it is said.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Run the load again under them, and compare what was predicted with what came.")
    ] = False,
) -> int:
    """Settings that meet an objective with the fewest pod-minutes, over the demand of a run; why, and what the run could not show.

    \b
    Examples:
      shelterctl hpa recommend last --slo 'p95 < 300ms'
      shelterctl hpa recommend --apply
      shelterctl hpa recommend --check
    """
    from shelterctl.adapters.runs.loads import find_load
    from shelterctl.cli.render.autoscaling import hpa as render
    from shelterctl.ops.hpa.simulate import recommendation
    from shelterctl.wiring.parts import state_dir

    recording = _recording(session, run)
    result = recommendation(recording, slo)
    if not apply and not check:
        return session.finish(result, 0, lambda: render.recommend_lines(result))
    from shelterctl.cli.checking import applied, checked, repeatable, same_place

    same_place(session, recording)
    repeated = repeatable(find_load(state_dir(session.settings), run), result.demand.duration_s) if check else None
    undo = applied(session, result)
    if repeated is None:
        told = render.Applied(result, undo)
        return session.finish(told, 0, lambda: render.applied_lines(told))
    found = checked(session, result, repeated, undo)
    return session.finish(found, 0, lambda: render.checked_lines(found))
