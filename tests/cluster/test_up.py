"""`up`: from nothing, again, after a change; what it keeps, what it prunes, what it never shows."""

from __future__ import annotations

import json
import urllib.request

import pytest

from tests.cluster import kube
from tests.cluster.commands import Ran, Shelterctl
from tests.cluster.projects import Project

pytestmark = pytest.mark.cluster

DATABASE = "app.kubernetes.io/name=mongodb"
APP = "app.kubernetes.io/name=app"


def answering_tag(shelterctl: Shelterctl) -> str:
    url = shelterctl("url").result["url"]
    with urllib.request.urlopen(f"{url}/version", timeout=5) as answer:
        return str(json.load(answer)["image_tag"])


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
            "networkpolicy/allow-app-to-mongodb", "networkpolicy/allow-clients-to-app", "networkpolicy/allow-dns",
            "networkpolicy/allow-mongodb-from-app", "networkpolicy/default-deny", "poddisruptionbudget/app",
            "poddisruptionbudget/mongodb", "service/app", "service/mongodb", "serviceaccount/app", "serviceaccount/mongodb",
            "statefulset/mongodb",
        ],
        "unchanged": [f"namespace/{namespace.namespace}"],
    }  # fmt: skip
    secrets = [f"{namespace.namespace}/mongodb-app", f"{namespace.namespace}/mongodb-root"]
    assert (first.result["changed"], sorted(first.result["secrets_created"])) == (True, secrets)
    chain = first.result["chain"]
    assert chain["running_ids"] == [chain["built_id"]] == [chain["loaded_id"]]
    assert f"shelter-app:{answering_tag(namespace)}" == chain["reference"]

    before, passwords = kube.versions(namespace.namespace), kube.passwords(namespace.namespace)
    pods = kube.uids(namespace.namespace, "pods", f"{DATABASE.split('=')[0]}")
    second = namespace("up")
    assert (second.result["changed"], second.result["loads"], second.result["secrets_created"]) == (False, [], [])
    assert list(outcomes(second)) == ["unchanged"]
    assert kube.versions(namespace.namespace) == before
    assert kube.uids(namespace.namespace, "pods", f"{DATABASE.split('=')[0]}") == pods
    assert kube.passwords(namespace.namespace) == passwords

    shown = kube.kubectl("-n", namespace.namespace, "get", "pods,statefulsets,deployments,configmaps,events", "-o", "yaml")
    for pod in pods:
        shown += kube.kubectl("-n", namespace.namespace, "logs", pod)
    kept = [file for file in namespace.folder.rglob("*") if file.is_file()]
    assert {file.name for file in kept} >= {"events.jsonl", "result.json"}
    for name, value in passwords.items():
        # The users' names are in the Secrets too, and no secret.
        if name.endswith("password"):
            assert len(value) == 64
            assert value not in shown
            assert [file for file in kept if value in file.read_text(errors="replace")] == []


def test_a_one_line_change_answers_and_the_database_stays(stack: Shelterctl, project: Project) -> None:
    before = answering_tag(stack)
    database = kube.uids(stack.namespace, "pods", DATABASE)
    project.replace("app/shelter_app/live.py", '"""', '"""A changed line. ')
    ran = stack("up", *project.option)
    after = answering_tag(stack)
    assert ran.result["chain"]["reference"] == f"shelter-app:{after}"
    assert after != before
    assert outcomes(ran)["changed"] == ["deployment/app"]
    assert kube.uids(stack.namespace, "pods", DATABASE) == database
    report = ran.result["loads"][0]
    # Two folders of code share the layers of the interpreter and of the dependencies.
    assert (report["layers_sent"], report["sent_bytes"] < 1_000_000) == (1, True)

    back = stack("up")
    assert answering_tag(stack) == before
    assert (outcomes(back)["changed"], back.result["loads"]) == (["deployment/app"], [])
    assert kube.uids(stack.namespace, "pods", DATABASE) == database
