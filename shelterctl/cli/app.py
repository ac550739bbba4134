"""The command line as a whole: the commands, and the one place where errors end."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from shelterctl import __version__
from shelterctl.errors import ExitCode

#: The root of the parser's own errors. typer carries its own copy of click in some releases and not in others, and exports this
#: class in none; a usage error leads to it in all.
ClickException = typer.BadParameter.__mro__[2]

_SETTINGS = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    name="shelterctl",
    help="Deploy a Flask and MongoDB application to a cluster and prove that it scales, that its data survives, that its names resolve.",
    epilog="First: shelterctl up   Then: shelterctl loadtest --users 200, shelterctl chaos kill-db, shelterctl dns check",
    context_settings=_SETTINGS,
    no_args_is_help=True,
    add_completion=True,
    # Rich would double the time of --help; its tables add nothing to a list of commands.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
status_app = typer.Typer(help="The stack in one screen; `watch` follows it live.", context_settings=_SETTINGS, rich_markup_mode=None)
chaos_app = typer.Typer(
    help="Faults, with an account of every write.", context_settings=_SETTINGS, no_args_is_help=True, rich_markup_mode=None
)
dns_app = typer.Typer(help="DNS, asked from a pod.", context_settings=_SETTINGS, no_args_is_help=True, rich_markup_mode=None)
runs_app = typer.Typer(help="What earlier runs found.", context_settings=_SETTINGS, no_args_is_help=True, rich_markup_mode=None)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"shelterctl {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help="Print the version and exit.")] = False,
) -> None:
    """Deploy a Flask and MongoDB application to a cluster and prove that it scales, that its data survives, that its names resolve."""


def _register() -> None:
    from shelterctl.cli.commands import chaos, dns, doctor, down, loadtest, logs, runs, status, up, url, version

    app.command("up")(up.command)
    status_app.callback(invoke_without_command=True)(status.command)
    status_app.command("watch")(status.watch)
    app.add_typer(status_app, name="status")
    app.command("loadtest")(loadtest.command)
    chaos_app.callback()(chaos.group)
    chaos_app.command("kill-db")(chaos.kill_db)
    app.add_typer(chaos_app, name="chaos")
    dns_app.callback()(dns.group)
    dns_app.command("check")(dns.check)
    app.add_typer(dns_app, name="dns")
    app.command("doctor")(doctor.command)
    app.command("url")(url.command)
    app.command("logs")(logs.command)
    runs_app.command("list")(runs.list_)
    runs_app.command("show")(runs.show)
    app.add_typer(runs_app, name="runs")
    app.command("down")(down.command)
    app.command("version")(version.command)


def main(arguments: Sequence[str]) -> int:
    """Runs a command and returns the exit code. Raises nothing."""
    # typer brings a click of its own from 0.28 on: its exceptions are those that typer itself names, not those of the package click.
    click_exception: type[Exception] = typer.BadParameter.__mro__[2]
    _register()
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
    except click_exception as error:
        error.show()  # type: ignore[attr-defined]
        return ExitCode.USAGE
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader went away (`| head`): there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    return int(code or 0)
