"""How the application's Service is reached from this machine: by a node port, a load balancer's address, or a tunnel through a node."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from shelterctl.adapters.kube.api import Json
from shelterctl.adapters.kube.records import RoleOf
from shelterctl.core.endpoint import Endpoint, Reach
from shelterctl.core.state import PodName, Role
from shelterctl.errors import ShelterError

#: A node on this machine or next to it answers within a millisecond; a refused connection is an answer, too.
PROBE_S = 1.0


class Forward(Protocol):
    """A tunnel through a node of the cluster."""

    def address(self, host: str, port: int) -> str:
        """`host:port` on this machine that leads to that address in the cluster; opened where it is not open. Raises ShelterError."""

    @property
    def cut_off_s(self) -> float:
        """How long the tunnel was broken since it was opened (seconds)."""


@dataclass(frozen=True, slots=True)
class Served:
    """The Service that leads to the application as the stack's files say it, and its port; empty and 0 where they say nothing."""

    name: str = ""
    port: int = 0


@dataclass
class Way:
    """The way that was asked for, and what there is for it. `forward` is None where no node of the cluster can be entered; `served` is
    which of several Services is meant."""

    asked: Reach = Reach.AUTO
    forward: Forward | None = None
    served: Callable[[], Served] = Served
    _reachable: dict[tuple[str, int], bool] = field(default_factory=dict)

    def read(self, found: Mapping[str, Sequence[Json]], nodes: Sequence[Json], role: RoleOf) -> Endpoint | None:
        """The endpoint of the application's Service, None where it has none. `url` is empty where no way leads there, with the reason."""
        own = [service for service in found["services"] if role(service) is Role.APP]
        if not own:
            return None
        meant = self.served()
        if meant.port and meant.name not in {s["metadata"]["name"] for s in own}:
            return Endpoint(meant.name, None, "", "", port=meant.port).unreached(
                f"Service {meant.name}, which [stack] service names, is not there or leads elsewhere"
            )
        # Of several that are not known from the files, the one that is meant for the world.
        outside = next((s for s in own if any(p.get("nodePort") for p in s["spec"].get("ports") or ())), own[0])
        service = next((s for s in own if s["metadata"]["name"] == meant.name), outside)
        spec, name = service["spec"], service["metadata"]["name"]
        ports: Sequence[Json] = spec.get("ports") or [{}]
        if meant.port and name == meant.name:
            chosen = next((p for p in ports if p.get("port") == meant.port), None)
            if chosen is None:
                return Endpoint(name, None, str(spec.get("clusterIP", "")), "", port=meant.port).unreached(
                    f"Service {name} has no port {meant.port}, which [stack] service names"
                )
        else:
            chosen = next((p for p in ports if p.get("nodePort")), ports[0])
        plain = Endpoint(
            name,
            chosen.get("nodePort"),
            str(spec.get("clusterIP", "")),
            "",
            ready_pods=tuple(sorted(ready_pods(found["slices"], service))),
            port=chosen.get("port"),
        )
        problems = []
        for reach in self._order():
            address, problem = self._address(reach, plain, service, nodes)
            if address:
                return plain.reached(reach, f"http://{address}")
            problems.append(problem)
        return plain.unreached("; ".join(dict.fromkeys(filter(None, problems))))

    @property
    def cut_off_s(self) -> float:
        """How long a tunnel was broken since it was opened (seconds); asks nobody."""
        return self.forward.cut_off_s if self.forward is not None else 0.0

    def _order(self) -> Iterator[Reach]:
        if self.asked is not Reach.AUTO:
            yield self.asked
        elif self.forward is not None:
            # A load balancer's address may be left from a `minikube tunnel` that has ended.
            yield from (Reach.NODEPORT, Reach.LOADBALANCER, Reach.TUNNEL)
        else:
            yield from (Reach.LOADBALANCER, Reach.NODEPORT)

    def _address(self, reach: Reach, plain: Endpoint, service: Json, nodes: Sequence[Json]) -> tuple[str, str]:
        """`host:port`, or why this way does not lead there."""
        if reach is Reach.TUNNEL:
            return self._tunnelled(plain)
        if reach is Reach.LOADBALANCER:
            given = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
            hosts = [str(item.get("ip") or item.get("hostname")) for item in given]
            if not hosts:
                why = f"Service {plain.service} has no load balancer's address" if self.asked is Reach.LOADBALANCER else ""
                return "", why
            if self.asked is Reach.AUTO and self.forward is not None and _is_here(hosts[0]):
                # A `minikube tunnel` listens on this machine, or did: whatever listens there now may be another program.
                return "", ""
            return self._checked(hosts[0], int(plain.port or 80), reach)
        if plain.node_port is None:
            return "", f"Service {plain.service} has no node port"
        hosts = [a["address"] for node in nodes for a in node["status"].get("addresses") or () if a["type"] == "InternalIP"]
        return self._checked(hosts[0], plain.node_port, reach) if hosts else ("", "no node has an address")

    def _tunnelled(self, plain: Endpoint) -> tuple[str, str]:
        if self.forward is None:
            return "", "a tunnel leads through a minikube node, and this cluster has none"
        if not plain.cluster_ip or plain.cluster_ip == "None" or plain.port is None:
            return "", f"Service {plain.service} is headless: it has no address of its own that a tunnel could lead to"
        try:
            return self.forward.address(plain.cluster_ip, plain.port), ""
        except ShelterError as error:
            return "", f"{error.what}: {error.why}".rstrip(": ")

    def _checked(self, host: str, port: int, reach: Reach) -> tuple[str, str]:
        """Whether something answers there is asked only where there is another way."""
        told = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if self.asked is not Reach.AUTO or self.forward is None:
            return told, ""
        known = (host, port)
        if known not in self._reachable:
            self._reachable[known] = _leads_somewhere(host, port, refusal=reach is Reach.NODEPORT)
        return (told, "") if self._reachable[known] else ("", f"{told} ({reach.value}) cannot be reached from this machine")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _leads_somewhere(host: str, port: int, *, refusal: bool) -> bool:
    """Whether somebody answers; `refusal` is whether a refused connection is an answer, as it is of a node whose pods are starting."""
    try:
        socket.create_connection((host, port), timeout=PROBE_S).close()
    except ConnectionRefusedError:
        return refusal
    except OSError:
        return False
    return True


def ready_pods(slices: Sequence[Json], service: Json) -> list[PodName]:
    """The ready pods of a Service's endpoint slices. Nothing said counts as ready (discovery/v1, EndpointConditions)."""
    meta = service["metadata"]
    return [
        PodName(endpoint["targetRef"]["name"])
        for item in slices
        if (item["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == meta["name"]
        and item["metadata"].get("namespace") == meta.get("namespace")
        for endpoint in item.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready") is not False and "targetRef" in endpoint
    ]
