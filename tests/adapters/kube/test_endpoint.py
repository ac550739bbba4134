"""Which way leads to a Service from this machine, and why none does."""

from __future__ import annotations

import io
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from shelterctl.adapters.kube.look import endpoint
from shelterctl.adapters.kube.look.endpoint import Way
from shelterctl.adapters.kube.own.cluster import OwnCluster
from shelterctl.adapters.stack import reader as stacks
from shelterctl.core.endpoint import Reach
from shelterctl.core.state import Role
from shelterctl.errors import MinikubeUnavailable

pytestmark = pytest.mark.unit

EXAMPLES = Path(__file__).parents[3] / "examples"

NODES = [{"status": {"addresses": [{"type": "Hostname", "address": "n"}, {"type": "InternalIP", "address": "10.9.8.7"}]}}]


@dataclass
class ToldForward:
    """A tunnel that is open at once, or never."""

    problem: str = ""
    cut_off_s: float = 0.0

    def address(self, host: str, port: int) -> str:
        if self.problem:
            raise MinikubeUnavailable("the tunnel cannot be opened", why=self.problem)
        return f"127.0.0.1:2{port % 10000:04}"


def service(ports: list[dict[str, int]], *, cluster_ip: str = "10.96.0.9", ingress: str = "") -> dict[str, Any]:
    status = {"loadBalancer": {"ingress": [{"ip": ingress}]}} if ingress else {}
    return {"metadata": {"name": "web", "namespace": "n"}, "spec": {"ports": ports, "clusterIP": cluster_ip}, "status": status}


def read(way: Way, *services: dict[str, Any]) -> tuple[str, str, str]:
    found = way.read({"services": services, "slices": []}, NODES, lambda _: Role.APP)
    assert found is not None
    return found.url, found.problem, found.reach.value


NODE_PORT = {"port": 80, "nodePort": 30123}
PLAIN = {"port": 80}


def test_on_a_cluster_whose_nodes_nobody_enters() -> None:
    assert read(Way(), service([NODE_PORT])) == ("http://10.9.8.7:30123", "", "nodeport")
    assert read(Way(), service([NODE_PORT], ingress="1.2.3.4")) == ("http://1.2.3.4:80", "", "loadbalancer")
    assert read(Way(), service([PLAIN]))[:2] == ("", "Service web has no node port")
    assert read(Way(Reach.TUNNEL), service([PLAIN]))[:2] == ("", "a tunnel leads through a minikube node, and this cluster has none")
    assert read(Way(Reach.LOADBALANCER), service([NODE_PORT]))[:2] == ("", "Service web has no load balancer's address")


@pytest.mark.parametrize(
    ("reachable", "expected"), [(True, ("http://10.9.8.7:30123", "nodeport")), (False, ("http://127.0.0.1:20080", "tunnel"))]
)
def test_a_node_that_cannot_be_reached_is_reached_through_a_tunnel(
    monkeypatch: pytest.MonkeyPatch, reachable: bool, expected: tuple[str, str]
) -> None:
    asked = []

    def leads_somewhere(host: str, port: int, *, refusal: bool) -> bool:
        asked.append((host, port))
        return reachable

    monkeypatch.setattr(endpoint, "_leads_somewhere", leads_somewhere)
    way = Way(forward=ToldForward())
    for _ in range(2):
        url, _, reach = read(way, service([NODE_PORT], ingress="" if reachable else "1.2.3.4"))
        assert (url, reach) == expected
    # Asked once each: a status is read many times.
    assert asked == [("10.9.8.7", 30123)] + ([] if reachable else [("1.2.3.4", 80)])
    assert read(way, service([PLAIN]))[0] == "http://127.0.0.1:20080"


def test_a_way_that_was_asked_for_is_not_doubted() -> None:
    assert read(Way(Reach.NODEPORT, ToldForward()), service([NODE_PORT]))[0] == "http://10.9.8.7:30123"
    assert read(Way(Reach.TUNNEL, ToldForward()), service([NODE_PORT])) == ("http://127.0.0.1:20080", "", "tunnel")


def test_what_keeps_a_tunnel_from_being_opened_is_said() -> None:
    assert read(Way(Reach.TUNNEL, ToldForward("ssh is gone")), service([PLAIN]))[1] == "the tunnel cannot be opened: ssh is gone"
    headless = read(Way(Reach.TUNNEL, ToldForward()), service([PLAIN], cluster_ip="None"))
    assert headless[1] == "Service web is headless: it has no address of its own that a tunnel could lead to"
    both = read(Way(forward=ToldForward("ssh is gone")), service([PLAIN]))
    assert both[1] == "Service web has no node port; the tunnel cannot be opened: ssh is gone"


