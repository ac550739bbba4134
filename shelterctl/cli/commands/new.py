"""`shelterctl new`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shelterctl.cli.options import with_common_options

if TYPE_CHECKING:
    from shelterctl.cli.session import Session


@with_common_options("new")
def command(session: Session, folder: Annotated[str, typer.Argument(help="Where to put it.")]) -> int:
    """Copy app, manifests and Locust file into a folder, to be changed; shelterctl run there uses the copy.

    \b
    Examples:
      shelterctl new my-shelter
      cd my-shelter && shelterctl up
    """
    from pathlib import Path

    from shelterctl.cli.render.new import NewResult, lines
    from shelterctl.wiring.parts import copy_project

    target = Path(folder)
    files = copy_project(session.settings, target)
    result = NewResult(str(target.resolve()), files)
    return session.finish(result, 0, lambda: lines(result, folder))
