"""`up`: from nothing, again, after a change; what it keeps, what it prunes, what it never shows."""

from __future__ import annotations

import subprocess

import pytest

from tests.cluster import kube, service
from tests.cluster.commands import Ran, Shelterctl
from tests.cluster.projects import Project

pytestmark = pytest.mark.cluster

DATABASE = "app.kubernetes.io/name=mongodb"
APP = "app.kubernetes.io/name=app"


def outcomes(ran: Ran) -> dict[str, list[str]]:
    """What applying did, by kind of change: the objects without the hash in a ConfigMap's name."""
    found: dict[str, list[str]] = {}
    for change in ran.result["applied"]["changes"]:
        name = change["object"]
        found.setdefault(change["change"], []).append("configmap/app-config" if name.startswith("configmap/app-config-") else name)
    return {kind: sorted(objects) for kind, objects in found.items()}


def test_from_nothing_and_then_again_changes_nothing(namespace: Shelterctl) -> None:
    first = namespace("up")
    assert outcomes(first) == {
        "created": [
            "configmap/app-config", "configmap/mongodb-init", "deployment/app", "horizontalpodautoscaler/app",
            f"namespace/{namespace.namespace}",
            "networkpolicy/allow-app-to-mongodb", "networkpolicy/allow-clients-to-app", "networkpolicy/allow-dns",
            "networkpolicy/allow-mongodb-from-app", "networkpolicy/default-deny", "poddisruptionbudget/app",
            "poddisruptionbudget/mongodb", "service/app", "service/mongodb", "serviceaccount/app", "serviceaccount/mongodb",
            "statefulset/mongodb",
        ],
    }  # fmt: skip
    secrets = [f"{namespace.namespace}/mongodb-app", f"{namespace.namespace}/mongodb-root"]
    assert (first.result["changed"], sorted(first.result["secrets_created"])) == (True, secrets)
    chain = first.result["chain"]
    assert chain["running_ids"] == [chain["built_id"]] == [chain["loaded_id"]]
    assert f"shelter-app:{service.answering_tag(namespace)}" == chain["reference"]

    before, passwords = kube.versions(namespace.namespace), kube.passwords(namespace.namespace)
    pods = kube.uids(namespace.namespace, "pods", f"{DATABASE.split('=')[0]}")
    second = namespace("up")
    assert (second.result["changed"], second.result["loads"], second.result["secrets_created"]) == (False, [], [])
    assert list(outcomes(second)) == ["unchanged"]
    assert kube.versions(namespace.namespace) == before
    assert kube.uids(namespace.namespace, "pods", f"{DATABASE.split('=')[0]}") == pods
    assert kube.passwords(namespace.namespace) == passwords

    # What is set right again beside the apply itself is told, too.
    kube.kubectl("label", "namespace", namespace.namespace, "pod-security.kubernetes.io/enforce-")
    kube.kubectl("-n", namespace.namespace, "scale", "deployment/app", "--replicas=0")
    third = namespace("up")
    assert outcomes(third)["changed"] == ["deployment/app", f"namespace/{namespace.namespace}"]
    assert third.result["changed"] is True
    pods = kube.uids(namespace.namespace, "pods", f"{DATABASE.split('=')[0]}")

    shown = kube.kubectl("-n", namespace.namespace, "get", "pods,statefulsets,deployments,configmaps,events", "-o", "yaml")
    for pod in pods:
        # The pod that was scaled away may be gone by now.
        shown += kube.kubectl("-n", namespace.namespace, "logs", pod, check=False)
    assert "Starting gunicorn" in shown
    kept = [file for file in namespace.folder.rglob("*") if file.is_file()]
    assert {file.name for file in kept} >= {"events.jsonl", "result.json"}
    for name, value in passwords.items():
        # The users' names are in the Secrets too, and no secret.
        if name.endswith("password"):
            assert len(value) == 64
            assert value not in shown
            assert [file for file in kept if value in file.read_text(errors="replace")] == []


def test_a_one_line_change_answers_and_the_database_stays(stack: Shelterctl, project: Project) -> None:
    before = service.answering_tag(stack)
    database = kube.uids(stack.namespace, "pods", DATABASE)
    project.prepend("app/shelter_app/live.py", "# A changed line.\n")
    ran = stack("up", *project.option)
    after = service.answering_tag(stack)
    assert ran.result["chain"]["reference"] == f"shelter-app:{after}"
    assert after != before
    assert outcomes(ran)["changed"] == ["deployment/app"]
    assert kube.uids(stack.namespace, "pods", DATABASE) == database
    report = ran.result["loads"][0]
    # Two folders of code share the layers of the interpreter and of the dependencies.
    assert (report["layers_sent"], report["sent_bytes"] < 1_000_000) == (1, True)

    back = stack("up")
    assert service.answering_tag(stack) == before
    assert (outcomes(back)["changed"], back.result["loads"]) == (["deployment/app"], [])
    assert kube.uids(stack.namespace, "pods", DATABASE) == database


