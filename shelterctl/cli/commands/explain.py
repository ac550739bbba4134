"""`shelterctl explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shelterctl.cli.options import with_common_options

if TYPE_CHECKING:
    from shelterctl.cli.session import Session


@with_common_options("explain")
def command(
    session: Session,
    word: Annotated[
        list[str] | None, typer.Argument(metavar="[CODE|FINDING|VERDICT]", help="Without one, all that there are.", show_default=False)
    ] = None,
) -> int:
    """Tell what an exit code, a verdict, a finding of doctor or inspect, or the fate of a write means, where it comes from, what mends it.

    \b
    Examples:
      shelterctl explain
      shelterctl explain 7
      shelterctl explain UNKNOWN
      shelterctl explain hpa-without-request
      shelterctl explain "target in reach"
    """
    from shelterctl.adapters.explained import read
    from shelterctl.cli import explaining as render
    from shelterctl.cli.text import Aim
    from shelterctl.core.explained import find, nearest
    from shelterctl.errors import UsageError

    # A page is about every target: the commands in it stand as they are written.
    session.terminal.find_aim = Aim
    known = read()
    width = min(100, session.terminal.width)
    if not word:
        return session.finish(known, 0, lambda: render.list_lines(known, width=width))
    wanted = " ".join(word)
    found = find(known, wanted)
    if not found:
        near = nearest(known, wanted)
        raise UsageError(
            f"nothing is explained by the name {wanted}{f' (did you mean {near[0]}?)' if near else ''}",
            why=f"near it: {', '.join(near)}" if len(near) > 1 else "",
            next_command="shelterctl explain",
        )
    return session.finish(found, 0, lambda: render.lines(found, width=width))
