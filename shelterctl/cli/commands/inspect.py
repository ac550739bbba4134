"""`shelterctl inspect` and `shelterctl init`: a user's own stack, before anything is run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shelterctl.cli.options import with_common_options

if TYPE_CHECKING:
    from shelterctl.cli.session import Session

_FOLDERS = "Folder with the manifests, relative to the project. Repeatable."


@with_common_options("inspect")
def inspect(
    session: Session,
    manifests: Annotated[list[str] | None, typer.Option(help=_FOLDERS, show_default=False)] = None,
    running: Annotated[bool, typer.Option("--running", help="What runs in the namespace, instead of a folder's manifests.")] = False,
) -> int:
    """Tell what was understood of the stack in this folder, what is wrong with it, and which claims can be proved.

    \b
    Examples:
      shelterctl inspect
      shelterctl inspect --manifests k8s --verbose
      shelterctl inspect --running --namespace web
      shelterctl inspect --output json
    """
    from shelterctl.cli.render import inspect as render
    from shelterctl.core.stack.inspection import inspect as told
    from shelterctl.errors import ExitCode
    from shelterctl.wiring.stacks import inspected, measured

    stack = inspected(session.settings, tuple(manifests or ()), running=running)
    result = told(stack, measured(session.settings, stack))
    code = ExitCode.CHECK_FAILED if result.blocked else ExitCode.OK
    width = min(100, session.terminal.width)
    return session.finish(result, code, lambda: render.lines(result, width=width, verbose=session.settings.verbose))


@with_common_options("init")
def init(
    session: Session,
    manifests: Annotated[list[str] | None, typer.Option(help=_FOLDERS, show_default=False)] = None,
    show: Annotated[bool, typer.Option("--show", help="Print it, write nothing.")] = False,
    running: Annotated[bool, typer.Option("--running", help="Of what runs in the namespace.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a shelterctl.toml that describes a stack already.")] = False,
) -> int:
    """Write what `inspect` understood as shelterctl.toml, with the evidence as comments.

    \b
    Examples:
      shelterctl init
      shelterctl init --show
    """
    from shelterctl.cli.render import init as render
    from shelterctl.wiring.stacks import inspected, stack_folder, write_config

    folder = stack_folder(session.settings)
    stack = inspected(session.settings, tuple(manifests or ()), running=running)
    answers = render.ask(stack, session)
    folders = tuple(manifests or render.folders(stack, answers))
    if answers:
        # Another folder has other names, another application its own routes and Service: all that is written must be of what was chosen.
        stack = inspected(session.settings, folders, running=running, answers=answers)
    text = render.toml(stack, answers, folders)
    path = "" if show else write_config(folder, text, force=force)
    result = render.InitResult(path, text, tuple(question.setting for question in stack.questions))
    if show and session.terminal.output == "table":
        # As it would stand in the file, not as a terminal would break it.
        for line in text.splitlines():
            session.terminal.line(line)
        return 0
    return session.finish(result, 0, lambda: render.lines(result))
