"""`down` and the data: kept by default, gone only when that was asked for and confirmed."""

from __future__ import annotations

import json

import pytest

from tests.cluster import kube, service
from tests.cluster.commands import Shelterctl

pytestmark = pytest.mark.cluster


def test_down_keeps_the_data_up_finds_them_again_and_delete_data_removes_all(namespace: Shelterctl) -> None:
    name = namespace.namespace
    namespace("up")
    address = service.url(namespace)
    written = service.write(address, "kept", {"through": "down and up"})
    passwords, claims = kube.passwords(name), kube.uids(name, "pvc", "app.kubernetes.io/name=mongodb")

    down = namespace("down").result
    assert sorted(down["kept"]) == ["persistentvolumeclaim/data-mongodb-0", "secret/mongodb-app", "secret/mongodb-root"]
    for kind in ("deployments", "statefulsets", "services", "configmaps", "hpa", "networkpolicies", "pdb", "pods", "serviceaccounts"):
        assert (kind, kube.names(name, kind)) == (kind, [])
    assert kube.passwords(name) == passwords
    again = namespace("down").result
    assert (again["removed"], again["kept"]) == ([], down["kept"])
    status = namespace("status", expect=4)
    assert status.error["what"] == f"nothing is deployed in namespace {name} of minikube; its data are there: data-mongodb-0"

    up = namespace("up").result
    assert (up["changed"], up["secrets_created"], kube.passwords(name)) == (True, [], passwords)
    assert kube.uids(name, "pvc", "app.kubernetes.io/name=mongodb") == claims
    assert service.read(service.url(namespace), "kept") == written

    refused = namespace("down", "--delete-data", expect=3)
    assert (refused.error["type"], refused.error["next_command"]) == ("Refused", "the same with --yes")
    assert service.read(address, "kept") == written

    volume = kube.get(name, "pvc", "data-mongodb-0")["spec"]["volumeName"]
    gone = namespace("down", "--delete-data", "--yes").result
    assert gone["kept"] == []
    assert {"persistentvolumeclaim/data-mongodb-0", "secret/mongodb-root", f"namespace/{name}"} <= set(gone["removed"])
    assert not kube.exists(name)
    assert kube.kubectl("get", "pv", volume, "--ignore-not-found", "-o", "jsonpath={.status.phase}") in ("", "Released")
    nothing = namespace("down", "--delete-data", "--yes").result
    assert (nothing["removed"], nothing["kept"]) == ([], [])


def test_what_others_have_in_the_namespace_stays_with_it(namespace: Shelterctl) -> None:
    """A chart's MongoDB carries the same name label as ours."""
    name = namespace.namespace
    namespace("up")
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": "data-chart-mongodb-0",
            "namespace": name,
            "labels": {
                "app.kubernetes.io/name": "mongodb",
                "app.kubernetes.io/instance": "chart",
                "app.kubernetes.io/component": "mongodb",
            },
        },
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    kube.kubectl("apply", "-f", "-", stdin=json.dumps(claim))
    gone = namespace("down", "--delete-data", "--yes").result
    assert gone["kept"] == [f"namespace/{name}"]
    assert {"persistentvolumeclaim/data-mongodb-0", "secret/mongodb-root"} <= set(gone["removed"])
    assert kube.names(name, "pvc") == ["data-chart-mongodb-0"]
    assert kube.names(name, "secrets") == []


def test_a_lost_password_beside_a_claim_is_refused(namespace: Shelterctl) -> None:
    name = namespace.namespace
    namespace("up")
    namespace("down")
    kube.kubectl("-n", name, "delete", "secret", "mongodb-root")
    ran = namespace("up", expect=3)
    assert ran.error == {
        "type": "Refused",
        "what": "claim data-mongodb-0 holds a database, and Secret mongodb-root with its password is gone",
        "why": "a database takes its passwords on an empty data folder only: a new password would not open the old data",
        "next_command": "restore the Secret, or give the data up: "
        f"shelterctl down --state-dir {namespace.state_dir} --yes --delete-data --namespace {name}",
        "details": [],
    }
    assert (kube.names(name, "deployments"), kube.names(name, "secrets"), kube.names(name, "pvc")) == (
        [],
        ["mongodb-app"],
        ["data-mongodb-0"],
    )
