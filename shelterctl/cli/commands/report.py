"""`shelterctl report`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shelterctl.cli.completion import fixed, live
from shelterctl.cli.options import with_common_options

if TYPE_CHECKING:
    from shelterctl.cli.session import Session


@with_common_options("report")
def command(
    session: Session,
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            autocompletion=live("runs"), help="Runs or tags; a prove brings its own. [the newest prove, else the newest of each]"
        ),
    ] = None,
    file: Annotated[str | None, typer.Option("--file", help="Where it is written. [shelterctl-report.html]", show_default=False)] = None,
    form: Annotated[
        str, typer.Option("--format", autocompletion=fixed("html", "markdown"), help="html, or markdown with its figures as SVG beside it.")
    ] = "html",
    title: Annotated[str, typer.Option(help="Its title.", show_default=False)] = "",
    author: Annotated[str, typer.Option(help="Who hands it in.", show_default=False)] = "",
    compare: Annotated[
        tuple[str, str] | None, typer.Option(metavar="RUN RUN", help="Two runs of one kind, side by side.", show_default=False)
    ] = None,
    figures: Annotated[
        str | None, typer.Option(help="Write each figure into this folder: SVG, and PNG where rsvg-convert is.", show_default=False)
    ] = None,
    verify: Annotated[
        str | None, typer.Option(help="Hold a report to the run folders that it was made from, instead.", show_default=False)
    ] = None,
) -> int:
    """One file to hand in, of what runs recorded: the claims, the stack, load, fault, names, and a digest of all that was read.

    The HTML needs no network and no script, and prints. Names of this machine and its user are left out.

    \b
    Examples:
      shelterctl report --author 'A. Student'
      shelterctl report 20261121-120655-prove --file proof.html --figures figures
      shelterctl report --compare 20261121-120655-loadtest 20261121-130112-loadtest
      shelterctl report --verify proof.html
    """
    from shelterctl.cli import reporting
    from shelterctl.cli.render import report as render
    from shelterctl.errors import ExitCode, UsageError

    if form not in ("html", "markdown"):
        raise UsageError(f"--format {form}: html or markdown", next_command="shelterctl report --help")
    if verify is not None:
        if runs or file or compare or figures:
            raise UsageError("--verify reads a report that is there: it takes no runs, --file, --compare or --figures")
        checked = reporting.verify(session.settings, verify)
        code = ExitCode.OK if checked.held else ExitCode.CHECK_FAILED if checked.held is False else ExitCode.UNDECIDED
        return session.finish(checked, code, lambda: render.verified(checked))
    request = reporting.Request(tuple(runs or ()), form, title, author, compare or ())
    made = reporting.make(session.settings, request, file=file, figures=figures, overwrite=session.settings.yes)
    return session.finish(made, ExitCode.OK, lambda: render.lines(made))
