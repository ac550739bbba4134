"""What `down` takes of a user's own stack, by the objects as an API server lists them: what `up` made, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from shelterctl.adapters.kube.api import KubeApi
from shelterctl.adapters.kube.own import documents
from shelterctl.adapters.kube.own.cluster import OwnCluster
from shelterctl.adapters.stack import reader
from shelterctl.core.deploy.stack import RemovalReport, StackOptions
from tests.stack.clean import laid

pytestmark = pytest.mark.unit

UP, CONTROLLER, KUBECTL = "shelterctl", "kube-controller-manager", "kubectl-client-side-apply"
#: In the namespace `default`, whose Namespace the manifests state, with a volume that keeps its data.
MORE = """apiVersion: v1
kind: Namespace
metadata: {name: default}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: shop-data}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  hostPath: {path: /data/shop}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {level: info}
"""


class Objects:
    """The objects of an API server by their paths, and what was deleted of them."""

    def __init__(self) -> None:
        self.there: dict[str, dict[str, Any]] = {}

    def put(self, body: Mapping[str, Any], *managers: str) -> str:
        """`managers` have written to it, the first of them its specification."""
        fields: list[dict[str, Any]] = [{"manager": manager, "operation": "Apply"} for manager in managers]
        fields[0]["fieldsV1"] = {"f:spec": {"f:accessModes": {}}}
        item = {**body, "metadata": {**body["metadata"], "managedFields": fields}}
        namespace = item["metadata"].get("namespace")
        path = self.object_path(str(item.get("apiVersion")), str(item["kind"]), namespace, str(item["metadata"]["name"]))
        self.there[path] = item
        return path

    def object_path(self, _version: str, kind: str, namespace: str | None, name: str | None) -> str:
        plural = f"{kind.lower()}s"
        inside = f"/namespaces/{namespace}" if namespace and kind not in documents.CLUSTER_WIDE else ""
        return f"{inside}/{plural}" + (f"/{name}" if name else "")

    def get_or_none(self, path: str) -> dict[str, Any] | None:
        return self.there.get(path)

    def items(self, path: str, query: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        begin = f"/namespaces/{path.partition('/namespaces/')[2]}/"
        wanted = {tuple(pair.split("=")) for pair in (query or {}).get("labelSelector", "").split(",") if pair}
        there = [item for each, item in self.there.items() if each.startswith(begin)]
        return [item for item in there if wanted <= set((item["metadata"].get("labels") or {}).items())]

    def request(self, method: str, path: str, **_: object) -> None:
        assert method == "DELETE"
        del self.there[path]


def claim(name: str, namespace: str = "default") -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": namespace}, "spec": {}}


def deployed(folder: Path, *, by: str = UP) -> tuple[OwnCluster, Objects]:
    """The stack as it is after an `up`, or after somebody else's apply."""
    stack = reader.read(laid(folder, {"k8s/more.yaml": MORE}))
    objects = Objects()
    for body in documents.edited(stack, StackOptions("", ""))[0]:
        objects.put(body, by, CONTROLLER)
    return OwnCluster(cast("KubeApi", objects), lambda: stack), objects


def taken(cluster: OwnCluster, *, delete_data: bool) -> RemovalReport:
    (report,) = [each for each in cluster.remove(delete_data=delete_data) if isinstance(each, RemovalReport)]
    return report


def paths(objects: Objects) -> set[str]:
    return {path.replace("/namespaces/default/", "") for path in objects.there}


def test_a_namespace_and_a_volume_stay_whatever_is_asked(tmp_path: Path) -> None:
    cluster, objects = deployed(tmp_path / "shop")
    objects.put(claim("data-mongo-0"), CONTROLLER)
    report = taken(cluster, delete_data=False)
    assert paths(objects) == {"/namespaces/default", "/persistentvolumes/shop-data", "persistentvolumeclaims/data-mongo-0"}
    assert set(report.kept) == {"namespace/default", "persistentvolume/shop-data", "persistentvolumeclaim/data-mongo-0"}

    report = taken(cluster, delete_data=True)
    assert paths(objects) == {"/namespaces/default", "/persistentvolumes/shop-data"}
    assert (report.removed, set(report.kept)) == (
        ("persistentvolumeclaim/data-mongo-0",), {"namespace/default", "persistentvolume/shop-data"},
    )  # fmt: skip


def test_what_others_have_in_the_namespace_is_not_looked_at_twice(tmp_path: Path) -> None:
    cluster, objects = deployed(tmp_path / "shop")
    here = {"name": "blog", "namespace": "default"}
    theirs = [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": here, "spec": {"template": {"spec": {}}}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": here},
        # By their names they could be the stack's: another ordinal's, another StatefulSet's, another namespace's.
        claim("data-mongo-x"), claim("data-mongodb-0"), claim("data-mongo-0", "other"),
    ]  # fmt: skip
    for body in theirs:
        # Another tool's, and another stack's of this one.
        objects.put(body, UP)
    taken(cluster, delete_data=True)
    assert paths(objects) == {
        "/namespaces/default", "/persistentvolumes/shop-data", "deployments/blog", "secrets/blog",
        "persistentvolumeclaims/data-mongo-x", "persistentvolumeclaims/data-mongodb-0",
        "/namespaces/other/persistentvolumeclaims/data-mongo-0",
    }  # fmt: skip


def test_what_somebody_else_applied_stays_whole(tmp_path: Path) -> None:
    cluster, objects = deployed(tmp_path / "shop", by=KUBECTL)
    before = paths(objects)
    report = taken(cluster, delete_data=True)
    assert (paths(objects), report.removed) == (before, ())
    assert "deployment/web" in report.kept


def test_what_somebody_else_wrote_to_since_stays(tmp_path: Path) -> None:
    cluster, objects = deployed(tmp_path / "shop")
    path = "/namespaces/default/configmaps/settings"
    objects.put({"apiVersion": "v1", **objects.there[path]}, UP, "kubectl-edit")
    report = taken(cluster, delete_data=True)
    assert path in objects.there
    assert "configmap/settings" in report.kept


def test_a_claim_that_was_there_before_the_database_is_somebody_elses(tmp_path: Path) -> None:
    """A StatefulSet takes a claim of the right name, whoever made it: its data are not this stack's to delete."""
    cluster, objects = deployed(tmp_path / "shop")
    path = objects.put(claim("data-mongo-0"), KUBECTL, CONTROLLER)
    report = taken(cluster, delete_data=True)
    assert path in objects.there
    assert "persistentvolumeclaim/data-mongo-0" not in report.removed
    # Who provisions a volume writes to the claim that the StatefulSet made.
    objects.put(claim("data-mongo-0"), CONTROLLER, "csi-provisioner")
    assert "persistentvolumeclaim/data-mongo-0" in taken(cluster, delete_data=True).removed


def test_a_claim_that_a_pod_of_others_mounts_stays(tmp_path: Path) -> None:
    cluster, objects = deployed(tmp_path / "shop")
    path = objects.put(claim("data-mongo-0"), CONTROLLER)
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data-mongo-0"}}]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "backup", "namespace": "default"}, "spec": {"volumes": volumes}}
    objects.put(pod, KUBECTL)
    report = taken(cluster, delete_data=True)
    assert path in objects.there
    assert "persistentvolumeclaim/data-mongo-0" in report.kept