def test_dry_run_shows_the_difference_and_changes_nothing(stack: Shelterctl) -> None:
    before = kube.versions(stack.namespace)
    same = stack("up", "--dry-run")
    assert (same.result["dry_run"], same.result["changed"]) == (True, False)
    other = stack("up", "--dry-run", "--cpu-target", "50")
    assert outcomes(other)["changed"] == ["horizontalpodautoscaler/app"]
    (change,) = [change for change in other.result["applied"]["changes"] if change["change"] == "changed"]
    assert [line.strip() for line in change["diff"] if line[:1] in "+-" and line[:3] not in ("+++", "---")] == [
        "-        averageUtilization: 70",
        "+        averageUtilization: 50",
    ]
    assert kube.versions(stack.namespace) == before


def test_dry_run_where_nothing_is_yet(namespace: Shelterctl) -> None:
    ran = namespace("up", "--dry-run")
    assert list(outcomes(ran)) == ["created"]
    assert not kube.exists(namespace.namespace)


def test_the_autoscaler_the_port_and_what_is_pruned(stack: Shelterctl) -> None:
    """From an autoscaler to a fixed number of pods and back: what the one needs goes when the other comes."""
    name = stack.namespace
    stack("up", "--cpu-target", "50", "--max", "3")
    assert kube.get(name, "hpa", "app")["spec"] | {"behavior": None} == {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"},
        "minReplicas": 1,
        "maxReplicas": 3,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}],
        "behavior": None,
    }
    bare = Shelterctl(name, stack.state_dir, stack.folder)
    port = kube.free_node_port()
    fixed = bare("up", "--replicas", "2", "--node-port", str(port))
    assert outcomes(fixed)["pruned"] == ["horizontalpodautoscaler/app"]
    assert (kube.names(name, "hpa"), len(kube.uids(name, "pods", APP))) == ([], 2)
    assert (bare("url").result["node_port"], fixed.result["autoscaler"]) == (port, None)
    back = stack("up")
    assert outcomes(back)["created"] == ["horizontalpodautoscaler/app"]
    assert kube.names(name, "hpa") == ["app"]


def test_a_changed_setting_rolls_out_and_its_old_configmap_goes(stack: Shelterctl, project: Project) -> None:
    before = kube.names(stack.namespace, "configmaps")
    assert [name.startswith("app-config-") for name in before] == [True, False]
    project.replace("manifests/base/app/kustomization.yaml", "SHELTER_TIMEZONE=UTC", "SHELTER_TIMEZONE=Europe/Berlin")
    changed = stack("up", *project.option)
    after = kube.names(stack.namespace, "configmaps")
    assert (len(after), after[0] != before[0], after[1]) == (2, True, "mongodb-init")
    assert [c["object"] for c in changed.result["applied"]["changes"] if c["change"] == "pruned"] == [f"configmap/{before[0]}"]
    stack("up")
    assert kube.names(stack.namespace, "configmaps") == before


def test_two_namespaces(namespace: Shelterctl) -> None:
    name, database = namespace.namespace, f"{namespace.namespace}-db"
    ran = namespace("up", "--overlay", "minikube-two-namespaces")
    assert sorted(ran.result["secrets_created"]) == [f"{database}/mongodb-app", f"{database}/mongodb-root", f"{name}/mongodb-app"]
    assert (kube.names(name, "deployments"), kube.names(name, "statefulsets")) == (["app"], [])
    assert (kube.names(database, "deployments"), kube.names(database, "statefulsets")) == ([], ["mongodb"])
    assert kube.passwords(name) == {key: value for key, value in kube.passwords(database).items() if key.startswith("mongodb-app")}
    status = namespace("status").result
    assert [workload["namespace"] for workload in status["state"]["workloads"]] == [name, database]
    assert [claim["namespace"] for claim in status["state"]["claims"]] == [database]
    assert namespace("dns", "check").result["judgement"] == {"verdict": "PASS", "reasons": []}
    again = namespace("up", "--overlay", "minikube-two-namespaces")
    assert again.result["changed"] is False


def test_the_image_in_the_node_is_the_one_that_was_built(stack: Shelterctl) -> None:
    """A tag that leads to another image in the node is noticed, and mended; minikube itself would pass over it."""
    reference = stack("status").result["chain"]["reference"]
    node = ("docker", "exec", "minikube")
    if subprocess.run([*node, "which", "ctr"], capture_output=True, check=False).returncode == 0:
        other, mine = "docker.io/library/mongo:8", f"docker.io/library/{reference}"
        move = [*node, "ctr", "-n", "k8s.io", "images", "tag", "--force", other, mine]
    else:
        move = [*node, "docker", "tag", "mongo:8", reference]
    subprocess.run(move, capture_output=True, check=True)
    ran = stack("up")
    assert [report["reference"] for report in ran.result["loads"]] == [reference]
    chain = ran.result["chain"]
    assert chain["loaded_id"] == chain["built_id"]
