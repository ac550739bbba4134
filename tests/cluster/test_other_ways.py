"""Ways of `up` beside building and loading: a stack that runs already is taken as it is, and images go through a registry."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster import kube
from tests.cluster.commands import REPOSITORY, wait_until
from tests.cluster.examples import PROFILE, example, on_its_profile, pods

__all__ = ["on_its_profile"]
pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group(PROFILE), pytest.mark.usefixtures("on_its_profile")]
REGISTRY_PORT = 5000
REGISTRY = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "registry"},
    "spec": {
        # The node takes a registry without TLS at its own localhost alone.
        "hostNetwork": True,
        "containers": [{"name": "registry", "image": "registry:2", "imagePullPolicy": "IfNotPresent"}],
        "terminationGracePeriodSeconds": 0,
    },
}


def test_a_stack_that_runs_is_taken_as_it_is(tmp_path: Path) -> None:
    with example("notes", tmp_path, images=["notes-app"], volumes=["mongo-pv"], paths=["/data/mongo"]) as notes:
        # Somebody's `kubectl apply`, in a namespace that the tool never saw; only the sources are here.
        notes("up")
        notes.defaults = ()
        uids = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods(notes)}
        for leaving in (*notes.folder.glob("k8s"), *notes.folder.glob("Dockerfile")):
            shutil.rmtree(leaving) if leaving.is_dir() else leaving.unlink()
        refused = notes("inspect", expect=2).error
        assert "no Kubernetes manifest was found" in refused["what"]
        before = kube.versions(notes.namespace)

        told = notes("inspect", "--running").result
        assert all(claim["possible"] for claim in told["claims"])
        taken = notes("up", "--adopt").result
        assert (taken["changed"], taken["applied"]["changes"], taken["loads"]) == (False, [], [])
        assert {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods(notes)} == uids
        assert kube.versions(notes.namespace) == before
        # The commands after it know by themselves.
        assert notes("status", expect=None).result["state"]["endpoint"]["url"]
        killed = notes("chaos", "kill-db", "--mode", "delete", "--warm-up", "2s").result
        assert killed["judgement"]["verdict"] == "PASS"
        assert "is not headless" in killed["dns_problem"]
        down = notes("down").result
        assert (down["removed"], "deployment/flask-app" in down["kept"]) == ([], True)


@contextmanager
def registry(namespace: str) -> Iterator[str]:
    """A registry in the node, under the same name from here and from there. Yields HOST:PORT."""
    subprocess.run(["minikube", "-p", PROFILE, "image", "load", "registry:2"], check=True, capture_output=True, timeout=180)
    kube.kubectl("-n", namespace, "apply", "-f", "-", stdin=json.dumps(REGISTRY))
    node = subprocess.run(["minikube", "-p", PROFILE, "ip"], check=True, capture_output=True, text=True, timeout=60).stdout.strip()
    with socket.create_server(("127.0.0.1", REGISTRY_PORT)) as listening:
        threading.Thread(target=forward, args=(listening, node), daemon=True).start()
        wait_until(lambda: answers(node), "the registry's port")
        yield f"localhost:{REGISTRY_PORT}"


def answers(node: str) -> bool:
    try:
        socket.create_connection((node, REGISTRY_PORT), timeout=1).close()
    except OSError:
        return False
    return True


def forward(listening: socket.socket, node: str) -> None:
    while True:
        try:
            here, _ = listening.accept()
            there = socket.create_connection((node, REGISTRY_PORT))
        except OSError:
            return
        for source, sink in ((here, there), (there, here)):
            threading.Thread(target=pump, args=(source, sink), daemon=True).start()


def pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while block := source.recv(65536):
            sink.sendall(block)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


def test_images_go_through_a_registry(tmp_path: Path) -> None:
    with (
        example("notes", tmp_path, images=["notes-app"], volumes=["mongo-pv"], paths=["/data/mongo"]) as notes,
        registry(notes.namespace) as host,
    ):
        nobody = notes("up", "--registry", "localhost:5999/course", expect=None).error
        assert "could not be pushed" in nobody["what"]
        # What `docker login` would have written.
        login = tmp_path / "docker"
        login.mkdir()
        (login / "config.json").write_text(json.dumps({"auths": {host: {"auth": "dXNlcjpleGFtcGxl"}}}))
        options = ("--registry", f"{host}/course", "--pull-secret", "course-registry")
        first = notes("up", *options, environment={"DOCKER_CONFIG": str(login)}).result
        reference = first["chain"]["reference"]
        assert reference.startswith(f"{host}/course/notes-app-")
        assert first["chain"]["built_id"] == reference.partition("@")[2] == first["chain"]["running_ids"][0]
        template = kube.get(notes.namespace, "deployment", "flask-app")["spec"]["template"]["spec"]
        assert (template["containers"][0]["image"], template["imagePullSecrets"]) == (reference, [{"name": "course-registry"}])
        assert not notes("up", *options, environment={"DOCKER_CONFIG": str(login)}).result["changed"]
        assert notes("status", expect=None).result["chain"]["built_id"] == reference.partition("@")[2]
        # The same image under the manifests' own name: the node tells its pods by the digest that it was pulled with once.
        loaded = notes("up").result["chain"]
        assert loaded["running_ids"] == [loaded["built_id"]]
        assert loaded["built_id"] != first["chain"]["built_id"]
        # Nothing of what the manifests' owner wrote in clear, or of the login, is kept with the runs.
        kept = "".join(path.read_text() for path in notes.state_dir.rglob("*") if path.is_file())
        assert "notes-example" in (REPOSITORY / "examples/notes/k8s/flask-deployment.yaml").read_text()
        assert "notes-example" not in kept
        assert "dXNlcjpleGFtcGxl" not in kept
        assert "secret/course-registry" in notes("down", "--delete-data", "--yes").result["removed"]
