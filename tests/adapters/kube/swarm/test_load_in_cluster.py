"""A load inside the cluster: what is made for it, whose it is, and its log, which is all that is heard of it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from shelterctl.adapters.kube.swarm import generator as module
from shelterctl.adapters.kube.swarm import lifeline, objects
from shelterctl.adapters.kube.swarm.generator import JobGenerator
from shelterctl.adapters.kube.swarm.maker import ANNOTATION, is_left_over, maker
from shelterctl.core.load.plan import LoadPlan
from shelterctl.errors import ApiRejected, ApiUnreachable, LoadGeneratorFailed, Refused
from tests.cluster.commands import wait_until

pytestmark = pytest.mark.unit

LOCUST_FILE = Path(__file__).parents[4] / "locustfiles" / "shelter.py"
PLAN = LoadPlan("http://app.shelter.svc:80", 20, 10.0, 60.0, str(LOCUST_FILE), run="r1", variables={"STACK_EXCHANGE": "{}"})
START = {"kind": "start", "relative_error": 0.01, "wall_s": 1.0, "pid": 6}
ENDED = {"kind": "ended", "what": "", "why": "", "lines": ["Aggregated 3"]}

Logged = dict[str, Any] | bytes | Exception


def sample(second: int) -> dict[str, Any]:
    names = "latency_bins lag_bins by_pod first_by_pod by_name sized_by_name bins_by_name failures_by_name bytes_by_name"
    empty: dict[str, Any] = {
        name: {} for name in [*names.split(), "failure_kinds", "own_kinds", "oddities", "failed_checks", "task_errors"]
    }
    numbers = {"interval_s": 1.0, "users": 20, "requests": 7, "failures": 0, "max_ms": 9.0, "cpu_s": 0.1, "lag_max_ms": 1.0, "late": 0}
    numbers |= {"tasks": 7, "users_ended": 0}
    return {"kind": "sample", "elapsed_s": float(second), "wall_s": 1.0 + second, **empty, **numbers}


class Cluster:
    """An API with one Job. Each item of `logs` is what one reading of the log gives; an error in it breaks it off."""

    def __init__(
        self, logs: list[list[dict[str, Any] | bytes | Exception]], *, waiting: str = "", jobs: tuple[dict[str, Any], ...] = ()
    ) -> None:
        self.logs, self.waiting, self.jobs = logs, waiting, list(jobs)
        self.made: list[dict[str, Any]] = []
        self.deleted: list[str] = []
        self.phase = "Running"
        self.deadlines_s: list[int] = []
        self.refuses: Exception | None = None

    def request(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Any = None, content_type: str = "application/json"
    ) -> dict[str, Any]:
        if method == "PATCH":
            assert (path.rpartition("/")[2], content_type) == (self.made[0]["metadata"]["name"], "application/merge-patch+json")
            self.deadlines_s.append(body["spec"]["activeDeadlineSeconds"])
            if self.refuses:
                raise self.refuses
            return {}
        if method == "DELETE":
            self.deleted.append(path.rpartition("/")[2])
            return {}
        kept = {**body, "metadata": {**body["metadata"], "uid": "u1"}}
        self.made.append(kept)
        return kept

    def items(self, path: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
        if path.endswith("/jobs"):
            return self.jobs
        state = {"waiting": {"reason": self.waiting, "message": "no such image"}} if self.waiting else {"running": {}}
        return [{"metadata": {"name": "load-x"}, "status": {"phase": "Running", "containerStatuses": [{"state": state}]}}]

    def get_or_none(self, path: str) -> dict[str, Any] | None:
        """A pod that was deleted is gone, as is a Job."""
        return None if path.rpartition("/")[2] in self.deleted or not self.logs else {"status": {"phase": self.phase}}

    def stream_lines(
        self, path: str, query: Mapping[str, str], *, read_timeout_s: float, opened: Callable[[Callable[[], None]], None]
    ) -> Iterator[bytes]:
        opened(lambda: None)
        for line in self.logs.pop(0) if self.logs else ():
            if isinstance(line, Exception):
                raise line
            yield line if isinstance(line, bytes) else json.dumps(line).encode()


def started(cluster: Cluster, folder: Path) -> JobGenerator:
    made = JobGenerator(cluster, "default", "shelterctl-load:1", {"app": "web"})  # type: ignore[arg-type]
    made.start(PLAN, folder)
    return made


def heard(load: JobGenerator) -> list[float]:
    assert load._follower is not None
    load._follower.join(10)
    return [each.elapsed_s for each in load.samples()]


def test_every_second_is_counted_once_though_the_log_breaks_off(tmp_path: Path) -> None:
    cluster = Cluster(
        [[START, sample(1), ApiUnreachable("gone")], [START, sample(1), sample(2)], [START, sample(1), sample(2), sample(3), ENDED]]
    )
    load = started(cluster, tmp_path)
    assert heard(load) == [1.0, 2.0, 3.0]
    assert load.last_lines() == ("Aggregated 3",)
    assert len((tmp_path / "load-samples.jsonl").read_text().splitlines()) == 5
    load.stop()
    assert cluster.deleted[-1].startswith("shelterctl-load-")


def told(load: JobGenerator) -> list[str]:
    assert load._follower is not None
    load._follower.join(10)
    return [text for each in load.samples() for text in each.told]


def test_a_log_that_is_given_from_its_latest_file_on_loses_no_line_that_it_has(tmp_path: Path) -> None:
    """The kubelet begins a new file every 10 MiB, and gives a reader who comes again that one alone."""
    load = started(Cluster([[START, sample(1), sample(2), ApiUnreachable("gone")], [sample(2), sample(3), ENDED]]), tmp_path)
    assert heard(load) == [1.0, 2.0, 3.0]


def test_seconds_that_nobody_heard_are_told(tmp_path: Path) -> None:
    load = started(Cluster([[START, sample(1), ApiUnreachable("gone")], [sample(4), ENDED]]), tmp_path)
    assert told(load) == ["the counts from 1 to 3 s did not arrive: its requests in them are not counted"]


def test_a_line_that_was_cut_off_is_heard_whole_the_next_time(tmp_path: Path) -> None:
    cut = json.dumps(sample(2)).encode()[:40]
    load = started(Cluster([[START, sample(1), cut], [START, sample(1), sample(2), ENDED]]), tmp_path)
    assert heard(load) == [1.0, 2.0]
    assert load.last_lines() == ("Aggregated 3",)


def test_what_a_pod_said_last_is_read_once_more_when_it_has_ended(tmp_path: Path) -> None:
    cluster = Cluster([[START, sample(1), ApiUnreachable("gone")], [START, sample(1), sample(2), ENDED]])
    cluster.phase = "Succeeded"
    load = started(cluster, tmp_path)
    assert heard(load) == [1.0, 2.0]


@pytest.mark.parametrize("off_s", [-300.0, -0.1, 0.1, 300.0])
def test_a_load_begins_by_this_machines_clock_and_never_too_early(tmp_path: Path, off_s: float) -> None:
    """A node whose clock is five minutes off: what its load began would else be what the target did before."""
    now_s = time.time()

    def moved(line: dict[str, Any]) -> dict[str, Any]:
        return {
            **line,
            "wall_s": line["wall_s"] - 2.0 + now_s + off_s,
            **({"first_by_pod": {"a": now_s + off_s}} if "users" in line else {}),
        }

    load = started(Cluster([[moved(START), moved(sample(1)), ENDED]]), tmp_path)
    assert load._follower is not None
    load._follower.join(10)
    (only,) = load.samples()
    began_s = only.wall_s - only.elapsed_s
    assert now_s - 1.2 <= began_s <= now_s + 1.0
    assert only.first_by_pod["a"] == pytest.approx(now_s, abs=1.5)


def test_a_pod_that_cannot_start_is_told_at_once_and_nothing_stays(tmp_path: Path) -> None:
    cluster = Cluster([], waiting="ErrImageNeverPull")
    with pytest.raises(LoadGeneratorFailed) as caught:
        started(cluster, tmp_path)
    assert (caught.value.what, caught.value.why) == ("pod load-x cannot start", "ErrImageNeverPull: no such image")
    assert cluster.deleted == [cluster.made[0]["metadata"]["name"]]


def test_a_generator_that_fails_says_why(tmp_path: Path) -> None:
    failed = {
        "kind": "ended",
        "what": "the load generator ended before the load began (exit code 1)",
        "why": "NameError",
        "lines": ["NameError"],
    }
    with pytest.raises(LoadGeneratorFailed) as caught:
        started(Cluster([[failed]]), tmp_path)
    assert (caught.value.what, caught.value.why) == (failed["what"], "NameError")


def test_a_pod_that_is_taken_away_ends_the_load(tmp_path: Path) -> None:
    cluster = Cluster([[START, sample(1)]])
    load = started(cluster, tmp_path)
    assert heard(load) == [1.0]
    assert not load.running()
    assert load.last_lines() == ("its pod was gone before it said that it ended",)


def test_the_objects_carry_the_load_and_end_by_themselves() -> None:
    job = objects.job("shelterctl-load-1", "default", "r1", "shelterctl-load:1", PLAN, {"app": "web"})
    assert job["spec"]["activeDeadlineSeconds"] > PLAN.duration_s + objects.GRACE_S
    assert job["spec"]["ttlSecondsAfterFinished"] > 0
    pod = job["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    secret = objects.secret({"metadata": {**job["metadata"], "uid": "u1"}}, objects.load_file(PLAN))
    assert secret["metadata"]["ownerReferences"][0]["uid"] == "u1"
    carried = json.loads(secret["stringData"]["load"])
    assert {"shelter.py", "lean_client.py"} <= set(carried["files"])
    assert (carried["plan"]["host"], carried["variables"]) == (PLAN.host, {"STACK_EXCHANGE": "{}"})


def test_a_load_of_a_killed_command_is_removed_and_one_of_another_is_not_disturbed(tmp_path: Path) -> None:
    def job(name: str, made_by: str, condition: str = "") -> dict[str, Any]:
        status = {"conditions": [{"type": condition, "status": "True"}]} if condition else {}
        return {"metadata": {"name": name, "annotations": {ANNOTATION: made_by}}, "status": status}

    mine = maker()
    machine = mine.partition(" ")[0]
    assert not is_left_over(job("a", mine))
    assert is_left_over(job("b", f"{machine} {os.getpid()} 1.00"))
    assert not is_left_over(job("c", f"elsewhere {os.getpid()} 1.00"))
    assert is_left_over(job("d", "elsewhere 1 1.00", "Complete"))
    cluster = Cluster([[START, ENDED]], jobs=(job("killed", f"{machine} {os.getpid()} 1.00"),))
    started(cluster, tmp_path)
    assert cluster.deleted[0] == "killed"
    with pytest.raises(Refused, match="another load runs in the cluster: job c"):
        started(Cluster([], jobs=(job("c", "elsewhere 1 1.00"),)), tmp_path)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_POLL_S", 0.01)


def test_its_deadline_is_kept_ahead_for_as_long_as_it_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is killed says nothing more: the controller ends the Job then, and does not let it load on to its end."""
    monkeypatch.setattr(lifeline, "EVERY_S", 0.01)
    monkeypatch.setattr(lifeline, "AHEAD_S", 2.0)
    cluster = Cluster([[START, sample(1), ENDED]])
    load = started(cluster, tmp_path)
    wait_until(lambda: 4 in cluster.deadlines_s, "the deadline to move on")
    assert cluster.deadlines_s == sorted(cluster.deadlines_s)
    assert cluster.deadlines_s[0] <= 3 < cluster.made[0]["spec"]["activeDeadlineSeconds"]
    load.stop()
    said = len(cluster.deadlines_s)
    time.sleep(0.2)
    assert len(cluster.deadlines_s) <= said + 1


@pytest.mark.parametrize(("error", "goes_on"), [(ApiUnreachable("gone"), True), (ApiRejected("no", status=403), False)])
def test_a_server_that_is_away_is_told_again_and_one_that_forbids_it_is_not(
    error: Exception, goes_on: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifeline, "EVERY_S", 0.01)
    cluster = Cluster([[START, sample(1), ENDED]])
    cluster.refuses = error
    load = started(cluster, tmp_path)
    time.sleep(0.3)
    assert (len(cluster.deadlines_s) > 1) is goes_on
    load.stop()


def test_no_deadline_is_later_than_the_loads_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifeline, "AHEAD_S", 10_000.0)
    cluster = Cluster([[START, sample(1), ENDED]])
    started(cluster, tmp_path).stop()
    assert cluster.deadlines_s == [cluster.made[0]["spec"]["activeDeadlineSeconds"]]
