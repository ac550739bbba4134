"""CPU periods in a kubelet's cAdvisor metrics, as containerd and as cri-dockerd have them told, and answers that are none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from shelterctl.adapters.kube.api import KubeApi
from shelterctl.adapters.kube.look import periods
from shelterctl.core.events import ContainerPeriods, PeriodsSeen
from shelterctl.errors import ApiRejected
from tests.core.load.examples import pod

pytestmark = pytest.mark.unit

UID = "0b6a1f0e-7d0e-4a53-9f5e-3f1f0a2b4c6d"
APP = replace(pod("app-1"), uid=UID)
CONTAINERD = f"/kubelet.slice/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID.replace('-', '_')}.slice"
DOCKER = f"/kubepods/burstable/pod{UID}"


def line(metric: str, count: str, **labels: str) -> bytes:
    told = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return f"container_cpu_cfs_{metric}_total{{{told}}} {count} 1796032800000".encode()


def of_containerd(cgroup: str, container: str, *counts: str, namespace: str = "shelter", name: str = "app-1") -> list[bytes]:
    labels = {"container": container, "id": cgroup, "image": "app", "name": "x", "namespace": namespace, "pod": name}
    return [line("periods", counts[0], **labels), line("throttled_periods", counts[1], **labels)]


def of_docker(cgroup: str, *counts: str) -> list[bytes]:
    labels = {"container": "", "id": cgroup, "image": "", "name": "", "namespace": "", "pod": ""}
    return [line("periods", counts[0], **labels), line("throttled_periods", counts[1], **labels)]


def test_containers_by_their_names_and_nothing_of_other_namespaces() -> None:
    own = f"{CONTAINERD}/cri-containerd-4d1f.scope"
    text = [
        b"# HELP container_cpu_cfs_periods_total Number of elapsed enforcement period intervals.",
        b'container_cpu_usage_seconds_total{container="app",namespace="shelter",pod="app-1"} 12.5 1796032800000',
        *of_containerd(own, "app", "2400", "1032"),
        # The pod as a whole has its limits together: its periods are not told twice.
        *of_containerd(CONTAINERD, "", "2500", "1032"),
        *of_containerd("/other/podx", "app", "9", "9", namespace="others", name="app-9"),
        b'container_cpu_cfs_periods_total{container="app",namespace="shelter",pod="app-1"} not-a-number',
    ]
    assert periods.periods_of(text, [APP]) == (ContainerPeriods(APP.name, "app", own, 2400, 1032),)


def test_cgroups_where_the_runtime_tells_no_names() -> None:
    own = f"{DOCKER}/8f3e9c1d2b4a6e7f"
    text = [*of_docker(DOCKER, "2500", "1032"), *of_docker(own, "2.4e+03", "1032"), *of_docker("/kubepods/pod-of-nobody", "5", "5")]
    assert periods.periods_of(text, [APP]) == (ContainerPeriods(APP.name, "8f3e9c1d2b4a", own, 2400, 1032),)
    # Only the pod's own cgroup is told: better than nothing.
    assert periods.periods_of(text[:2], [APP]) == (ContainerPeriods(APP.name, "", DOCKER, 2500, 1032),)


class Kubelet(KubeApi):
    """A kubelet behind the API server."""

    def __init__(self, answer: list[bytes] | Exception) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def stream_lines(self, path: str, query: Any, **options: Any) -> Iterator[bytes]:
        self.asked.append(path)
        if isinstance(self.answer, Exception):
            raise self.answer
        yield from self.answer


def test_each_node_of_the_pods_is_asked_once() -> None:
    api = Kubelet(of_containerd(f"{CONTAINERD}/c", "app", "2400", "1032"))
    found = periods.read_periods(api, [APP, replace(APP, name=pod("app-2").name), replace(APP, node="")])
    assert api.asked == ["/api/v1/nodes/minikube/proxy/metrics/cadvisor"]
    assert (len(found.containers), found.problem) == (1, "")


def test_what_cannot_be_read_has_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    forbidden = Kubelet(ApiRejected("refused", status=403, why="nodes/proxy is forbidden"))
    assert periods.read_periods(forbidden, [APP]) == PeriodsSeen(
        (), "throttled periods of node minikube could not be read: nodes/proxy is forbidden"
    )
    assert periods.read_periods(Kubelet([b"up 1"]), [APP]).problem.startswith("the nodes tell no CPU periods of these pods")
    # An answer without an end is given up, and half of it counts for nothing.
    monkeypatch.setattr(periods, "MOST_BYTES", 300)
    endless = Kubelet([*of_containerd(f"{CONTAINERD}/c", "app", "2400", "1032"), b"x" * 300])
    found = periods.read_periods(endless, [APP])
    assert (found.containers, found.problem.endswith("too many, or come too slowly")) == ((), True)
    monkeypatch.setattr(periods, "MOST_BYTES", 10_000)
    monkeypatch.setattr(periods, "MOST_S", -1.0)
    assert periods.read_periods(endless, [APP]).containers == ()
