"""`shelterctl doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shelterctl.cli.options import with_common_options

if TYPE_CHECKING:
    from shelterctl.cli.session import Session


@with_common_options("doctor")
def command(
    session: Session,
    fix: Annotated[bool, typer.Option("--fix", help="Run the mends that lose nothing, and wait until they show.")] = False,
) -> int:
    """Check every prerequisite and every known trap: what was found, why it matters, the command that mends it.

    Exit codes: 0 well (or warnings only), 3 a prerequisite is missing, 6 the deployed stack is broken, 7 something essential is unknown.

    \b
    Examples:
      shelterctl doctor
      shelterctl doctor --fix --timeout 5m
      shelterctl doctor --output json
    """
    from contextlib import nullcontext

    from shelterctl.cli.render import doctor as render
    from shelterctl.cli.render.steps import StepsDisplay
    from shelterctl.ops.doctor.doctor import DoctorPorts, DoctorRequest, doctor

    wiring, settings = session.wiring, session.settings
    if not fix:
        session.tell_target()
    else:
        session.confirm_context("what can be mended is mended here")
        session.open_folder("doctor")
    ports = DoctorPorts(wiring.examiner(), wiring.repairs(), wiring.clock)
    request = DoctorRequest(wiring.place, fix, settings.timeout_s)
    with session.lock("doctor --fix") if fix else nullcontext():
        result = session.drive(doctor(ports, request), StepsDisplay(session.terminal))
    terminal = session.terminal
    return session.finish(
        result, render.exit_code(result), lambda: render.lines(result, width=min(80, terminal.width), verbose=terminal.verbose, fix=fix)
    )
