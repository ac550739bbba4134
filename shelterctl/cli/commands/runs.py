"""`shelterctl runs list` and `shelterctl runs show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shelterctl.cli.completion import live
from shelterctl.cli.options import with_common_options

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from shelterctl.cli.session import Session
    from shelterctl.core.autoscaling.course import RunCourse
    from shelterctl.core.autoscaling.recording import Recording


def group() -> None:
    """What earlier runs found."""


@with_common_options("runs list")
def list_(session: Session) -> int:
    """The runs in the state folder, oldest first."""
    from shelterctl.adapters.runs.store import list_runs
    from shelterctl.cli.render import runs as render
    from shelterctl.wiring.parts import state_dir

    found = list_runs(state_dir(session.settings))
    return session.finish(found, 0, lambda: render.list_lines(found))


@with_common_options("runs show")
def show(
    session: Session,
    run: Annotated[
        str, typer.Argument(autocompletion=live("runs"), help="A run's name, the beginning of it, its tag, or “last”.")
    ] = "last",
    events: Annotated[bool, typer.Option("--events", help="Every event.")] = False,
    writes: Annotated[bool, typer.Option("--writes", help="Every write of a fault's account, with what became of it.")] = False,
    svg: Annotated[str | None, typer.Option("--svg", help="Draw a load's course into this file.", show_default=False)] = None,
) -> int:
    """What a run found, as it was printed then; of a load also its course: a graph, and each decision with its delays.

    \b
    Examples:
      shelterctl runs show last
      shelterctl runs show before-the-index
      shelterctl runs show 20261121-120655-loadtest --svg load.svg
      shelterctl runs show last --output csv > load.csv
      shelterctl runs show last --writes
    """
    from shelterctl.adapters.runs.loads import find_load
    from shelterctl.adapters.runs.store import ACCOUNT, EVENTS, damage, find_account, find_run, read_journal, read_result, read_text, tag_of
    from shelterctl.cli.render import runs as render
    from shelterctl.core.serial import to_json
    from shelterctl.errors import UsageError
    from shelterctl.wiring.parts import state_dir

    drawn = svg is not None or session.settings.output == "csv"
    # `last` is the newest run that has what is asked for: after a `prove` the newest of all is that of the names.
    found = find_account if writes and not events else find_load if drawn and not events else find_run
    folder = found(state_dir(session.settings), run)
    document = read_result(folder)
    why = damage(folder) if document is None else ""
    if writes and why:
        raise UsageError(f"{folder.name}: its account is not shown", why=why, next_command="shelterctl runs list")
    if events or writes:
        rows = list(read_journal(folder, EVENTS if events else ACCOUNT))
        if session.terminal.output != "table":
            for row in rows:
                session.terminal.output = "jsonl"
                session.terminal.json(row)
            return 0
        session.terminal.result(render.event_lines(rows) if events else render.write_lines(rows))
        return 0
    if drawn:
        return _drawn(session, folder, svg)
    if session.terminal.output != "table":
        course = _course(folder, document)
        more = {"course": to_json(course[1])} if course is not None else {}
        session.terminal.json({**(document or {"run": folder.name, "result": None, "damage": why}), **more})
        return 0
    journals = sorted(path.name for path in folder.glob("*.jsonl"))
    session.terminal.result(render.show_lines(folder, document, read_text(folder), damage=why, journals=journals, tag=tag_of(folder)))
    if EVENTS in journals and (course := _course(folder, document)) is not None:
        from shelterctl.cli.render.autoscaling import course as drawn_course

        session.terminal.result([*drawn_course.graph_lines(*course), *drawn_course.course_lines(course[1])])
    return 0


def _drawn(session: Session, folder: Path, svg: str | None) -> int:
    """A load as a figure, as rows, or as both. Raises UsageError for a run without one, StateFolderError."""
    from pathlib import Path

    from shelterctl.adapters.runs.recording import read_recording
    from shelterctl.cli.render.autoscaling import course as render
    from shelterctl.cli.terminal import Line
    from shelterctl.core.figures.load import load_figure
    from shelterctl.core.figures.svg import svg as drawn
    from shelterctl.errors import UsageError

    recording = read_recording(folder)
    try:
        figure = load_figure(recording)
    except ValueError as error:
        raise UsageError(str(error), next_command="shelterctl runs list") from error
    if svg is not None:
        try:
            Path(svg).write_text(drawn(figure), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"--svg {svg}: the file cannot be written", why=error.strerror or str(error)) from error
        session.terminal.complain([Line(f"{svg}: {figure.description}")])
    if session.settings.output == "csv":
        session.terminal.text(render.as_csv(recording))
    return 0


def _course(folder: Path, document: Mapping[str, Any] | None) -> tuple[Recording, RunCourse] | None:
    """What a load's events show beside its result; None for a run without one. What a pod carries is told at the p95 that was allowed."""
    from shelterctl.adapters.runs.recording import read_recording
    from shelterctl.core.autoscaling.course import course_of
    from shelterctl.core.load.thresholds import parse_threshold
    from shelterctl.errors import UsageError

    try:
        recording = read_recording(folder)
    except UsageError:
        # The line about the result said what is wrong with the folder.
        return None
    if not recording.ticks.times_s or not len(recording.pods):
        return None
    result = (document or {}).get("result")
    asked = result.get("expectations") if isinstance(result, dict) else None
    allowed_ms = asked.get("max_p95_ms") if isinstance(asked, dict) else None
    slo = parse_threshold(f"p95 < {allowed_ms:g}ms") if isinstance(allowed_ms, int | float) else None
    return recording, course_of(recording, slo=slo)
