"""`shelterctl status` and `shelterctl status watch`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shelterctl.cli.options import with_common_options

if TYPE_CHECKING:
    from shelterctl.cli.session import Session


@with_common_options("status")
def command(
    session: Session,
    _group: typer.Context,
    check: Annotated[bool, typer.Option("--check", help="Exit 6 where it is not as it should be, 7 where that cannot be seen.")] = False,
) -> int:
    """The stack in one screen: image chain, pods, HPA, claims, Service, warnings of the last 10 minutes.

    \b
    Examples:
      shelterctl status
      shelterctl status --check --output json
      shelterctl status watch
    """
    from shelterctl.ops import node_images
    from shelterctl.ports.capabilities import Lacking

    wiring = session.wiring
    session.tell_target()
    wiring.check_running()
    images = wiring.images
    # The nodes take longest to answer: they are asked before the rest is so much as imported.
    held = None if isinstance(images, Lacking) else node_images.ask(images)

    from shelterctl.cli.render import status as render
    from shelterctl.cli.render.codes import exit_code
    from shelterctl.ops.status import StatusPorts, status

    ports = StatusPorts(wiring.target, wiring.builder, images, wiring.answers(), wiring.clock)
    result = status(ports, wiring.place, held)
    # A look ends well whatever it shows.
    code = exit_code(result.health.judgement.verdict) if check else 0
    return session.finish(result, code, lambda: render.lines(result))


@with_common_options("status watch")
def watch(
    session: Session,
    for_: Annotated[str | None, typer.Option("--for", help="End by itself after this long, such as 5m.", show_default=False)] = None,
    svg: Annotated[str | None, typer.Option("--svg", help="Write the last screen to this file at the end.", show_default=False)] = None,
) -> int:
    """Follow the stack live, from Kubernetes watches. Ctrl-C ends it. Without a terminal: one line for each change.

    \b
    Examples:
      shelterctl status watch
      shelterctl status watch --for 5m | tee changes.log
    """
    from pathlib import Path

    from shelterctl.cli.render.watch import follow
    from shelterctl.core.duration import parse_duration_s
    from shelterctl.errors import UsageError

    try:
        limit_s = parse_duration_s(for_) if for_ else None
    except ValueError as error:
        raise UsageError(f"--for: {error}") from error
    return follow(session, limit_s, Path(svg) if svg else None)
