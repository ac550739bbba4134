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
    from shelterctl.errors import NotDeployed, ServiceUnreachable

    endpoint = session.wiring.cluster.state(with_usage=False).endpoint
    if endpoint is None:
        raise NotDeployed(f"there is no Service of the stack in namespace {session.settings.namespace}", next_command="shelterctl up")
    if not endpoint.url:
        raise ServiceUnreachable("the service cannot be reached from here", why=endpoint.problem)
    return session.finish(endpoint, 0, lambda: iter([Line(endpoint.url)]))
