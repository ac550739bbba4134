"""`shelterctl url`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from shelterctl.cli.options import with_common_options

if TYPE_CHECKING:
    from shelterctl.cli.session import Session


@with_common_options("url")
def command(
    session: Session,
    keep_open: Annotated[bool, typer.Option("--open", help="Keep a tunnel open until Ctrl-C.")] = False,
) -> int:
    """Print where the service answers, and nothing else.

    \b
    Examples:
      curl $(shelterctl url)
      shelterctl url --reach tunnel --open
    """
    import sys

    from shelterctl.cli.terminal import Line
    from shelterctl.core.endpoint import Reach
    from shelterctl.errors import ServiceUnreachable
    from shelterctl.ops.guards import service_url

    target = session.wiring.target
    state = target.state(with_usage=False)
    url = service_url(state, next_command="shelterctl doctor")
    assert state.endpoint is not None
    tunnelled = state.endpoint.reach is Reach.TUNNEL
    if tunnelled and not keep_open:
        raise ServiceUnreachable(
            f"{url} ends with this command",
            why="it is the mouth of a tunnel, which is open as long as the command that opened it",
            next_command=f"shelterctl url{' --reach tunnel' if session.settings.reach == 'tunnel' else ''} --open",
        )
    code = session.finish(state.endpoint, 0, lambda: iter([Line(url)]))
    if not (tunnelled and keep_open):
        return code
    sys.stdout.flush()
    session.terminal.say([Line("open until Ctrl-C", "dim")])
    lost_s = 0.0
    try:
        while True:
            session.wiring.clock.sleep(1.0)
            if target.cut_off_s() > lost_s:
                lost_s = target.cut_off_s()
                session.terminal.say([Line(f"it was broken for {lost_s:.1f} s in all, and is open again", "doubt")])
    except KeyboardInterrupt:
        return code
