"""Where a stack's service answers, and by which way this machine reaches it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum


class Reach(Enum):
    """How a Service is reached from outside its cluster. AUTO takes the first that leads there."""

    AUTO = "auto"
    NODEPORT = "nodeport"
    LOADBALANCER = "loadbalancer"
    TUNNEL = "tunnel"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the service answers. `url` is what this machine can reach, or empty with the reason in `problem`.

    `reach` is the way that `url` takes.
    """

    service: str
    node_port: int | None
    cluster_ip: str
    url: str
    problem: str = ""
    ready_pods: tuple[str, ...] = ()
    port: int | None = None
    reach: Reach = Reach.NODEPORT

    def reached(self, reach: Reach, url: str) -> Endpoint:
        return replace(self, reach=reach, url=url, problem="")

    def unreached(self, problem: str) -> Endpoint:
        return replace(self, url="", problem=problem)
