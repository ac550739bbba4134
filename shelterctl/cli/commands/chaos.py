"""`shelterctl chaos kill-db`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shelterctl.cli.completion import fixed
from shelterctl.cli.options import with_common_options

if TYPE_CHECKING:
    from shelterctl.cli.session import Session


def group() -> None:
    """Faults, with an account of every write."""


@with_common_options("chaos kill-db")
def kill_db(
    session: Session,
    mode: Annotated[
        str,
        typer.Option(
            autocompletion=fixed("sigkill", "delete", "force-delete"),
            help="sigkill (the process), delete (the pod) or force-delete (the pod, no grace).",
        ),
    ] = "sigkill",
    writers: Annotated[int | None, typer.Option(help="Writers besides the probes. [4]", show_default=False)] = None,
    warm_up: Annotated[str, typer.Option(help="How long to write before the fault.")] = "3s",
    after_acks: Annotated[int, typer.Option(help="Successive acknowledged writes that end the run.")] = 50,
    recovery_timeout: Annotated[str, typer.Option(help="The longest recovery that is waited for.")] = "3m",
    accept_ephemeral: Annotated[
        bool, typer.Option("--accept-ephemeral", help="Kill a database without a claim all the same: its data are lost.")
    ] = False,
) -> int:
    """Kill the database while writing, and account for every single write: PASS, FAIL or UNKNOWN, with the reasons.

    \b
    Examples:
      shelterctl chaos kill-db
      shelterctl chaos kill-db --mode delete --writers 8
    """
    from shelterctl.cli.render import kill_db as render
    from shelterctl.cli.render.codes import exit_code
    from shelterctl.cli.render.steps import StepsDisplay
    from shelterctl.core.duration import parse_duration_s
    from shelterctl.core.faults.fault import KillMode
    from shelterctl.errors import UsageError
    from shelterctl.ops.chaos.kill_db import kill_db
    from shelterctl.ops.chaos.run import KillDbPorts, KillDbRequest
    from shelterctl.settings import nearest

    wiring = session.wiring
    modes = {item.value: item for item in KillMode}
    if mode not in modes:
        raise UsageError(f"--mode {mode}: {', '.join(modes)}{nearest(mode, modes)}")
    count = session.settings.writers if writers is None else writers
    if not 1 <= count <= 64:
        raise UsageError(f"--writers {count}: from 1 to 64")
    if not 1 <= after_acks <= 10_000:
        raise UsageError(f"--after-acks {after_acks}: from 1 to 10,000")
    try:
        warm_up_s, recovery_s = parse_duration_s(warm_up), parse_duration_s(recovery_timeout)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if not 1 <= warm_up_s <= 600 or not 1 <= recovery_s <= 600:
        raise UsageError("--warm-up and --recovery-timeout: from 1 s to 10 min")
    if accept_ephemeral:
        session.confirm_loss("Killing a database without a claim")
    session.confirm_context("the database is killed here")
    folder = session.open_folder("kill-db")
    session.tell_place(folder)
    ports = KillDbPorts(wiring.target, wiring.faults(), wiring.database, wiring.names, wiring.dialogue(), wiring.http, folder, wiring.clock)
    request = KillDbRequest(modes[mode], count, warm_up_s, after_acks, recovery_s, accept_ephemeral)
    with session.lock("chaos kill-db"):
        result = session.drive(kill_db(ports, request), StepsDisplay(session.terminal))
    return session.finish(result, exit_code(result.judgement.verdict), lambda: render.lines(result))
