"""What must be there before an operation can begin, in one set of words."""

from __future__ import annotations

from shelterctl.core.state import Role, StackState
from shelterctl.errors import NotDeployed, ServiceUnreachable


def service_url(state: StackState, *, purpose: str = "reached", next_command: str = "shelterctl url") -> str:
    """The URL that this machine reaches the service under. Raises NotDeployed where there is none, ServiceUnreachable with the reason.

    `purpose` completes “the service cannot be … from here”.
    """
    endpoint = state.endpoint
    if endpoint is None:
        raise NotDeployed(f"there is no Service of the stack in namespace {state.namespace}", next_command="shelterctl up")
    if not endpoint.url:
        raise ServiceUnreachable(f"the service cannot be {purpose} from here", why=endpoint.problem, next_command=next_command)
    return endpoint.url


def service_url_inside(state: StackState) -> str:
    """The URL that pods reach the service under, by its name. Raises NotDeployed where there is none."""
    endpoint, app = state.endpoint, state.workload(Role.APP)
    if endpoint is None or app is None:
        raise NotDeployed(f"there is no Service of the stack in namespace {state.namespace}", next_command="shelterctl up")
    return f"http://{endpoint.service}.{app.namespace}.svc:{endpoint.port or 80}"
