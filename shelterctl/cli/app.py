"""The command line as a whole: the commands, and the one place where errors end."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from shelterctl import __version__
from shelterctl.cli.lazy import CONTEXT_SETTINGS, LazyGroup
from shelterctl.errors import ExitCode

#: The root of the parser's own errors. typer carries its own copy of click in some releases and not in others, and exports this
#: class in none; a usage error leads to it in all.
ClickException: Any = typer.BadParameter.__mro__[2]

app = typer.Typer(
    name="shelterctl",
    cls=LazyGroup,
    epilog="First: shelterctl up   Then: shelterctl loadtest --users 200, shelterctl chaos kill-db, shelterctl dns check",
    context_settings=CONTEXT_SETTINGS,
    no_args_is_help=True,
    # Rich would double the time of --help; its tables add nothing to a list of commands.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"shelterctl {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help="Print the version and exit.")] = False,
) -> None:
    """Deploy a Flask and MongoDB application to a cluster and prove that it scales, that its data survives, that its names resolve."""


def main(arguments: Sequence[str]) -> int:
    """Runs a command and returns the exit code. Raises nothing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # An old terminal's encoding has no ✓: a sign that cannot be shown is no reason to fail.
            stream.reconfigure(errors="backslashreplace")
    try:
        code = app(args=list(arguments), prog_name="shelterctl", standalone_mode=False)
    except typer.Exit as stop:
        code = stop.exit_code
    except typer.Abort:
        return ExitCode.INTERRUPTED
    except ClickException as error:
        error.show()
        return ExitCode.USAGE
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader went away (`| head`): there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    return int(code or 0)
