"""`loadtest`: a short real load on the Service, and one that is cut off."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from shelterctl.adapters.builder.engine import DockerEngine
from shelterctl.adapters.builder.load_image import LoadImage
from shelterctl.adapters.kube.api import KubeApi
from shelterctl.adapters.kube.swarm.generator import JobGenerator
from shelterctl.core.load.plan import LoadPlan, LoadSample
from shelterctl.core.load.verdict import LAG_P99_LIMIT_MS
from tests.cluster import kube
from tests.cluster.commands import Shelterctl, wait_until

pytestmark = pytest.mark.cluster

LEFT = "jobs,pods,secrets,networkpolicies"
OF_LOAD = ("-l", "shelterctl.dev/load")
LOCUST_FILE = Path(__file__).parents[2] / "locustfiles" / "shelter.py"


@pytest.fixture
def measured(stack: Shelterctl) -> Shelterctl:
    """The stack, once its autoscaler has a metric: without one a load test can say nothing about scaling."""
    stack("up", "--wait-hpa")
    return stack


def swarm_of(run: Path) -> int:
    """The process id of a run's swarm, by its own first words."""
    first = (run / "load-samples.jsonl").read_text().splitlines()[0]
    return int(json.loads(first)["pid"])


def ended(process_id: int) -> bool:
    stat = Path(f"/proc/{process_id}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_short_load(measured: Shelterctl) -> None:
    stack = measured
    # The autoscaler may take one away meanwhile.
    before = kube.uids(stack.namespace, "pods", "app.kubernetes.io/name=app")
    ran = stack("loadtest", "--users", "20", "--spawn-rate", "10", "--duration", "25s", expect=None)
    result = ran.result
    # A machine that was busy otherwise made the generator late, and then nothing may be called well.
    assert result["judgement"]["verdict"] == ("PASS" if result["generator"]["lag_p99_ms"] <= LAG_P99_LIMIT_MS else "UNKNOWN"), ran.shown()
    traffic = result["traffic"]
    assert (traffic["failures"], result["generator"]["users_reached"], result["generator"]["end"]) == (0, 20, "finished")
    # Twenty users who pause a second each: about twenty requests a second, less the start.
    assert 200 < traffic["requests"] < 1000
    assert traffic["requests"] == sum(pod["requests"] for pod in traffic["by_pod"]) == sum(traffic["by_name"].values())
    pods = {*before, *kube.uids(stack.namespace, "pods", "app.kubernetes.io/name=app")}
    assert {pod["pod"] for pod in traffic["by_pod"]} <= pods
    writes = traffic["by_name"]["POST /data"]
    reads = sum(count for name, count in traffic["by_name"].items() if name.startswith("GET /data"))
    assert 0.2 < writes / (writes + reads) < 0.5
    assert result["timeline"]["points"][0]["ready"] >= 1

    folder = stack.state_dir / "runs" / ran.document["run"]
    assert json.loads((folder / "result.json").read_text()) == ran.document
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    ticks = [event for event in events if event["kind"] == "load_tick"]
    assert sum(tick["requests"] for tick in ticks) == traffic["requests"]
    assert {"pods", "autoscaler"} <= {event["kind"] for event in events}
    assert ended(swarm_of(folder))


def test_ctrl_c_stops_the_swarm_and_still_gives_the_result(stack: Shelterctl) -> None:
    running = stack.start("loadtest", "--users", "10", "--duration", "5m", output="jsonl")
    wait_until(lambda: running.stdout.read_text().count('"kind": "load_tick"') >= 5, "five seconds of load")
    (folder,) = stack.runs("loadtest")[-1:]
    swarm = swarm_of(folder)
    assert not ended(swarm)
    running.signal(signal.SIGINT)
    ran = running.end(timeout_s=45)
    assert ran.exit_code == 130, ran.shown()
    result = ran.result
    assert (result["interrupted"], result["judgement"]["verdict"], result["generator"]["end"]) == (True, "UNKNOWN", "stopped")
    # Not alone where the machine was busy otherwise.
    said = [reason["text"] for reason in result["judgement"]["reasons"]]
    assert "the run was interrupted: it shows what happened until then" in said
    assert result["traffic"]["requests"] == sum(pod["requests"] for pod in result["traffic"]["by_pod"]) > 0
    assert json.loads((folder / "result.json").read_text())["exit_code"] == 130
    assert ended(swarm)


def test_a_second_load_waits_for_the_first(stack: Shelterctl) -> None:
    first = stack.start("loadtest", "--users", "5", "--duration", "12s", output="jsonl")
    first.wait_for('"kind": "load_tick"')
    refused = stack("loadtest", "--users", "2", "--duration", "5s", "--timeout", "1s", expect=5)
    assert refused.error["what"].startswith(f"shelterctl loadtest (process {first.process.pid}, since "), refused.shown()
    second = stack("loadtest", "--users", "2", "--duration", "5s", expect=None)
    assert f"Waiting: shelterctl loadtest (process {first.process.pid}, since " in second.stderr
    assert second.result["traffic"]["requests"] > 0
    assert first.end().result["generator"]["end"] == "finished"
    assert second.result["began_wall_s"] > first.end().result["began_wall_s"] + 12


def test_a_load_that_asks_too_much_is_no_pass(stack: Shelterctl) -> None:
    ran = stack("loadtest", "--users", "5", "--duration", "8s", "--max-p95", "1ms", expect=None)
    assert (ran.exit_code, ran.result["judgement"]["verdict"]) in ((6, "FAIL"), (7, "UNKNOWN"))
    nowhere = stack("loadtest", "--users", "3", "--duration", "6s", "--host", "http://127.0.0.1:9", expect=None)
    assert nowhere.exit_code in (4, 6, 7)
    assert nowhere.result["judgement"]["verdict"] != "PASS"


def test_a_load_inside_the_cluster_counts_as_one_from_here_and_leaves_nothing(stack: Shelterctl) -> None:
    options = ("loadtest", "--users", "20", "--spawn-rate", "20", "--duration", "12s", "--in-cluster", "--workers", "2")
    ran = stack(*options, expect=None, timeout_s=240)
    result = ran.result
    traffic = result["traffic"]
    assert (traffic["failures"], result["generator"]["users_reached"], result["generator"]["end"]) == (0, 20, "finished"), ran.shown()
    assert 80 < traffic["requests"] == sum(pod["requests"] for pod in traffic["by_pod"])
    # Each of the pods' own answers says who it is: they came through the Service's name.
    assert {pod["pod"] for pod in traffic["by_pod"]} <= set(kube.uids(stack.namespace, "pods", "app.kubernetes.io/name=app"))
    assert kube.items("default", LEFT, *OF_LOAD) == []

    # Killed in the middle: the next one takes away what it left.
    running = stack.start("loadtest", "--users", "5", "--duration", "2m", "--in-cluster", output="jsonl")
    running.wait_for('"kind": "load_tick"')
    running.signal(signal.SIGKILL)
    running.end()
    (job,) = kube.items("default", "jobs", "-l", "shelterctl.dev/load")
    # It would have gone on for six minutes: nobody moves its deadline on any more.
    assert job["spec"]["activeDeadlineSeconds"] < 180
    again = stack("loadtest", "--users", "2", "--duration", "4s", "--in-cluster", expect=None)
    assert again.result["traffic"]["requests"] > 0
    wait_until(lambda: not kube.items("default", LEFT, *OF_LOAD), "its Job, its pod and its Secret to be gone")


@pytest.fixture
def spread(stack: Shelterctl) -> Iterator[tuple[JobGenerator, LoadPlan]]:
    """A load of three workers in pods of their own, as where there are several nodes; also one node takes them."""
    # Its image is built, and brought into the nodes.
    assert stack("loadtest", "--users", "2", "--duration", "4s", "--in-cluster", expect=None).result["traffic"]["requests"] > 0
    (service,) = kube.items(stack.namespace, "services", "-l", "app.kubernetes.io/name=app")
    host = f"http://{service['metadata']['name']}.{stack.namespace}.svc:{service['spec']['ports'][0]['port']}"
    image = LoadImage(DockerEngine()).reference()
    made = JobGenerator(KubeApi(kube.CONTEXT), "default", image, {"app.kubernetes.io/name": "app"}, spread=True)
    yield made, LoadPlan(host, 12, 12.0, 20.0, str(LOCUST_FILE), run="spread", think_s=0.5, processes=3)
    made.stop()
    assert kube.items("default", LEFT, *OF_LOAD) == []


def until_over(load: JobGenerator) -> list[LoadSample]:
    samples: list[LoadSample] = []

    def is_over() -> bool:
        samples.extend(load.samples())
        return not load.running()

    wait_until(is_over, "the load's end", timeout_s=90)
    return [*samples, *load.samples()]


def test_workers_in_pods_of_their_own_count_as_one_load(spread: tuple[JobGenerator, LoadPlan], tmp_path: Path) -> None:
    load, plan = spread
    load.start(plan, tmp_path)
    pods = kube.items("default", "pods", *OF_LOAD)
    assert len(pods) == 4
    assert len(kube.items("default", "networkpolicies", *OF_LOAD)) == 1
    samples = until_over(load)
    assert samples[-1].final
    assert not [text for each in samples for text in each.told]
    assert max(each.users for each in samples) == 12
    assert sum(each.requests for each in samples) > 100
    assert sum(each.failures for each in samples) == 0
    workers = {str(pod["metadata"]["name"]) for pod in pods if "-worker-" in pod["metadata"]["name"]}
    assert {name.rpartition(" on ")[2] for each in samples for name in each.parts} == workers


def test_a_worker_that_is_taken_away_is_named_and_what_it_counted_is_kept(spread: tuple[JobGenerator, LoadPlan], tmp_path: Path) -> None:
    load, plan = spread
    load.start(plan, tmp_path)
    samples: list[LoadSample] = []

    def counts() -> bool:
        samples.extend(load.samples())
        return sum(each.requests for each in samples) > 30

    wait_until(counts, "requests that are counted")
    (victim,) = [name for name in kube.names("default", "pods") if name.endswith("-worker-2")]
    kube.kubectl("-n", "default", "delete", "pod", victim, "--force", "--grace-period=0")
    samples += until_over(load)
    told = [text for each in samples for text in each.told]
    assert any(f" on {victim} " in text and "requests of it are counted" in text for text in told), told
    assert any(text.startswith(f"pod {victim} was taken away") for text in told), told
    assert samples[-1].final


def test_a_worker_without_room_is_named_and_the_load_goes_on(
    spread: tuple[JobGenerator, LoadPlan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shelterctl.adapters.kube.swarm import objects

    load, plan = spread
    right = objects.worker

    def worker(*arguments: object) -> dict[str, object]:
        made = right(*arguments)  # type: ignore[arg-type]
        if str(made["metadata"]["name"]).endswith("-worker-3"):
            made["spec"]["containers"][0]["resources"]["requests"]["memory"] = "900Gi"
        return made

    monkeypatch.setattr(objects, "worker", worker)
    load.start(plan, tmp_path)
    samples = until_over(load)
    told = [text for each in samples for text in each.told]
    assert any(text.startswith("2 of 3 generator processes were there: ") for text in told), told
    assert any("-worker-3 was not placed on a node: Unschedulable: " in text and "Insufficient memory" in text for text in told), told
    assert sum(each.requests for each in samples) > 50
