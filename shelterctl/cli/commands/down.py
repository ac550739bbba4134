"""`shelterctl down`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shelterctl.cli.options import with_common_options

if TYPE_CHECKING:
    from shelterctl.cli.session import Session


@with_common_options("down")
def command(
    session: Session,
    delete_data: Annotated[bool, typer.Option("--delete-data", help="Delete claims, passwords and namespace too. Asks first.")] = False,
) -> int:
    """Remove what `up` made. Claims and passwords stay, so that the next `up` finds its data.

    \b
    Examples:
      shelterctl down
      shelterctl down --delete-data --yes
    """
    from shelterctl.cli.render.steps import StepsDisplay
    from shelterctl.cli.terminal import Line
    from shelterctl.ops.down import down

    namespace = session.wiring.place.namespace
    session.confirm_context("the stack is removed here")
    if delete_data:
        session.confirm_loss(f"Deleting the database's data and passwords in namespace {namespace}")
    session.open_folder("down")
    with session.lock("down"):
        operation = down(session.wiring.target, session.wiring.clock, namespace=namespace, delete_data=delete_data)
        result = session.drive(operation, StepsDisplay(session.terminal))
    if not result.removed:
        words = f"Nothing of shelterctl's was in {namespace}."
    elif result.kept and delete_data:
        kept = ", ".join(result.kept)
        words = f"Down, the data too. {len(result.removed)} objects removed; kept, since others made it or hold something in it: {kept}."
    elif result.kept:
        words = f"Down. {len(result.removed)} objects removed; the data are kept.   Next: shelterctl up"
    else:
        words = f"Down. {len(result.removed)} objects removed, and nothing is kept."
    return session.finish(result, 0, lambda: iter([Line(words, "strong")]))