@pytest.mark.parametrize(
    ("error", "leads"), [(None, True), (ConnectionRefusedError(), True), (TimeoutError(), False), (socket.gaierror(), False)]
)
def test_a_refused_connection_is_an_answer(monkeypatch: pytest.MonkeyPatch, error: OSError | None, leads: bool) -> None:
    def create_connection(*_args: object, **_options: object) -> socket.socket:
        if error is not None:
            raise error
        return cast(socket.socket, io.BytesIO())

    monkeypatch.setattr(socket, "create_connection", create_connection)
    assert endpoint._leads_somewhere("10.9.8.7", 80, refusal=True) is leads
    # Of a load balancer's address it is none: what listened there is gone.
    assert endpoint._leads_somewhere("10.9.8.7", 80, refusal=False) is (leads and error is None)


METRICS = """
apiVersion: v1
kind: Service
metadata:
  name: a-metrics
spec:
  type: NodePort
  selector:
    app: flask
  ports:
    - port: 9100
      nodePort: 30910
"""


def notes(folder: Path, settled: str = "") -> OwnCluster:
    """The notes' stack beside a second Service of its application, which comes first by its name."""
    shutil.copytree(EXAMPLES / "notes", folder / "notes")
    manifest = folder / "notes" / "k8s" / "flask-service.yaml"
    label = next(line.split(":")[1].strip() for line in manifest.read_text().splitlines() if line.strip().startswith("app:"))
    (folder / "notes" / "k8s" / "z-metrics.yaml").write_text(METRICS.replace("app: flask", f"app: {label}"))
    if settled:
        (folder / "notes" / "shelterctl.toml").write_text(settled)
    return OwnCluster(None, lambda: stacks.read(folder / "notes"))  # type: ignore[arg-type]  # no cluster is asked


def named(name: str, *ports: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"ports": list(ports), "clusterIP": "10.96.0.9"}}


RUNNING = (
    named("a-metrics", {"port": 9100, "nodePort": 30910}),
    named("flask-service", {"port": 8000, "nodePort": 30800}, {"port": 5000, "nodePort": 30080}),
)


@pytest.mark.parametrize(
    ("settled", "url"),
    [
        ("", "http://10.9.8.7:30800"),
        ('[stack]\nservice = "flask-service"\n', "http://10.9.8.7:30800"),
        ('[stack]\nservice = "flask-service:5000"\n', "http://10.9.8.7:30080"),
        ('[stack]\nservice = "a-metrics:9100"\n', "http://10.9.8.7:30910"),
    ],
)
def test_of_several_services_the_one_that_inspect_names_is_asked(tmp_path: Path, settled: str, url: str) -> None:
    cluster = notes(tmp_path, settled)
    found = cluster._way.read({"services": RUNNING, "slices": []}, NODES, lambda _: Role.APP)
    assert found is not None
    assert found.url == url
    assert cluster.stack.app_service is not None
    assert found.service == cluster.stack.app_service.name


def test_a_port_that_the_running_service_lost_is_told(tmp_path: Path) -> None:
    found = notes(tmp_path, '[stack]\nservice = "flask-service:5000"\n')._way.read(
        {"services": [named("flask-service", {"port": 80, "nodePort": 30123})], "slices": []}, NODES, lambda _: Role.APP
    )
    assert found is not None
    assert (found.url, found.problem) == ("", "Service flask-service has no port 5000, which [stack] service names")


def test_where_the_named_service_is_gone_no_other_is_asked(tmp_path: Path) -> None:
    found = notes(tmp_path, '[stack]\nservice = "flask-service:5000"\n')._way.read(
        {"services": RUNNING[:1], "slices": []}, NODES, lambda _: Role.APP
    )
    assert found is not None
    assert (found.url, found.problem) == ("", "Service flask-service, which [stack] service names, is not there or leads elsewhere")


def test_what_listens_on_this_machine_is_not_taken_for_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """`minikube tunnel` leaves its address in the Service; another program may have the port by now."""
    monkeypatch.setattr(endpoint, "_leads_somewhere", lambda host, _port, *, refusal: host != "10.9.8.7")
    assert read(Way(forward=ToldForward()), service([NODE_PORT], ingress="127.0.0.1"))[2] == "tunnel"
    assert read(Way(Reach.LOADBALANCER, ToldForward()), service([NODE_PORT], ingress="127.0.0.1"))[0] == "http://127.0.0.1:80"
