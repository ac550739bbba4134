"""The options that every command has, declared once and put into each command's signature."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import typer

from shelterctl.cli.completion import fixed, live

_GROUP = "Common options"
#: Of the commands that deploy.
MONGO_URI = "A database elsewhere, or `own`; on the local target only."
MONGO_PASSWORD_FILE = "The file with its user's password."  # noqa: S105 - a help text

_COMMON: dict[str, Any] = {
    "target": Annotated[
        str | None,
        typer.Option(
            "--target",
            "-t",
            autocompletion=fixed("auto", "minikube", "local"),
            help="auto, minikube (or any cluster) or local. [auto]",
            show_default=False,
            rich_help_panel=_GROUP,
        ),
    ],
    "context": Annotated[
        str | None,
        typer.Option(
            autocompletion=live("contexts"),
            help="kubeconfig context; default: the minikube profile's.",
            show_default=False,
            rich_help_panel=_GROUP,
        ),
    ],
    "profile": Annotated[
        str | None,
        typer.Option(
            "--profile",
            "-p",
            autocompletion=live("profiles"),
            help="minikube profile. [minikube]",
            show_default=False,
            rich_help_panel=_GROUP,
        ),
    ],
    "namespace": Annotated[
        str | None,
        typer.Option(
            "--namespace",
            "-n",
            autocompletion=live("namespaces"),
            help="Namespace of the stack. [shelter]",
            show_default=False,
            rich_help_panel=_GROUP,
        ),
    ],
    "reach": Annotated[
        str | None,
        typer.Option(
            autocompletion=fixed("auto", "nodeport", "loadbalancer", "tunnel"),
            help="How the service is reached: auto, nodeport, loadbalancer or tunnel. [auto]",
            show_default=False,
            rich_help_panel=_GROUP,
        ),
    ],
    "output": Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            autocompletion=fixed("table", "json", "jsonl"),
            help="table, json or jsonl. [table]",
            show_default=False,
            rich_help_panel=_GROUP,
        ),
    ],
    "state_dir": Annotated[str | None, typer.Option(help="Folder for the runs. [.shelterctl]", show_default=False, rich_help_panel=_GROUP)],
    "project_dir": Annotated[str | None, typer.Option(help="Folder with app/ and manifests/.", show_default=False, rich_help_panel=_GROUP)],
    "timeout_s": Annotated[
        str | None,
        typer.Option("--timeout", help="The longest wait, such as 90s or 5m. [5m]", show_default=False, rich_help_panel=_GROUP),
    ],
    "yes": Annotated[bool | None, typer.Option("--yes", "-y", help="Do not ask.", show_default=False, rich_help_panel=_GROUP)],
    "quiet": Annotated[bool | None, typer.Option("--quiet", "-q", help="Results only.", show_default=False, rich_help_panel=_GROUP)],
    "verbose": Annotated[bool | None, typer.Option("--verbose", "-v", help="Say more.", show_default=False, rich_help_panel=_GROUP)],
    "debug": Annotated[
        bool | None, typer.Option("--debug", help="Show the traceback of an error.", show_default=False, rich_help_panel=_GROUP)
    ],
}


def with_common_options(name: str) -> Callable[[Callable[..., int | None]], Callable[..., None]]:
    """Gives a command the common options. The command gets a `Session` as its first argument and returns its exit code.

    An option of its own stands in the place of the common one of that name: a command that looks at runs alone has no other use for it.
    """

    def decorate(command: Callable[..., int | None]) -> Callable[..., None]:
        # Commands name `Session` for the type checker only: importing it here would cost every --help the whole of the core.
        hints = get_type_hints(command, localns={"Session": object}, include_extras=True)
        parameters = list(inspect.signature(command).parameters.values())[1:]
        own = [p.replace(annotation=hints[p.name], kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]
        taken = {parameter.name for parameter in own}
        offered = {option: kind for option, kind in _COMMON.items() if option not in taken}
        common = [inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=a) for n, a in offered.items()]

        @functools.wraps(command)
        def wrapped(**values: Any) -> None:
            from shelterctl.cli.session import Session

            flags = {option: values.pop(option) for option in offered}
            group = next((value for value in values.values() if hasattr(value, "invoked_subcommand")), None)
            if group is not None and group.invoked_subcommand is not None:
                # A command of the group runs next, with options of its own: those given here would be lost in silence.
                if any(value is not None for value in flags.values()):
                    raise typer.BadParameter(f"give the options after `{group.invoked_subcommand}`")
                return
            raise typer.Exit(Session(name, flags).run(command, values))

        wrapped.__signature__ = inspect.Signature([*own, *common])  # type: ignore[attr-defined]
        wrapped.__annotations__ = {p.name: p.annotation for p in (*own, *common)}
        del wrapped.__wrapped__
        return wrapped

    return decorate
