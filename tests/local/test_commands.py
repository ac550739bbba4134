"""Every command on the embedded target: real processes, asked as a user asks."""

from __future__ import annotations

import json
import os
import stat
import urllib.request
from pathlib import Path

import pytest

from tests.cluster import service
from tests.cluster.projects import copy_project
from tests.local.stacks import Client, Stack, left_of

pytestmark = pytest.mark.local


def test_what_was_built_is_what_answers(stack: Stack) -> None:
    result = stack.shelterctl("up").result
    assert (result["changed"], result["context"]) == (False, "local")
    assert result["chain"]["running_ids"] == [result["chain"]["built_id"]]
    with urllib.request.urlopen(f"{stack.url}/version", timeout=10) as answer:
        told = json.loads(answer.read())
    assert told["image_tag"] == result["chain"]["reference"].rpartition(":")[2]
    assert told["pod"] in {pod["name"] for pod in stack.pods("app")}


def test_status_is_as_true_as_on_a_cluster(stack: Stack) -> None:
    stack.wait_until_ready(2)
    ran = stack.shelterctl("status", "--check", expect=None)
    result = ran.result
    assert {judgement["progress"] for judgement in result["health"]["rollouts"]} == {"complete"}
    state = result["state"]
    assert [(w["name"], w["desired"], w["ready"]) for w in state["workloads"]] == [("app", 2, 2), ("db", 1, 1)]
    assert sorted(state["endpoint"]["ready_pods"]) == sorted(pod["name"] for pod in state["pods"] if pod["role"] == "app")
    (claim,) = state["claims"]
    assert (claim["phase"], claim["volume"]) == ("Bound", str(stack.home / "data"))
    assert state["autoscaler"]["minimum"] == 2
    assert all(pod["cpu_requests_millicores"] == [100] for pod in state["pods"] if pod["role"] == "app")


def test_doctor_url_logs_and_versions(stack: Stack) -> None:
    found = stack.shelterctl("doctor", expect=None).result["findings"]
    assert {finding["check"] for finding in found if finding["state"] == "problem"} == set()
    assert stack.url.startswith("http://127.0.0.1:")
    logs = stack.shelterctl("logs", "app", output="table").stdout
    assert "Listening at" in logs
    versions = stack.shelterctl("version").result
    assert str(versions["database"]).startswith(("nx-27017", "mongod"))


def test_names_exist_on_a_cluster_only(stack: Stack) -> None:
    error = stack.shelterctl("dns", "check", expect=3).error
    assert error["what"] == "names exist on a cluster only: here the parts of the stack find each other by port"
    assert error["next_command"].startswith("shelterctl up")
    assert "--target minikube" in error["next_command"]


def test_what_only_a_cluster_has_is_refused_with_what_to_use(stack: Stack) -> None:
    assert "overlays are a cluster's" in stack.shelterctl("up", "--overlay", "minikube-quota", expect=2).error["what"]
    assert "node ports are a cluster's" in stack.shelterctl("up", "--node-port", "30301", expect=2).error["what"]


def test_nothing_of_it_is_for_others_to_read(stack: Stack) -> None:
    assert stat.S_IMODE(stack.home.stat().st_mode) == 0o700
    control = Path(json.loads((stack.home / "supervisor.json").read_text())["socket"])
    assert stat.S_IMODE(control.stat().st_mode) == 0o600
    assert stat.S_IMODE(control.parent.stat().st_mode) == 0o700
    for name in ("stack.json", "supervisor.json", "processes.json"):
        assert stat.S_IMODE((stack.home / name).stat().st_mode) == 0o600


