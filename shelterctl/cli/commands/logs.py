"""`shelterctl logs`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shelterctl.cli.options import with_common_options

if TYPE_CHECKING:
    from shelterctl.cli.session import Session


@with_common_options("logs")
def command(
    session: Session,
    part: Annotated[str, typer.Argument(help="app, db, or the name of another workload of the stack.")] = "app",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    previous: Annotated[bool, typer.Option("--previous", help="The logs of the containers before their last restart.")] = False,
    lines: Annotated[int, typer.Option(help="How many lines of each pod.")] = 50,
) -> int:
    """The logs of every pod of the application, of the database or of another part.

    \b
    Examples:
      shelterctl logs
      shelterctl logs db --previous
      shelterctl logs app --follow
    """
    from shelterctl.errors import UsageError

    if not 1 <= lines <= 100_000:
        raise UsageError(f"--lines {lines}: from 1 to 100,000")
    if follow and previous:
        raise UsageError("--previous is over: it cannot be followed")
    terminal = session.terminal
    for pod, line in session.wiring.target.follow_logs(part, follow=follow, previous=previous, lines=lines):
        if terminal.output == "table":
            terminal.line(f"{pod}  {line}")
        else:
            terminal.output = "jsonl"
            terminal.json({"pod": pod, "line": line})
    return 0
