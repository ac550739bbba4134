"""Workers in pods of their own: where they go, what is made for them, and what became of each of them in the load's account."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shelterctl.adapters.kube.swarm import generator as module
from shelterctl.adapters.kube.swarm import objects, worker_pods
from shelterctl.adapters.kube.swarm.generator import JobGenerator
from shelterctl.adapters.kube.swarm.seen import cause_of, places
from shelterctl.core.load.plan import LoadPlan, LoadSample
from shelterctl.errors import ApiRejected, LoadGeneratorFailed
from tests.adapters.kube.swarm.test_load_in_cluster import ENDED, PLAN, START, Cluster, sample
from tests.cluster.commands import wait_until

pytestmark = pytest.mark.unit

FOUR = replace(PLAN, processes=4)
END = {"kind": "end", "wall_s": 3.0}


def node(name: str, *, ready: bool = True, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": spec, "status": {"conditions": [{"type": "Ready", "status": str(ready)}]}}


def running(name: str) -> dict[str, Any]:
    status = {"phase": "Running", "podIP": "10.1.0.7", "containerStatuses": [{"state": {"running": {}}}]}
    return {"metadata": {"name": name}, "spec": {"nodeName": "m02"}, "status": status}


def ended(name: str, code: int, *, reason: str = "Error", message: str = "", of_pod: str = "") -> dict[str, Any]:
    state = {"terminated": {"exitCode": code, "reason": reason, "message": message}}
    status = {"phase": "Failed", "containerStatuses": [{"state": state}]} | ({"reason": of_pod, "message": message} if of_pod else {})
    return {"metadata": {"name": name}, "spec": {"nodeName": "m02"}, "status": status}


def unplaced(name: str) -> dict[str, Any]:
    said = "0/2 nodes are available: 2 Insufficient memory."
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": said}
    return {"metadata": {"name": name}, "spec": {}, "status": {"phase": "Pending", "conditions": [condition]}}


def unmade(name: str) -> dict[str, Any]:
    waiting = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}
    return {"metadata": {"name": name}, "spec": {"nodeName": "m02"}, "status": {"phase": "Pending", "containerStatuses": [waiting]}}


class Nodes(Cluster):
    """A cluster of several nodes. `becomes` says what a worker's pod is, by its number; None for one that is gone.

    `lines` are the log's, where "process N" stands for the worker N; `hold` keeps them back after the load's begin.
    """

    def __init__(self, lines: list[dict[str, Any]], *, nodes: int = 2) -> None:
        super().__init__([[]])
        self.lines, self.nodes = lines, [node(f"m{number}") for number in range(nodes)]
        self.becomes: dict[int, Callable[[str], dict[str, Any]] | None] = {}
        self.refuses_kind: dict[str, ApiRejected] = {}
        self.hold = threading.Event()
        self.hold.set()

    def request(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Any = None, content_type: str = "application/json"
    ) -> dict[str, Any]:
        if method == "POST" and body["kind"] in self.refuses_kind:
            raise self.refuses_kind[body["kind"]]
        return super().request(method, path, query=query, body=body, content_type=content_type)

    def items(self, path: str, query: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        if path.endswith("/nodes"):
            return self.nodes
        if path.endswith("/pods") and "job-name" not in (query or {})["labelSelector"]:
            assert (query or {})["labelSelector"] == f"{objects.LABEL}=r1"
            found = []
            for made in self.of_kind("Pod"):
                name = made["metadata"]["name"]
                shown = self.becomes.get(int(name.rpartition("-")[2]), running)
                found += [] if shown is None else [shown(name)]
            return [running("master"), *found]
        return [running("master")] if path.endswith("/pods") else super().items(path, query or {})

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [made for made in self.made if made["kind"] == kind]

    def stream_lines(
        self, path: str, query: Mapping[str, str], *, read_timeout_s: float, opened: Callable[[Callable[[], None]], None]
    ) -> Iterator[bytes]:
        opened(lambda: None)
        job = self.made[0]["metadata"]["name"]
        for line in self.lines:
            if line["kind"] not in ("start", "worker"):
                self.hold.wait(10)
            text = json.dumps(line)
            for number in range(1, 5):
                text = text.replace(f'"process {number}"', f'"process {number} on {job}-worker-{number}"')
            yield text.encode()
        self.lines = []


def start(*numbers: int) -> dict[str, Any]:
    return {**START, "expected": 4, "workers": {f"process {number}": 7 for number in numbers}}


def second(number: int, at: int, line: int, *, final: bool = False) -> dict[str, Any]:
    return {**sample(at), "worker": f"process {number}", "arrived_s": 1.0 + at, "line": line, "final": final}


def lost(number: int) -> dict[str, Any]:
    return {"kind": "worker", "worker": f"process {number}", "state": "lost", "why": "stopped answering", "wall_s": 3.0}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_POLL_S", 0.01)
    monkeypatch.setattr(worker_pods, "LOOK_S", 0.01)


def load_of(cluster: Cluster, folder: Path, plan: LoadPlan = FOUR, *, spread: bool | None = None) -> JobGenerator:
    made = JobGenerator(cluster, "default", "shelterctl-load:1", {"app": "web"}, spread=spread)  # type: ignore[arg-type]
    made.start(plan, folder)
    return made


def whole(load: JobGenerator) -> list[LoadSample]:
    assert load._follower is not None
    load._follower.join(10)
    found = [*load.samples()]
    load.stop()
    return [*found, *load.samples()]


def told(samples: list[LoadSample]) -> list[str]:
    return [text.replace(text[text.index("shelterctl-load-") :].partition("-worker-")[0], "J") for each in samples for text in each.told]


def test_where_there_are_several_nodes_each_worker_is_a_pod_that_goes_with_the_job(tmp_path: Path) -> None:
    lines = [start(1, 2, 3, 4), *(second(number, 1, 2, final=True) for number in (1, 2, 3, 4)), END, ENDED]
    cluster = Nodes(lines)
    samples = whole(load_of(cluster, tmp_path))
    assert sum(each.requests for each in samples) == 28
    assert samples[-1].final
    assert not told(samples)
    (job,), (secret,), (policy,) = (cluster.of_kind(kind) for kind in ("Job", "Secret", "NetworkPolicy"))
    workers = cluster.of_kind("Pod")
    name = job["metadata"]["name"]
    assert [each["metadata"]["name"] for each in workers] == [f"{name}-worker-{number}" for number in (1, 2, 3, 4)]
    for owned in (secret, policy, *workers):
        (owner,) = owned["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["uid"], owner["blockOwnerDeletion"]) == ("Job", name, "u1", True)
        # An owner that controls would have the Job's controller let go of a pod that is not of its template.
        assert "controller" not in owner
    given = json.loads(secret["stringData"]["load"])["plan"]
    assert given["workers"] == [each["metadata"]["name"] for each in workers]
    assert given["processes"] == 1
    # Both know the key, and neither's object has it.
    assert len(key := secret["stringData"]["key"]) == 32
    for each in (job["spec"]["template"]["spec"], *(each["spec"] for each in workers)):
        assert key not in json.dumps(each)
        assert each["containers"][0]["env"][0]["valueFrom"]["secretKeyRef"] == {"name": name, "key": "key"}
    assert workers[0]["spec"]["containers"][0]["command"][-2:] == ["10.1.0.7", "5557"]


def test_pods_of_a_load_keep_away_from_the_application_first_and_from_each_other_second(tmp_path: Path) -> None:
    cluster = Nodes([start(1, 2, 3, 4), END, ENDED])
    whole(load_of(cluster, tmp_path))
    for spec in (cluster.made[0]["spec"]["template"]["spec"], cluster.of_kind("Pod")[0]["spec"]):
        assert set(spec["affinity"]["podAntiAffinity"]) == {"preferredDuringSchedulingIgnoredDuringExecution"}
        away, apart = spec["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
        assert away["podAffinityTerm"]["labelSelector"]["matchLabels"] == {"app": "web"}
        assert apart["podAffinityTerm"]["labelSelector"]["matchLabels"][objects.LABEL] == "r1"
        # As many as there may be at most weigh less than one pod of the application.
        assert away["weight"] > 64 * apart["weight"]


def test_what_pod_security_and_a_closed_namespace_ask_of_every_pod(tmp_path: Path) -> None:
    """Pod Security `restricted`, by its own list; a quota on requests; a namespace whose policies let nobody in."""
    cluster = Nodes([start(1, 2, 3, 4), END, ENDED])
    whole(load_of(cluster, tmp_path))
    for spec in (cluster.made[0]["spec"]["template"]["spec"], *(each["spec"] for each in cluster.of_kind("Pod"))):
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        (container,) = spec["containers"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert set(container["resources"]["requests"]) == {"cpu", "memory"}
        assert {next(iter(set(volume) - {"name"})) for volume in spec["volumes"]} <= {"secret", "emptyDir"}
    spec = cluster.of_kind("NetworkPolicy")[0]["spec"]
    assert spec["podSelector"]["matchLabels"].items() <= cluster.of_kind("Pod")[0]["metadata"]["labels"].items()
    assert spec["podSelector"]["matchLabels"].items() <= cluster.made[0]["spec"]["template"]["metadata"]["labels"].items()
    assert spec["ingress"] == [{"from": [{"podSelector": spec["podSelector"]}], "ports": [{"protocol": "TCP", "port": 5557}]}]
    # An empty rule is every way; no rule would be none.
    assert spec["egress"] == [{}]


@pytest.mark.parametrize(("nodes", "processes", "spread"), [(1, 4, False), (2, 1, False), (2, 4, True), (3, 2, True)])
def test_pods_of_their_own_are_made_where_there_is_more_than_one_place(nodes: int, processes: int, spread: bool, tmp_path: Path) -> None:
    one = [START, sample(1), ENDED]
    cluster = Nodes([start(1, 2), END, ENDED] if processes > 1 else one, nodes=nodes)
    whole(load_of(cluster, tmp_path, replace(FOUR, processes=processes)))
    assert len(cluster.of_kind("Pod")) == (processes if spread else 0)
    assert bool(cluster.of_kind("NetworkPolicy")) is spread
    given = json.loads(cluster.of_kind("Secret")[0]["stringData"]["load"])["plan"]
    assert (len(given["workers"]), given["processes"]) == ((processes, 1) if spread else (0, processes))


def test_a_node_that_takes_no_pods_is_no_place() -> None:
    cluster = Nodes([])
    cluster.nodes = [
        node("a"),
        node("cordoned", unschedulable=True),
        node("plane", taints=[{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]),
        node("away", ready=False),
        node("soft", taints=[{"key": "x", "effect": "PreferNoSchedule"}]),
    ]
    assert places(cluster) == 2  # type: ignore[arg-type]

    def forbidden(path: str, query: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        raise ApiRejected("nodes is forbidden", status=403)

    cluster.items = forbidden  # type: ignore[method-assign]
    assert places(cluster) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("becomes", "cause"),
    [
        (lambda name: ended(name, 137, reason="OOMKilled"), "was killed for want of memory (node m02): OOMKilled"),
        (
            lambda name: ended(name, 137, of_pod="Evicted", message="The node was low on resource: memory."),
            "was ended (node m02): Evicted: The node was low on resource: memory.",
        ),
        (lambda name: ended(name, 1, message="Traceback\nMemoryError\n"), "ended with exit code 1 (node m02): MemoryError"),
        (None, "was taken away"),
        (running, "runs, as far as the API server knows"),
    ],
)
def test_a_worker_that_is_lost_is_named_with_its_cause(becomes: Callable[[str], dict[str, Any]] | None, cause: str, tmp_path: Path) -> None:
    there = [second(number, at, at + 1, final=at == 3) for at in (1, 2, 3) for number in (1, 2, 3)]
    cluster = Nodes([start(1, 2, 3, 4), second(4, 1, 2), lost(4), *there, END, ENDED])
    cluster.becomes = {4: becomes}
    samples = whole(load_of(cluster, tmp_path))
    assert sum(each.requests for each in samples) == 70
    assert set(told(samples)) == {
        "process 4 on J-worker-4 stopped answering (2 s into the load): 7 requests of it are counted, until 1.0 s; "
        "what it sent after that is not",
        f"pod J-worker-4 {cause}",
    }


def test_one_that_was_never_placed_is_named_and_removed_and_the_others_go_on(tmp_path: Path) -> None:
    cluster = Nodes([start(1, 2, 3), *(second(number, 1, 2, final=True) for number in (1, 2, 3)), END, ENDED])
    cluster.becomes = {4: unplaced}
    # The master waits a minute for it; here until it has been looked at.
    load_lines, cluster.lines = cluster.lines, []
    made = threading.Event()
    looked = cluster.items

    def items(path: str, query: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        if len(cluster.of_kind("Pod")) == 4 and not path.endswith("/nodes"):
            made.set()
        return looked(path, query)

    def lines(*arguments: Any, **options: Any) -> Iterator[bytes]:
        assert made.wait(10)
        cluster.hold.wait(0.1)
        cluster.lines = load_lines
        yield from Nodes.stream_lines(cluster, *arguments, **options)

    cluster.items, cluster.stream_lines = items, lines  # type: ignore[method-assign]
    samples = whole(load_of(cluster, tmp_path))
    assert "pod J-worker-4 was not placed on a node: Unschedulable: 0/2 nodes are available: 2 Insufficient memory." in told(samples)
    assert any(text.startswith("3 of 4 generator processes were there: ") for text in told(samples))
    assert cluster.deleted[0].endswith("-worker-4")
    assert sum(each.requests for each in samples) == 21


def test_a_worker_whose_requests_failed_ends_with_a_code_and_is_no_loss(tmp_path: Path) -> None:
    """Locust's own exit code of a worker is 1 where a request failed: all its counts are there."""
    cluster = Nodes([start(1, 2, 3, 4), *(second(number, 1, 2, final=True) for number in (1, 2, 3, 4)), END, ENDED])
    cluster.becomes = {2: lambda name: ended(name, 1)}
    assert not told(whole(load_of(cluster, tmp_path)))


