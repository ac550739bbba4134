"""`shelterctl down`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shelterctl.cli.options import with_common_options

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        words = f"Down, the data too. {len(result.removed)} objects removed; {_why_kept(result.kept)}."
    elif result.kept:
        words = f"Down. {len(result.removed)} objects removed; the data are kept.   Next: shelterctl up"
    else:
        words = f"Down. {len(result.removed)} objects removed, and nothing is kept."
    return session.finish(result, 0, lambda: iter([Line(words, "strong")]))


def _why_kept(kept: Sequence[str]) -> str:
    """A volume is no part of a namespace, and its data may be somebody's who made it by hand: nobody's `down` removes one."""
    volumes = [name for name in kept if name.startswith("persistentvolume/")]
    others = [name for name in kept if name not in volumes]
    told = []
    if others:
        told.append(f"kept, since others made it or hold something in it: {', '.join(others)}")
    if volumes:
        names = " ".join(name.partition("/")[2] for name in volumes)
        told.append(f"volumes are never removed: {', '.join(volumes)} (kubectl delete pv {names})")
    return "; ".join(told)
