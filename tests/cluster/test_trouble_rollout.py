"""Trouble after applying: `up` ends early on what cannot mend itself, waits for what can, and shows what a person would look at."""

from __future__ import annotations

import secrets
import subprocess
from pathlib import Path

import pytest

from tests.cluster import kube, service
from tests.cluster.commands import Ran, Shelterctl
from tests.cluster.projects import Project

pytestmark = pytest.mark.cluster

#: What `up` may wait at most. A test that ends with exit code 4 before has ended early.
LONG = ("--timeout", "140s")


def gave_up(ran: Ran, *words: str) -> None:
    """It ended by its judgement, not by the end of its time, with all of `words` in its first sentence."""
    assert ran.error["type"] == "RolloutFailed"
    for word in words:
        assert word in ran.error["what"], ran.shown()


def newest_pod(namespace: str) -> str:
    pods = kube.items(namespace, "pods", "-l", "app.kubernetes.io/name=app", "--sort-by=.metadata.creationTimestamp")
    return str(pods[-1]["metadata"]["name"])


def test_an_image_that_crashes_and_the_old_revision_serves_on(stack: Shelterctl, project: Project) -> None:
    tag = service.answering_tag(stack)
    project.prepend("app/gunicorn.conf.py", "import sys\nsys.exit('the configuration is missing')\n")
    ran = stack("up", *project.option, *LONG, expect=4)
    pod = newest_pod(stack.namespace)
    gave_up(ran, f"app: container app of pod {pod} crashes", "restarts in")
    assert ran.error["why"] == "1 ready pod goes on serving"
    assert ran.error["next_command"] == f"kubectl --context minikube -n {stack.namespace} logs {pod} -c app --previous"
    assert ran.error["details"][0] == f"{pod}, container app, exit code 1, last lines:"
    assert "  the configuration is missing" in ran.error["details"]
    assert service.answering_tag(stack) == tag

    # `status` says the same, and the next good `up` mends it.
    assert any(judgement["progress"] == "failed" for judgement in stack("status").result["health"]["rollouts"])
    stack("up")
    assert service.answering_tag(stack) == tag
    assert [judgement["progress"] for judgement in stack("status").result["health"]["rollouts"]] == ["complete", "complete"]


def test_an_image_that_nobody_has(stack: Shelterctl, project: Project) -> None:
    tag = service.answering_tag(stack)
    image = "127.0.0.1:9/nobody/has-this:1"
    project.patch("Deployment", "app", [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image}])
    ran = stack("up", *project.option, *LONG, expect=4)
    pod = newest_pod(stack.namespace)
    gave_up(ran, f"app: container app of pod {pod}: ", "ImagePull")
    assert ran.error["why"].startswith("the node does not have the image and cannot pull it")
    assert ran.error["next_command"] == f"kubectl --context minikube -n {stack.namespace} describe pod {pod}"
    assert any(image in line for line in ran.error["details"])
    assert service.answering_tag(stack) == tag
    stack("up")


def test_an_image_that_comes_late(stack: Shelterctl, project: Project) -> None:
    """The kubelet would look for it again after minutes: `up`, which brings it, makes the pod anew."""
    late = f"shelterctl-test-{secrets.token_hex(4)}:1"
    rights = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    step = {"name": "late", "image": late, "command": ["true"], "imagePullPolicy": "IfNotPresent", "securityContext": rights}
    project.patch("Deployment", "app", [{"op": "add", "path": "/spec/template/spec/initContainers", "value": [step]}])
    stack("up", *project.option, *LONG, expect=4)
    pod = newest_pod(stack.namespace)
    subprocess.run(["docker", "tag", "busybox:1.37", late], check=True, capture_output=True, timeout=30)
    try:
        ran = stack("up", *project.option, *LONG)
        assert f"pod {pod} waits to look for its image again: it is made anew" in ran.stderr, ran.shown()
        assert newest_pod(stack.namespace) != pod
    finally:
        subprocess.run(["docker", "rmi", late], check=False, capture_output=True, timeout=30)
        stack("up")


def test_a_key_that_a_secret_lacks(stack: Shelterctl, project: Project) -> None:
    """Nothing but an event tells it, and the kubelet would wait for ever."""
    key = "/spec/template/spec/volumes/1/secret/items/0/key"
    project.patch("Deployment", "app", [{"op": "replace", "path": key, "value": "no-such-key"}])
    ran = stack("up", *project.option, *LONG, expect=4)
    gave_up(ran, f"app: pod {newest_pod(stack.namespace)}", "no-such-key")
    stack("up")


