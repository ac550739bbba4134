"""The cluster below the stack, its metrics and its room, judged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shelterctl.core.checkup.capacity import Demand, Requested, judge_room, pods_that_fit
from shelterctl.core.checkup.check import CheckState, Finding, Repair
from shelterctl.core.checkup.cluster import (
    InsideNode,
    StorageClassFacts,
    SystemPod,
    judge_coredns,
    judge_inside,
    judge_nodes,
    judge_policies,
    judge_storage,
    judge_version,
)
from shelterctl.core.checkup.host import DiskSpace
from shelterctl.core.checkup.metrics import MetricsFacts, StartOptions, judge_housekeeping, judge_metrics
from tests.core.checkup.examples import NODE, NOW_S, short, system_pod

pytestmark = pytest.mark.unit

ROOMY = DiskSpace("minikube:/var", 50_000_000_000, 100_000_000_000, "ext4")
INSIDE = InsideNode("minikube", ROOMY, 0.1, 0.05, ("kubelet", "--node-ip=192.168.49.2"), replace(ROOMY, path="minikube:/volumes"))


def test_a_good_node() -> None:
    assert [f.state.value for f in judge_nodes([NODE], "v1.34.4")] == ["ok", "ok", "ok"]
    assert [f.state.value for f in judge_inside([INSIDE])] == ["ok", "ok", "ok"]


@pytest.mark.parametrize(
    ("version", "state"),
    [("v1.34.4", CheckState.OK), ("v1.29.9", CheckState.PROBLEM), ("strange", CheckState.UNKNOWN)],
)
def test_the_manifests_need_the_sleep_action(version: str, state: CheckState) -> None:
    assert judge_version(version).state is state


def test_nodes_in_trouble() -> None:
    off = replace(NODE, ready=False, ready_message="KubeletNotReady: container runtime is down", pressures=("DiskPressure",))
    assert short(judge_nodes([off], "v1.34.4")) == [
        ("node-ready", "problem", "minikube: KubeletNotReady: container runtime is down"),
        ("node-pressure", "problem", "minikube: DiskPressure"),
    ]
    assert short(judge_nodes([replace(NODE, schedulable=False)], "v1.34.4")) == [("node-ready", "warning", "minikube takes no new pods")]
    assert short(judge_nodes([replace(NODE, kubelet_version="v1.30.0")], "v1.34.4")) == [("kubelet-skew", "warning", "minikube v1.30.0")]
    assert short(judge_nodes([replace(NODE, kubelet_version="v1.35.0")], "v1.34.4")) == [("kubelet-skew", "warning", "minikube v1.35.0")]
    assert short(judge_nodes([], "v1.34.4"))[0] == ("node-ready", "problem", "there is no node")


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        (replace(INSIDE, disk=DiskSpace("n:/var", 500_000_000, 10**10)), ("node-disk", "problem", "500 MB free of 10.0 GB at n:/var")),
        (
            replace(INSIDE, volumes=DiskSpace("n:/tmp/v", 12_600_000_000, 12_600_000_000, "tmpfs")),
            ("volumes-disk", "warning", "n:/tmp/v is in memory (tmpfs), 12.6 GB free"),
        ),
        (replace(INSIDE, volumes=None), ("volumes-disk", "skipped", "no claim has a folder in the node yet")),
        (replace(INSIDE, clock_ahead_s=-7.5), ("clocks", "warning", "minikube is 7.5 s behind this machine")),
        # A slow answer hides a difference as large as itself.
        (replace(INSIDE, clock_ahead_s=3.0, clock_error_s=2.5), ("clocks", "unknown", "the node took 5.0 s to tell its time")),
    ],
)
def test_inside_the_node(inside: InsideNode, expected: tuple[str, str, str]) -> None:
    assert short(judge_inside([inside])) == [expected]


def test_coredns() -> None:
    assert judge_coredns([system_pod("coredns-1", "kube-dns"), system_pod("coredns-2", "kube-dns", ready=False)]).found == "1 of 2 ready"
    broken = judge_coredns([system_pod("coredns-1", "kube-dns", ready=False, trouble="CrashLoopBackOff")])
    assert (broken.state, broken.found) == (CheckState.PROBLEM, "0 of 1 ready: coredns-1 CrashLoopBackOff")
    assert judge_coredns([]).state is CheckState.PROBLEM


def test_storage() -> None:
    standard = StorageClassFacts("standard", True, "k8s.io/minikube-hostpath")
    provisioner = system_pod("storage-provisioner", "")
    assert short(judge_storage([standard], [provisioner])) == []
    assert short(judge_storage([replace(standard, default=False)], [provisioner])) == [
        ("storage-class", "problem", "none of 1 is the default"),
        ("provisioner", "unknown", "no default StorageClass names one"),
    ]
    assert short(judge_storage([standard, replace(standard, name="fast")], [])) == [
        ("storage-class", "warning", "2 are the default: standard, fast"),
        ("provisioner", "problem", "there is no pod storage-provisioner"),
    ]
    foreign = short(judge_storage([replace(standard, provisioner="ebs.csi.aws.com")], []))
    assert foreign == [("provisioner", "unknown", "nothing is known about the pods of ebs.csi.aws.com")]


@pytest.mark.parametrize(
    ("pods", "state"),
    [
        ([system_pod("calico-node-x", "calico-node", owner="calico-node")], CheckState.OK),
        ([system_pod("kindnet-x", "kindnet", owner="kindnet", image="kindest/kindnetd:v20260213-ea8e5717")], CheckState.OK),
        ([system_pod("kindnet-x", "kindnet", owner="kindnet", image="kindest/kindnetd:v20240202-8f1494ea")], CheckState.WARNING),
        ([system_pod("kindnet-x", "kindnet", owner="kindnet", image="mine/kindnetd:latest")], CheckState.UNKNOWN),
        ([system_pod("kube-flannel-ds-x", "flannel", owner="kube-flannel-ds")], CheckState.WARNING),
        ([], CheckState.UNKNOWN),
    ],
)
def test_who_enforces_network_policies_is_only_said_where_it_is_known(pods: list[SystemPod], state: CheckState) -> None:
    assert judge_policies(pods).state is state


SERVER = system_pod("metrics-server-x", "metrics-server")
METRICS = MetricsFacts(True, (SERVER,), 3600.0, True, "all checks passed", 60.0, (NOW_S - 40.0,), NOW_S, "minikube")


def metrics(facts: MetricsFacts) -> list[tuple[str, CheckState, Repair | None]]:
    return [(f.check, f.state, f.repair) for f in judge_metrics(facts) if f.state is not CheckState.OK]


def test_metrics_that_come() -> None:
    assert [f.found for f in judge_metrics(METRICS)] == [
        "metrics-server-x ready, measures every 60 s",
        "v1beta1.metrics.k8s.io is Available",
        "the newest is 40 s old; load shows 60 to 120 s late",
    ]


def test_the_add_on_that_is_off_is_one_mend_for_all_of_it() -> None:
    off = replace(METRICS, addon_enabled=False, pods=(), api_available=None, sampled_at_s=(), resolution_s=None)
    names = ("metrics-addon", "metrics-api", "metrics-samples")
    assert metrics(off) == [(name, CheckState.PROBLEM, Repair.ENABLE_METRICS) for name in names]
    # The profile's file may say on, and nothing of it be there.
    assert metrics(replace(off, addon_enabled=True)) == metrics(off)
    # Where no profile tells, nothing can be enabled.
    assert [repair for _, _, repair in metrics(replace(off, addon_enabled=None))] == [None, None, None]


def test_a_server_that_is_not_the_add_on_is_as_good() -> None:
    assert metrics(replace(METRICS, addon_enabled=False)) == []


def test_metrics_that_do_not_come() -> None:
    starting = replace(METRICS, pods=(replace(SERVER, ready=False),), pods_age_s=20.0, api_available=False, sampled_at_s=())
    assert metrics(starting) == [
        ("metrics-addon", CheckState.WARNING, None),
        ("metrics-api", CheckState.WARNING, None),
        ("metrics-samples", CheckState.UNKNOWN, None),
    ]
    assert [state for _, state, _ in metrics(replace(starting, pods_age_s=600.0))][:2] == [CheckState.PROBLEM, CheckState.PROBLEM]
    assert metrics(replace(METRICS, sampled_at_s=(), pods_age_s=100.0)) == [("metrics-samples", CheckState.WARNING, None)]
    assert metrics(replace(METRICS, sampled_at_s=(), pods_age_s=600.0)) == [("metrics-samples", CheckState.PROBLEM, None)]
    assert metrics(replace(METRICS, sampled_at_s=(NOW_S - 400.0,))) == [("metrics-samples", CheckState.WARNING, None)]


PLAIN = StartOptions((), False)


@pytest.mark.parametrize(
    ("flags", "start", "state"),
    [
        (("kubelet", "--node-ip=1"), PLAIN, CheckState.OK),
        (("kubelet",), PLAIN, CheckState.OK),
        (("kubelet", "--housekeeping-interval=5m"), PLAIN, CheckState.PROBLEM),
        (("kubelet", "--housekeeping-interval", "5m0s"), PLAIN, CheckState.PROBLEM),
        (("kubelet", "--global-housekeeping-interval=1h"), PLAIN, CheckState.OK),
        (("kubelet", "--housekeeping-interval=10s"), PLAIN, CheckState.OK),
        (("kubelet", "--housekeeping-interval=soon"), PLAIN, CheckState.UNKNOWN),
        (None, PLAIN, CheckState.UNKNOWN),
        (("kubelet",), StartOptions(("kubelet.housekeeping-interval=5m",), False), CheckState.WARNING),
        (("kubelet",), StartOptions((), True), CheckState.WARNING),
    ],
)
def test_the_kubelet_s_housekeeping(flags: tuple[str, ...] | None, start: StartOptions, state: CheckState) -> None:
    assert judge_housekeeping(flags, start).state is state


def room(cpu_of_others: int, demand: Demand) -> Finding:
    return judge_room([NODE], [Requested("minikube", cpu_of_others, 0)], demand)[0]


DEMAND = Demand("as deployed", 2, 5, 2, 100, 96 * 2**20, 150, 256 * 2**20)


def test_room_is_what_is_left_of_what_pods_may_request() -> None:
    # 2000 - 950 = 1050 = 150 + 9 × 100: the maximum and a rollout's two.
    assert (room(950, DEMAND).state, room(950, DEMAND).found) == (CheckState.OK, "1050m left for 5 × 100m + 150m and 2 in a rollout")
    assert room(1150, DEMAND).state is CheckState.OK
    rollout = room(1151, DEMAND)
    assert (rollout.state, rollout.found) == (CheckState.WARNING, "849m left for 5 × 100m + 150m; a rollout adds 2, and 1 of them fit")
    short_of = room(1400, DEMAND)
    assert (short_of.state, short_of.found, short_of.mend) == (
        CheckState.WARNING, "600m left: 4 pods fit, the maximum is 5", "shelterctl up --max 4",
    )  # fmt: skip
    assert room(1700, DEMAND).state is CheckState.PROBLEM
    assert room(1900, DEMAND).found == "100m left: no database and no pods fit, the minimum is 2"
    assert room(0, replace(DEMAND, app_cpu_millicores=0)).state is CheckState.UNKNOWN


def test_pods_do_not_share_two_nodes_halves() -> None:
    assert pods_that_fit([150, 150], 0, 100) == 2
    assert pods_that_fit([300], 0, 100) == 3
    assert pods_that_fit([], 0, 100) is None