def test_a_change_of_one_line_replaces_the_replicas_without_a_failed_request(fresh: Stack, tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    fresh.shelterctl("up", *project.option)
    before = {pod["name"] for pod in fresh.pods("app")}
    project.prepend("app/shelter_app/__init__.py", "")
    with Client(fresh.url) as client:
        changed = fresh.shelterctl("up", *project.option).result
    after = {pod["name"] for pod in fresh.pods("app") if not pod["deleting"]}
    assert changed["changed"]
    assert (before & after, client.failures) == (set(), [])
    assert client.asked > 20
    assert client.pods & before
    assert client.pods & after


def test_a_number_of_replicas_and_the_autoscalers_bounds(fresh: Stack) -> None:
    fresh.shelterctl("up", "--replicas", "1")
    assert (len(fresh.pods("app")), fresh.state()["autoscaler"]) == (1, None)
    fresh.shelterctl("up", "--min", "3", "--max", "4")
    fresh.wait_until_ready(3)
    scaler = fresh.state()["autoscaler"]
    assert (scaler["minimum"], scaler["maximum"], scaler["desired"]) == (3, 4, 3)


def test_down_ends_everything_and_keeps_the_data(fresh: Stack) -> None:
    fresh.shelterctl("up")
    service.write(fresh.url, "rex", {"name": "Rex"})
    down = fresh.shelterctl("down").result
    assert (down["kept"], left_of(fresh.home)) == (["claim/data"], [])
    assert fresh.shelterctl("down").result["removed"] == []
    gone = fresh.shelterctl("status", expect=4).error
    assert gone["what"] == "nothing is deployed in namespace shelter of local; its data are there: data"
    fresh.shelterctl("up")
    assert service.read(fresh.url, "rex")["data"] == {"name": "Rex"}
    assert "claim/data" in fresh.shelterctl("down", "--delete-data", "--yes").result["removed"]
    assert not any((fresh.home / "data").glob("*"))


def test_what_would_change_is_told_and_not_done(fresh: Stack) -> None:
    told = fresh.shelterctl("up", "--dry-run")
    assert {change["change"] for change in told.result["applied"]["changes"]} == {"created"}
    assert not (fresh.home / "supervisor.json").exists()
    fresh.shelterctl("up")
    assert fresh.shelterctl("up", "--dry-run").result["changed"] is False
    changes = fresh.shelterctl("up", "--dry-run", "--max", "7").result["applied"]["changes"]
    assert {change["object"]: change["change"] for change in changes}["autoscaler/app"] == "changed"


def test_two_projects_do_not_meet(stack: Stack, fresh: Stack) -> None:
    fresh.shelterctl("up", "--replicas", "1")
    assert fresh.url != stack.url
    assert not {pod["name"] for pod in fresh.pods("app")} & {pod["name"] for pod in stack.pods("app")}
    fresh.shelterctl("down")
    stack.wait_until_ready(2)


@pytest.mark.parametrize("mode", ["sigkill", "delete"])
def test_every_write_through_a_kill_is_accounted_for(stack: Stack, mode: str) -> None:
    (before,) = stack.pods("db")
    pid = stack.processes()[before["name"]]
    result = stack.shelterctl("chaos", "kill-db", "--mode", mode, "--warm-up", "2s", "--after-acks", "20", "--writers", "2").result
    (after,) = stack.pods("db")
    assert result["judgement"] == {"verdict": "PASS", "reasons": []}
    assert result["proof"]["doubts"] == []
    assert stack.processes()[after["name"]] != pid
    assert (before["uid"] == after["uid"]) is (mode == "sigkill")
    if mode == "sigkill":
        assert after["containers"][0]["restarts"] == before["containers"][0]["restarts"] + 1
        assert after["containers"][0]["last_exit_code"] == 137
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_pod_is_deleted_by_force_on_a_cluster_only(stack: Stack) -> None:
    error = stack.shelterctl("chaos", "kill-db", "--mode", "force-delete", expect=4).error
    assert error["what"] == "a pod that is deleted by force exists on a cluster only"


def test_a_copy_that_somebody_changed_is_not_what_its_name_says(fresh: Stack) -> None:
    """The replicas read files from it whenever they start: the hash of the sources would be nobody's any more."""
    fresh.shelterctl("up")
    before = {pod["name"] for pod in fresh.pods("app")}
    (kept,) = (each for each in (fresh.home / "images").iterdir() if each.is_dir())
    (kept / "shelter_app" / "__init__.py").open("a").write("# not of the sources\n")
    assert fresh.shelterctl("status", "--check", expect=6).result["health"]["judgement"]["verdict"] == "FAIL"
    fresh.shelterctl("up")
    assert not before & {pod["name"] for pod in fresh.pods("app") if not pod["deleting"]}
    assert "not of the sources" not in (kept / "shelter_app" / "__init__.py").read_text()
