"""`shelterctl url`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shelterctl.cli.options import with_common_options

if TYPE_CHECKING:
    from shelterctl.cli.session import Session


@with_common_options("url")
def command(session: Session) -> int:
    """Print where the service answers, and nothing else.

    \b
    Example:
      curl $(shelterctl url)
    """
    from shelterctl.cli.terminal import Line
    from shelterctl.ops.guards import service_url

    state = session.wiring.target.state(with_usage=False)
    url = service_url(state, next_command="shelterctl doctor")
    return session.finish(state.endpoint, 0, lambda: iter([Line(url)]))
