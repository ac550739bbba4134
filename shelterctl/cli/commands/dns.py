"""`shelterctl dns check`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shelterctl.cli.options import with_common_options

if TYPE_CHECKING:
    from shelterctl.cli.session import Session


def group() -> None:
    """DNS, asked from a pod of the application."""


@with_common_options("dns check")
def check(
    session: Session,
    show_all: Annotated[bool, typer.Option("--all", help="Every record, not only one line for each service.")] = False,
) -> int:
    """Ask every name of the stack from a pod of the application: expected against found, with times.

    \b
    Examples:
      shelterctl dns check
      shelterctl dns check --all
    """
    from shelterctl.cli.render import dns as render
    from shelterctl.cli.render.codes import exit_code
    from shelterctl.cli.render.steps import StepsDisplay
    from shelterctl.ops.dns.check import dns_check

    wiring = session.wiring
    folder = session.open_folder("dns-check")
    session.tell_place(folder)
    report = session.drive(dns_check(wiring.names, wiring.clock), StepsDisplay(session.terminal))
    code = exit_code(report.judgement.verdict)
    return session.finish(report, code, lambda: render.lines(report, folder.run_id, show_all=show_all or session.settings.verbose))