def test_a_pod_that_never_gets_ready(stack: Shelterctl, project: Project) -> None:
    tag = service.answering_tag(stack)
    probe = "/spec/template/spec/containers/0/readinessProbe/httpGet/path"
    project.patch("Deployment", "app", [{"op": "replace", "path": probe, "value": "/no/such/page"}])
    ran = stack("up", *project.option, "--timeout", "15s", expect=5)
    pod = newest_pod(stack.namespace)
    assert ran.error["type"] == "WaitTimeout"
    assert ran.error["what"] == "the rollout was not complete after 15 s"
    assert ran.error["why"] == f"app: 1 of 1 updated, 1 available; {pod} is starting"
    assert ran.error["next_command"] == stack.aimed("status", "  (a longer wait: --timeout 10m)", project=project.option)
    assert any("Readiness probe failed" in line for line in ran.error["details"]), ran.shown()
    assert service.answering_tag(stack) == tag
    stack("up")


def test_a_claim_that_stays_pending(namespace: Shelterctl, project: Project) -> None:
    patch: list[dict[str, object]] = [{"op": "add", "path": "/spec/volumeClaimTemplates/0/spec/storageClassName", "value": "no-such-class"}]
    project.patch("StatefulSet", "mongodb", patch)
    ran = namespace("up", *project.option, "--timeout", "12s", expect=5)
    assert ran.error["what"] == "the rollout was not complete after 12 s"
    assert "pod mongodb-0 waits for claim data-mongodb-0 (class no-such-class), which got no volume" in ran.error["why"]
    assert ran.error["next_command"].startswith("shelterctl doctor")
    assert "no-such-class" in " ".join(ran.error["details"]), ran.shown()
    claim = kube.get(namespace.namespace, "pvc", "data-mongodb-0")
    assert claim["status"]["phase"] == "Pending"


def test_a_quota_that_forbids_the_pods(namespace: Shelterctl, project: Project) -> None:
    overlay = project.folder / "manifests" / "overlays" / "minikube-quota" / "kustomization.yaml"
    assert overlay.is_file()
    project.replace("manifests/components/quota/quota.yaml", 'pods: "12"', 'pods: "0"')
    ran = namespace("up", "--overlay", "minikube-quota", *project.option, *LONG, expect=4)
    gave_up(ran, "exceeded quota: shelter", "requested: pods=1, used: pods=0, limited: pods=0")
    assert ran.error["next_command"].startswith(f"kubectl --context minikube -n {namespace.namespace} ")


def test_the_database_crashes(namespace: Shelterctl, project: Project) -> None:
    """The last lines of the container that failed, not those of the one that waits for it."""
    script = "echo the data folder is damaged; exit 3"
    project.patch(
        "StatefulSet", "mongodb", [{"op": "add", "path": "/spec/template/spec/containers/0/command", "value": ["sh", "-c", script, "--"]}]
    )
    ran = namespace("up", *project.option, *LONG, expect=4)
    gave_up(ran, "mongodb: container mongodb of pod mongodb-0 crashes")
    assert ran.error["details"][:2] == ["mongodb-0, container mongodb, exit code 3, last lines:", "  the data folder is damaged"]

    # A StatefulSet does not replace a broken pod of an old revision by itself: `up` with good manifests says how it goes on.
    stuck = namespace("up", *LONG, expect=None)
    if stuck.exit_code != 0:
        gave_up(stuck, "pod mongodb-0 is broken on an old revision, and a StatefulSet does not replace it by itself")
        command = f"kubectl --context minikube -n {namespace.namespace} delete pod mongodb-0"
        assert stuck.error["next_command"].startswith(command)
        kube.kubectl(*command.split()[1:])
        namespace("up", *LONG)
    assert namespace("status").result["chain"]["answering_tag"] != ""


def test_fields_that_others_have_set(stack: Shelterctl) -> None:
    """Server-side apply tells of the conflict, and takes the field only where it is told to."""
    change = '{"spec": {"minReadySeconds": 3}}'
    kube.kubectl("-n", stack.namespace, "patch", "deployment", "app", "--type=merge", "-p", change, "--field-manager=somebody")
    ran = stack("up", expect=4)
    assert ran.error["what"] == "deployment/app: others have set fields that the manifests set too"
    assert "somebody" in ran.error["why"]
    assert kube.get(stack.namespace, "deployment", "app")["spec"]["minReadySeconds"] == 3
    stack("up", "--force-conflicts")
    assert kube.get(stack.namespace, "deployment", "app")["spec"]["minReadySeconds"] == 1


def test_a_disk_that_is_full(stack: Shelterctl, tmp_path: Path) -> None:
    """A run's record that cannot be written is an error, not a silence."""
    folder = tmp_path / "full"
    folder.symlink_to("/dev/full")
    broken = Shelterctl(stack.namespace, folder, tmp_path, stack.defaults)
    ran = broken("up", expect=3)
    assert (ran.error["type"], ran.error["next_command"]) == ("StateFolderError", "name another folder with --state-dir")
