"""A user's own stack, from its folder alone: what is understood, deployed, loaded, killed, asked and taken away."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import kube
from tests.cluster.commands import REPOSITORY, Shelterctl

pytestmark = pytest.mark.cluster

VOLUME = "mongo-pv"


@pytest.fixture
def notes(tmp_path: Path) -> Iterator[Shelterctl]:
    """The notes in a folder and a namespace of their own."""
    folder = tmp_path / "notes"
    shutil.copytree(REPOSITORY / "examples" / "notes", folder)
    # The image's name is the manifests': another stack of this machine must not find it changed.
    image = f"notes-{secrets.token_hex(3)}:1.0"
    deployment = folder / "k8s" / "flask-deployment.yaml"
    deployment.write_text(deployment.read_text().replace("notes-app:1.0", image))
    namespace = f"shelter-test-{secrets.token_hex(3)}"
    kubectl("create", "namespace", namespace)
    defaults = ("--node-port", str(kube.free_node_port()), "--no-wait-hpa")
    try:
        yield Shelterctl(namespace, tmp_path / "state", folder, defaults)
    finally:
        kube.delete_namespaces(namespace)
        kubectl("delete", "persistentvolume", VOLUME, "--ignore-not-found")
        subprocess.run(["docker", "rmi", "--force", image], capture_output=True, timeout=60, check=False)


def kubectl(*words: str) -> str:
    command = ["kubectl", "--context", kube.CONTEXT, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=True).stdout


def test_a_stack_from_its_folder_to_its_end(notes: Shelterctl) -> None:
    told = notes("inspect").result
    assert [claim["claim"] for claim in told["claims"] if claim["possible"]] == [
        "deploys",
        "scales",
        "keeps its data",
        "resolves its names",
    ]
    written = notes("init").result
    assert (notes.folder / "shelterctl.toml").read_text() == written["text"]
    assert 'request = "POST /data"' in written["text"]
    assert notes("init", expect=2).error["next_command"].startswith("shelterctl init --force")

    up = notes("up").result
    assert {change["change"] for change in up["applied"]["changes"]} <= {"created", "unchanged"}
    assert up["chain"]["built_id"] == up["chain"]["loaded_id"] == up["chain"]["running_ids"][0]
    assert up["chain"]["answering_tag"] is None
    again = notes("up").result
    assert not again["changed"]
    assert notes("status").result["health"]["judgement"]["verdict"] in ("PASS", "FAIL")

    load = notes("loadtest", "--users", "10", "--duration", "8s", expect=None).result
    assert load["traffic"]["requests"] > 20
    assert load["traffic"]["failures"] == 0

    killed = notes("chaos", "kill-db").result
    assert killed["judgement"]["verdict"] == "PASS"
    assert killed["acknowledged"] > 50
    assert killed["counts"]["lost"] == killed["counts"]["phantom"] == killed["counts"]["duplicate"] == 0
    # A driver that waits for its server makes writes that their client has given up on: they are counted, after they can come.
    assert killed["settle_s"] == 35.0

    names = notes("dns", "check").result
    assert names["judgement"]["verdict"] == "PASS"
    assert any(row["subject"] == "application's host mongo-service" for row in names["rows"])

    down = notes("down").result
    assert "deployment/flask-app" in down["removed"]
    assert {"persistentvolume/mongo-pv", "persistentvolumeclaim/mongo-data-mongo-0"} <= set(down["kept"])
    assert not pods(notes)


def test_a_change_of_a_line_is_built_and_runs_under_the_same_name(notes: Shelterctl) -> None:
    first = notes("up").result["chain"]
    source = notes.folder / "app.py"
    source.write_text(source.read_text().replace("Welcome to", "Welcome again to"))
    second = notes("up").result["chain"]
    assert (first["reference"], first["built_id"] == second["built_id"]) == (second["reference"], False)
    assert second["running_ids"] == [second["built_id"]]


def test_what_others_made_stays(notes: Shelterctl) -> None:
    """An object that somebody applied by hand before is used, and not taken away."""
    kubectl("--namespace", notes.namespace, "apply", "-f", str(notes.folder / "k8s" / "mongo-secret.yaml"))
    notes("up")
    down = notes("down", "--delete-data", "--yes").result
    assert "secret/mongo-secret" in down["kept"]
    assert "persistentvolumeclaim/mongo-data-mongo-0" in down["removed"]


def pods(stack: Shelterctl) -> list[Any]:
    return kubectl("--namespace", stack.namespace, "get", "pods", "--no-headers").split()
