"""`chaos kill-db`: the database dies for real, and every write is accounted for."""

from __future__ import annotations

import base64
import json
import subprocess
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import kube, service
from tests.cluster.commands import REPOSITORY, Shelterctl
from tests.cluster.projects import Project

pytestmark = pytest.mark.cluster

PROBE = (REPOSITORY / "shelterctl/adapters/documents/database_probe.py").read_text()
SHORT = ("--warm-up", "2s", "--after-acks", "20", "--writers", "2")
#: The database keeps its data in the pod: what the tool must find out by itself.
ON_EMPTY_DIR: list[dict[str, object]] = [
    {"op": "remove", "path": "/spec/volumeClaimTemplates"},
    {"op": "add", "path": "/spec/template/spec/volumes/-", "value": {"name": "data", "emptyDir": {"sizeLimit": "1Gi"}}},
]


def lines(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


@pytest.mark.parametrize("mode", ["sigkill", "delete", "force-delete"])
def test_every_write_through_a_kill_is_accounted_for(stack: Shelterctl, mode: str) -> None:
    (before,) = kube.items(stack.namespace, "pods", "-l", "app.kubernetes.io/name=mongodb")
    result = stack("chaos", "kill-db", "--mode", mode, *SHORT).result
    (after,) = kube.items(stack.namespace, "pods", "-l", "app.kubernetes.io/name=mongodb")
    assert result["judgement"] == {"verdict": "PASS", "reasons": []}
    assert (result["proof"]["doubts"], result["report"]["mode"]) == ([], mode)
    same_pod = before["metadata"]["uid"] == after["metadata"]["uid"]
    restarts = [pod["status"]["containerStatuses"][0]["restartCount"] for pod in (before, after)]
    assert (same_pod, restarts[1] - restarts[0]) == ((True, 1) if mode == "sigkill" else (False, -restarts[0]))

    # The account, counted once more from the journal and from what the service has.
    folder = stack.state_dir / "runs" / result["run"]
    journal = lines(folder, "writes.jsonl")
    assert result["attempts"] == sum(line["kind"] == "intent" for line in journal)
    assert result["attempts"] == result["acknowledged"] + result["rejected"] + result["indeterminate"]
    account = [entry for entry in lines(folder, "account.jsonl") if entry["id"].startswith(result["run"])]
    assert Counter(entry["saw"] for entry in account) == Counter(
        {"acknowledged": result["acknowledged"], "rejected": result["rejected"], "indeterminate": result["indeterminate"]}
    )
    stored = set(service.ids(service.url(stack), f"{result['run']}:"))
    acknowledged = {entry["id"] for entry in account if entry["saw"] == "acknowledged"}
    assert len(acknowledged) >= 20
    assert acknowledged <= stored == {entry["id"] for entry in account if entry["present"]}
    assert not {entry["id"] for entry in account if entry["saw"] == "rejected"} & stored


#: Run in a pod of the application: a document of another program, with an id and values that JSON has no form for, put there or taken away.
OTHERS_DOCUMENT = """
import os, pathlib, datetime, sys
from bson import ObjectId
from pymongo import MongoClient
e = os.environ
password = pathlib.Path(e["SHELTER_MONGO_PASSWORD_FILE"]).read_text().strip()
client = MongoClient(e["SHELTER_MONGO_HOST"], username=e["SHELTER_MONGO_USER"], password=password, authSource=e["SHELTER_MONGO_DATABASE"])
id_ = ObjectId("0123456789abcdef01234567")
found = {"name": "Rex", "owner": id_, "since": datetime.datetime(2026, 1, 2, 3, 4, int(sys.argv[2]))}
documents = client[e["SHELTER_MONGO_DATABASE"]]["documents"]
documents.delete_one({"_id": id_})
if sys.argv[1] == "put":
    documents.insert_one({"_id": id_, "data": found})
"""


def test_documents_of_another_program_are_read_from_the_database_as_they_are(stack: Shelterctl) -> None:
    """Ids and values that JSON has no form for: by type and text, so that a change of one is seen."""
    pods = kube.items(stack.namespace, "pods", "-l", "app.kubernetes.io/name=app", "--field-selector", "status.phase=Running")
    pod = next(pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"])

    def run(*program: str) -> str:
        return kube.kubectl("-n", stack.namespace, "exec", pod, "--", "python", "-c", *program)

    def read(**asked: object) -> dict[str, tuple[str, str]]:
        answer = json.loads(run(PROBE, json.dumps({"run": None, "until": None, "limit": 100_000, "timeout_s": 10, **asked})))
        return {id_: (digest, claimed) for id_, digest, claimed in json.loads(zlib.decompress(base64.b64decode(answer["documents"])))}

    id_ = "ObjectId(0123456789abcdef01234567)"
    try:
        run(OTHERS_DOCUMENT, "put", "5")
        first = read()
        run(OTHERS_DOCUMENT, "put", "5")
        assert read()[id_] == first[id_]
        assert read(until=[{"$oid": "0123456789abcdef01234567"}]) == {id_: first[id_]}
        run(OTHERS_DOCUMENT, "put", "6")
        assert read()[id_][0] != first[id_][0]
    finally:
        run(OTHERS_DOCUMENT, "remove", "0")
    assert id_ not in read()


def test_the_exit_code_is_known_when_the_kubelet_has_removed_the_dead_container(stack: Shelterctl) -> None:
    """As its garbage collection does when it comes by between the making of the next container and its start."""
    (before,) = kube.items(stack.namespace, "pods", "-l", "app.kubernetes.io/name=mongodb")
    dead = before["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
    running = stack.start("chaos", "kill-db", *SHORT, output="jsonl")
    running.wait_for_step("settle")
    subprocess.run(["docker", "exec", "minikube", "crictl", "rm", dead], check=True, capture_output=True, timeout=30)
    ran = running.end()
    (after,) = kube.items(stack.namespace, "pods", "-l", "app.kubernetes.io/name=mongodb")
    assert after["status"]["containerStatuses"][0]["lastState"] == {}
    assert ran.exit_code == 0, ran.shown()
    restarts = before["status"]["containerStatuses"][0]["restartCount"]
    assert f"exit code 137, restart {restarts} → {restarts + 1}" in ran.result["proof"]["facts"][1]


def test_a_database_without_a_claim_is_not_killed_unless_its_loss_is_accepted_and_then_it_fails(
    namespace: Shelterctl, project: Project
) -> None:
    project.patch("StatefulSet", "mongodb", ON_EMPTY_DIR)
    namespace("up", *project.option)
    pods = kube.uids(namespace.namespace, "pods", "app.kubernetes.io/name=mongodb")

    refused = namespace("chaos", "kill-db", *SHORT, expect=3)
    assert refused.error == {
        "type": "Refused",
        "what": "pod mongodb-0 has no claim: it keeps its data in /data/db, /data/configdb, /tmp, which goes with the pod (emptyDir)",
        "why": "killing it would lose every document; a SIGKILL that spares the volume would pass and prove nothing",
        "next_command": "to see the loss: " + namespace.aimed("chaos kill-db", "--yes --mode delete --accept-ephemeral"),
        "details": [],
    }
    unasked = namespace("chaos", "kill-db", "--mode", "delete", "--accept-ephemeral", *SHORT, expect=3)
    assert (unasked.error["type"], unasked.error["next_command"]) == ("Refused", "the same with --yes")
    assert kube.uids(namespace.namespace, "pods", "app.kubernetes.io/name=mongodb") == pods

    lost = namespace("chaos", "kill-db", "--mode", "delete", "--accept-ephemeral", "--yes", *SHORT, expect=6).result
    assert lost["judgement"]["verdict"] == "FAIL"
    assert lost["counts"]["lost"] > 0
    assert str(lost["counts"]["lost"]) in lost["judgement"]["reasons"][0]["text"]
    # What the tool calls lost is what the service does not have.
    stored = set(service.ids(service.url(namespace), f"{lost['run']}:"))
    account = lines(namespace.state_dir / "runs" / lost["run"], "account.jsonl")
    assert lost["counts"]["lost"] == sum(entry["saw"] == "acknowledged" and entry["id"] not in stored for entry in account)


def test_nothing_to_kill(namespace: Shelterctl) -> None:
    ran = namespace("chaos", "kill-db", *SHORT, expect=4)
    assert (ran.error["type"], ran.error["what"], ran.error["next_command"]) == (
        "NotDeployed",
        f"no database runs in namespace {namespace.namespace}",
        namespace.aimed("up"),
    )
    assert not kube.exists(namespace.namespace)
