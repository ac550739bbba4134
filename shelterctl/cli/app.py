"""The command line as a whole: the commands, and the one place where errors end."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from shelterctl import __version__
from shelterctl.cli.front_page import ABOUT, FIRST_STEPS
from shelterctl.cli.lazy import CONTEXT_SETTINGS, LazyGroup
from shelterctl.errors import ExitCode

#: The root of the parser's own errors. typer carries its own copy of click in some releases and not in others, and exports this
#: class in none; a usage error leads to it in all.
ClickException: Any = typer.BadParameter.__mro__[2]

app = typer.Typer(
    name="shelterctl",
    cls=LazyGroup,
    help=ABOUT,
    epilog=FIRST_STEPS,
    context_settings=CONTEXT_SETTINGS,
    no_args_is_help=True,
    # Rich would double the time of a command's --help; its tables add nothing to a list of options.
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
    pass


def main(arguments: Sequence[str]) -> int:
    """Runs a command and returns the exit code. Raises nothing."""
    # Python has no stream where the shell closed one (`>&-`): what is written there is not wanted.
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115 - open as long as the process, here and below
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115
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
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            # The reader went away (`| head`): there is nobody left to tell.
            return ExitCode.OK
        # A page of help: commands turn theirs into words themselves.
        sys.stderr.write(f"✗ standard output cannot be written: {error.strerror}\n")
        return ExitCode.PREREQUISITE
    return int(code or 0)