def test_what_the_pods_show_comes_with_the_samples_while_it_runs(tmp_path: Path) -> None:
    cluster = Nodes([start(1, 2, 3, 4), lost(4), second(1, 1, 2), END, ENDED])
    cluster.becomes = {4: lambda name: ended(name, 137, reason="OOMKilled")}
    cluster.hold.clear()
    load = load_of(cluster, tmp_path)
    found: list[LoadSample] = []

    def is_told() -> bool:
        found.extend(load.samples())
        return bool(told(found))

    wait_until(is_told, "the pod's end to be told before the load's")
    assert load.running()
    assert not found[-1].final
    cluster.hold.set()
    samples = whole(load)
    assert samples[-1].final
    assert "OOMKilled" not in str(told(samples))


def test_where_none_can_ever_start_nothing_is_waited_for(tmp_path: Path) -> None:
    cluster = Nodes([{"kind": "listening", "port": 5557}, END])
    cluster.becomes = dict.fromkeys((1, 2, 3, 4), unmade)
    cluster.hold.clear()
    with pytest.raises(LoadGeneratorFailed) as caught:
        load_of(cluster, tmp_path)
    assert caught.value.what == "no worker of the load can start"
    assert "-worker-3 cannot start (node m02): ImagePullBackOff: no such image" in caught.value.why
    assert cluster.deleted[-1] == cluster.made[0]["metadata"]["name"]
    cluster.hold.set()


