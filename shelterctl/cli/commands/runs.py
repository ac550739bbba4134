"""`shelterctl runs list` and `shelterctl runs show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shelterctl.cli.completion import live
from shelterctl.cli.options import with_common_options

if TYPE_CHECKING:
    from shelterctl.cli.session import Session


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
    run: Annotated[str, typer.Argument(autocompletion=live("runs"), help="A run's name, the beginning of it, or “last”.")] = "last",
    events: Annotated[bool, typer.Option("--events", help="Every event.")] = False,
    writes: Annotated[bool, typer.Option("--writes", help="Every write of a fault's account, with what became of it.")] = False,
) -> int:
    """What a run found, as it was printed then.

    \b
    Examples:
      shelterctl runs show last
      shelterctl runs show 20261121-120655-kill-db --writes
    """
    from shelterctl.adapters.runs.store import EVENTS, damage, find_run, read_journal, read_result, read_text
    from shelterctl.cli.render import runs as render
    from shelterctl.wiring.parts import state_dir

    folder = find_run(state_dir(session.settings), run)
    document = read_result(folder)
    if events or writes:
        rows = list(read_journal(folder, EVENTS if events else "account.jsonl"))
        if session.terminal.output != "table":
            for row in rows:
                session.terminal.output = "jsonl"
                session.terminal.json(row)
            return 0
        session.terminal.result(render.event_lines(rows) if events else render.write_lines(rows))
        return 0
    if session.terminal.output != "table":
        session.terminal.json(document or {"run": folder.name, "result": None})
        return 0
    why = damage(folder) if document is None else ""
    journals = sorted(path.name for path in folder.glob("*.jsonl"))
    session.terminal.result(render.show_lines(folder, document, read_text(folder), damage=why, journals=journals))
    return 0
