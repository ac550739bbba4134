"""Trouble that is there before `up` begins: each has its message and its exit code, and leaves nothing half-done."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import kube, service
from tests.cluster.api_proxy import closed_port, kubeconfig, path_without
from tests.cluster.commands import Ran, Shelterctl, wait_until
from tests.cluster.projects import Project

pytestmark = pytest.mark.cluster


def refused(ran: Ran, kind: str, what: str) -> None:
    assert (ran.error["type"], ran.error["what"]) == (kind, what), ran.shown()
    # The words for people say the same.
    assert f"✗ {what}" in " ".join(ran.stderr.split())


@pytest.fixture
def untouched(namespace: Shelterctl) -> Iterator[Shelterctl]:
    """A namespace that must not be there afterwards."""
    yield namespace
    assert not kube.exists(namespace.namespace)


def test_docker_is_not_on_the_path(untouched: Shelterctl) -> None:
    ran = untouched("up", expect=3, environment=path_without(untouched.folder / ".bin", "docker"))
    assert ran.error["type"] in ("ProgramMissing", "DockerUnavailable")
    assert "docker is not on the PATH" in ran.error["what"]


def test_docker_does_not_answer(untouched: Shelterctl) -> None:
    host = f"tcp://127.0.0.1:{closed_port()}"
    ran = untouched("up", expect=3, environment={"DOCKER_HOST": host})
    assert ran.error["type"] == "DockerUnavailable"
    assert host.removeprefix("tcp://") in ran.error["what"] + ran.error["why"]
    assert ran.error["next_command"] != ""


def test_minikube_is_not_on_the_path(untouched: Shelterctl) -> None:
    ran = untouched("up", expect=3, environment=path_without(untouched.folder / ".bin", "minikube"))
    refused(ran, "MinikubeUnavailable", "minikube is not on the PATH")
    assert ran.error["next_command"] == "see https://minikube.sigs.k8s.io/docs/start/"


def test_a_context_that_nobody_knows(untouched: Shelterctl) -> None:
    ran = untouched("up", "--context", "minicube", "--yes", expect=3)
    refused(ran, "ContextError", "the kubeconfig has no usable context “minicube”")
    assert "minikube" in ran.error["why"]


def test_another_context_is_not_touched_unasked(untouched: Shelterctl, tmp_path: Path) -> None:
    ran = untouched("up", "--context", "elsewhere", expect=3)
    refused(ran, "ContextError", "context elsewhere is not that of the minikube profile, and nobody can be asked")
    assert ran.error["next_command"] == "the same with --yes"


def test_a_manifest_that_the_server_refuses_leaves_no_half_stack(namespace: Shelterctl, project: Project) -> None:
    """Two faults: both are named, with their files, and nothing starts."""
    project.replace("manifests/base/app/autoscaler.yaml", "maxReplicas: 5", "maxReplicas: -1")
    project.patch("StatefulSet", "mongodb", [{"op": "replace", "path": "/spec/podManagementPolicy", "value": "Sometimes"}])
    namespace.defaults = ("--no-wait-hpa",)
    ran = namespace("up", *project.option, expect=4)
    assert ran.error["type"] == "ApiRejected"
    words = " ".join((ran.error["what"], *ran.error["details"]))
    assert "horizontalpodautoscaler/app (manifests/base/" in words, ran.shown()
    assert "statefulset/mongodb (manifests/base/" in words, ran.shown()
    assert f"namespace {namespace.namespace}" in words
    assert [kube.names(namespace.namespace, kind) for kind in ("deployments", "statefulsets", "services")] == [[], [], []]


@pytest.mark.parametrize("command", [("up",), ("status",), ("down",), ("url",), ("dns", "check"), ("chaos", "kill-db"), ("logs",)])
def test_the_api_server_does_not_answer(untouched: Shelterctl, command: tuple[str, ...]) -> None:
    port = closed_port()
    ran = untouched(*command, expect=4, environment=kubeconfig(untouched.folder / "config", port))
    refused(ran, "ApiUnreachable", f"the API server https://127.0.0.1:{port} does not answer")
    assert ran.error["next_command"] == untouched.aimed("doctor")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("up", "--min", "3", "--max", "2"), "--min 3 is more than --max 2"),
        (("up", "--replicas", "2", "--cpu-target", "50"), "--replicas asks for a fixed number of pods"),
        (("up", "--cpu-target", "0"), "--cpu-target 0"),
        (("up", "--node-port", "80"), "--node-port 80: a port from 30000 to 32767"),
        (("up", "--timeout", "soon"), "soon"),
        (("up", "--overlay", "minicube"), "did you mean minikube"),
        (("loadtest", "--users", "0"), "0"),
        (("loadtest", "--users", "-5"), "-5"),
        (("loadtest", "--users", "10000000"), "at most 20,000 users"),
        (("loadtest", "--duration", "4 parsecs"), "4 parsecs"),
        (("chaos", "kill-db", "--mode", "sigkil"), "did you mean sigkill"),
        (("logs", "database"), "app or db"),
    ],
)
def test_what_cannot_be_meant(untouched: Shelterctl, arguments: tuple[str, ...], word: str) -> None:
    bare = Shelterctl(untouched.namespace, untouched.state_dir, untouched.folder)
    ran = bare(*arguments, expect=2)
    assert ran.error["type"] == "UsageError"
    assert word in ran.error["what"], ran.shown()


def test_an_unknown_variable(untouched: Shelterctl) -> None:
    ran = untouched("up", expect=2, environment={"SHELTERCTL_NAMESPCE": "x"})
    assert ran.error["what"] == "the environment: no setting is called SHELTERCTL_NAMESPCE (did you mean SHELTERCTL_NAMESPACE?)"


def test_a_state_folder_that_cannot_be_made(untouched: Shelterctl) -> None:
    file = untouched.folder / "in-the-way"
    file.write_text("")
    broken = Shelterctl(untouched.namespace, file, untouched.folder)
    ran = broken("up", expect=3)
    refused(ran, "StateFolderError", f"{file} cannot be written")
    assert ran.error["next_command"] == "name another folder with --state-dir"


def test_a_home_folder_that_cannot_be_written(stack: Shelterctl) -> None:
    """Nothing but the state folder is written."""
    home = {"KUBECONFIG": os.environ.get("KUBECONFIG", str(Path("~/.kube/config").expanduser()))}
    home |= {"MINIKUBE_HOME": os.environ.get("MINIKUBE_HOME", str(Path("~/.minikube").expanduser())), "HOME": "/proc/nowhere"}
    assert stack("up", environment=home).result["changed"] is False


@pytest.fixture
def terminating(namespace: Shelterctl) -> Iterator[Shelterctl]:
    """A namespace that cannot end: an object in it waits for a finalizer that nobody removes."""
    name = namespace.namespace
    held = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "held", "namespace": name, "finalizers": ["example.org/held"]}}
    kube.kubectl("create", "namespace", name)
    kube.kubectl("apply", "-f", "-", stdin=json.dumps(held))
    kube.kubectl("delete", "namespace", name, "--wait=false")
    yield namespace
    kube.kubectl("-n", name, "patch", "configmap", "held", "--type=merge", "-p", '{"metadata": {"finalizers": null}}')


def test_a_namespace_that_is_terminating(terminating: Shelterctl) -> None:
    name = terminating.namespace
    ran = terminating("up", expect=4)
    refused(ran, "ApiRejected", f"namespace {name} is terminating: nothing can be made in it")
    assert ran.error["next_command"] == f"kubectl --context minikube wait --for=delete namespace/{name} --timeout=120s"
    assert (kube.names(name, "secrets"), kube.names(name, "deployments")) == ([], [])


def test_a_node_port_that_is_taken(stack: Shelterctl, namespace: Shelterctl) -> None:
    taken = str(stack("url").result["node_port"])
    ran = namespace("up", "--node-port", taken, expect=4)
    refused(ran, "ApiRejected", f"service/app: its node port {taken} is taken by Service app in namespace {stack.namespace}")
    assert ran.error["next_command"].startswith("shelterctl up ")
    assert "--node-port" in ran.error["next_command"]
    assert taken not in ran.error["next_command"]
    # No pod was started for a stack that nobody could reach.
    assert (kube.names(namespace.namespace, "deployments"), kube.names(namespace.namespace, "pods")) == ([], [])


def test_a_manifest_that_the_server_refuses(stack: Shelterctl, project: Project) -> None:
    before, tag = kube.versions(stack.namespace), service.answering_tag(stack)
    # As long as the patch is the only difference, a refusal leaves all as it was.
    project.patch("Deployment", "app", [{"op": "replace", "path": "/spec/template/spec/containers/0/resources/limits/cpu", "value": "1m"}])
    ran = stack("up", *project.option, expect=4)
    refused(ran, "ApiRejected", "the API server refused deployment/app (manifests/base/app/deployment.yaml)")
    assert "must be less than or equal to cpu limit" in ran.error["why"]
    assert kube.versions(stack.namespace) == before
    assert service.answering_tag(stack) == tag


def test_manifests_that_do_not_build(untouched: Shelterctl, project: Project) -> None:
    project.replace("manifests/overlays/minikube/kustomization.yaml", "../../base", "../../bass")
    ran = untouched("up", *project.option, expect=2)
    refused(ran, "UsageError", "the overlay minikube does not build")


def test_an_image_that_does_not_build(untouched: Shelterctl, project: Project) -> None:
    project.replace("app/Dockerfile", "WORKDIR /srv/app", "RUN echo this cannot work && exit 7\nWORKDIR /srv/app")
    ran = untouched("up", *project.option, expect=4)
    assert ran.error["type"] == "BuildFailed"
    assert "this cannot work" in "\n".join(ran.error["details"])
    assert "7" in ran.error["what"] + ran.error["why"]


def test_a_namespace_in_which_others_run(namespace: Shelterctl) -> None:
    """The stack's policies would cut them off, and they would learn of it from their users."""
    name = namespace.namespace
    kube.kubectl("create", "namespace", name)
    kube.kubectl("run", "blog", "-n", name, "--image=shelterctl-nobody:1", "--image-pull-policy=Never")
    before = kube.kubectl("get", "namespace", name, "-o", "jsonpath={.metadata.resourceVersion}")
    ran = namespace("up", expect=3)
    refused(ran, "Refused", f"others' pods run where the stack would go: {name}/blog")
    assert "--yes" in ran.error["next_command"]
    assert f"{name}/blog" in namespace("up", "--dry-run").stderr
    assert kube.kubectl("get", "namespace", name, "-o", "jsonpath={.metadata.resourceVersion}") == before
    assert kube.names(name, "networkpolicies") == []
    kube.kubectl("delete", "pod", "blog", "-n", name, "--now")
    kube.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=baseline")
    ran = namespace("up", expect=4)
    refused(ran, "ApiRejected", f"namespace/{name}: others have set fields that the manifests set too")
    assert "--force-conflicts" in ran.error["next_command"]
    assert kube.names(name, "networkpolicies") == []


def test_nothing_is_left_of_a_refusal_but_its_record(untouched: Shelterctl) -> None:
    untouched("up", expect=4, environment=kubeconfig(untouched.folder / "config", closed_port()))
    (folder,) = untouched.runs("up")
    kept = json.loads((folder / "result.json").read_text())
    assert (kept["exit_code"], kept["error"]["type"], kept["result"]) == (4, "ApiUnreachable", None)
    last = (folder / "events.jsonl").read_text().splitlines()[-1]
    assert json.loads(last)["outcome"] == "failed"
    (listed,) = [run for run in wait_until(lambda: runs(untouched), "the run") if run["run"] == folder.name]
    assert (listed["command"], listed["exit_code"]) == ("up", 4)


def runs(shelterctl: Shelterctl) -> list[dict[str, object]]:
    listed = shelterctl("runs", "list").document["result"]
    assert isinstance(listed, list)
    return listed