def test_a_quota_that_forbids_a_worker_says_so_before_the_load_begins_and_nothing_stays(tmp_path: Path) -> None:
    cluster = Nodes([start(1, 2, 3, 4)])
    why = 'pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3'
    cluster.refuses_kind = {"Pod": ApiRejected("the API server refused POST", status=403, why=why)}
    with pytest.raises(LoadGeneratorFailed) as caught:
        load_of(cluster, tmp_path)
    assert (caught.value.what, caught.value.why) == ("a worker of the load may not be made", why)
    assert cluster.deleted == [cluster.made[0]["metadata"]["name"]]


def test_a_policy_that_may_not_be_made_is_done_without(tmp_path: Path) -> None:
    cluster = Nodes([start(1, 2, 3, 4), *(second(number, 1, 2, final=True) for number in (1, 2, 3, 4)), END, ENDED])
    cluster.refuses_kind = {"NetworkPolicy": ApiRejected("no", status=403)}
    assert sum(each.requests for each in whole(load_of(cluster, tmp_path))) == 28


def test_a_pod_of_the_job_that_is_forbidden_is_told_at_once(tmp_path: Path) -> None:
    cluster = Nodes([])
    said = 'Error creating: pods "x" is forbidden: violates PodSecurity "restricted:latest"'
    shown = cluster.items

    def items(path: str, query: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        if path.endswith("/events"):
            assert f"involvedObject.name={cluster.made[0]['metadata']['name']}" in (query or {})["fieldSelector"]
            return [{"message": "Error creating: etcd is away"}, {"message": said}]
        return [] if path.endswith("/pods") else shown(path, query)

    cluster.items = items  # type: ignore[method-assign]
    with pytest.raises(LoadGeneratorFailed) as caught:
        load_of(cluster, tmp_path)
    assert (caught.value.what, caught.value.why) == ("the load's pod may not be made", said)


def test_a_master_that_is_killed_takes_the_load_along_with_its_cause(tmp_path: Path) -> None:
    cluster = Nodes([start(1, 2, 3, 4), second(1, 1, 2)])
    gone = ended("master", 137, reason="OOMKilled")
    cluster.get_or_none = lambda path: gone if not cluster.deleted else None  # type: ignore[method-assign]
    load = load_of(cluster, tmp_path)
    samples = whole(load)
    assert not samples[-1].final
    assert load.last_lines() == (
        "its pod was gone before it said that it ended: pod master was killed for want of memory (node m02): OOMKilled",
    )


def test_one_that_is_being_drained_says_who_ends_it() -> None:
    pod = running("w")
    pod["metadata"]["deletionTimestamp"] = "2026-11-30T00:00:00Z"
    assert cause_of(pod) == "was taken away (node m02)"
    pod["status"]["conditions"] = [
        {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting"}
    ]
    assert cause_of(pod) == "was ended (node m02): EvictionByEvictionAPI: Eviction API: evicting"
    assert cause_of(running("w")) == ""
