"""A stack that runs in several namespaces, taken as it is: found by the hosts that its application uses, and nothing of others with it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from shelterctl.adapters.kube.api import KubeApi
from shelterctl.adapters.kube.own.adopted import AdoptedCluster
from shelterctl.core.stack.stack import Stack
from shelterctl.core.stack.told import addresses
from shelterctl.core.state import Role
from shelterctl.errors import ApiRejected
from shelterctl.settings import Settings
from shelterctl.wiring.stacks import read_running

pytestmark = pytest.mark.unit

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "notes-003"
APP, DATA = "notes-003", "notes-003-db"
HOST = f"mongo-0.mongo.{DATA}.svc.cluster.local"


class Api:
    """What an API server lists of these objects. `forbidden` are namespaces that may not be read."""

    def __init__(self, objects: list[dict[str, Any]], forbidden: tuple[str, ...] = ()) -> None:
        self.objects = objects
        self.forbidden = forbidden
        self.asked: list[str] = []

    def items(self, path: str) -> list[dict[str, Any]]:
        namespace, plural = path.split("/")[-2:]
        self._may(path, namespace)
        return [each for each in self.objects if _is(each, namespace, plural)]

    def get_or_none(self, path: str) -> dict[str, Any] | None:
        self.asked.append(path)
        namespace, plural, name = path.split("/")[-3:]
        self._may(path, namespace)
        return next((each for each in self.objects if _is(each, namespace, plural) and each["metadata"]["name"] == name), None)

    def _may(self, path: str, namespace: str) -> None:
        if namespace in self.forbidden:
            raise ApiRejected(f"GET {path} was rejected", why="forbidden", status=403)


def _is(item: dict[str, Any], namespace: str, plural: str) -> bool:
    return f"{item['kind'].lower()}s" == plural and item["metadata"].get("namespace") == namespace


def objects(host: str = HOST) -> list[dict[str, Any]]:
    """The example's, as a cluster has them: what a Secret says in text is in base64 there."""
    text = "\n---\n".join(path.read_text() for path in sorted(EXAMPLE.glob("k8s/**/*.yaml")))
    found = [each for each in yaml.safe_load_all(text.replace(HOST, host)) if each]
    for each in found:
        if each["kind"] == "Secret":
            each["data"] = {key: base64.b64encode(value.encode()).decode() for key, value in each.pop("stringData", {}).items()}
    return found


def others(namespace: str) -> list[dict[str, Any]]:
    """Somebody else's stack: an application with a database and a Service of its own, and a Secret."""
    labels = {"app": "ledger"}
    container = {
        "name": "ledger",
        "image": "ledger-flask:1",
        "ports": [{"containerPort": 5000}],
        "env": [{"name": "MONGO_HOST", "value": "mongo"}],
    }
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    meta = {"name": "ledger", "namespace": namespace}
    return [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec},
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": labels, "ports": [{"port": 80}]}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": {}},
    ]


def running(api: Api, folder: Path) -> Stack:
    return read_running(Settings(namespace=APP, project_dir=str(folder)), cast("KubeApi", api))


@pytest.mark.parametrize("host", [HOST, f"mongo.{DATA}.svc", f"mongo.{DATA}", f"mongo-0.mongo.{DATA}"])
def test_the_database_of_another_namespace_is_found_by_the_host_that_the_application_uses(host: str, tmp_path: Path) -> None:
    stack = running(Api(objects(host)), tmp_path)
    roles = stack.roles
    assert roles.app is not None
    assert roles.database is not None
    assert (roles.app.namespace, roles.database.key, roles.database.namespace) == (APP, "StatefulSet/mongo", DATA)
    assert stack.namespaces == (APP, DATA)
    assert addresses.nowhere(stack) == ()


def test_of_the_other_namespace_nothing_of_other_people_is_taken(tmp_path: Path) -> None:
    stack = running(Api([*objects(), *others(DATA)]), tmp_path)
    assert {(w.namespace, w.name) for w in stack.workloads} == {(APP, "notes"), (DATA, "mongo")}
    assert "ledger" not in {document.name for document in stack.documents}
    assert [question.setting for question in stack.questions if question.setting.startswith("stack.")] == []
    # What the database's pods need is there, so that nothing of it counts as missing.
    assert {document.key for document in stack.documents if document.namespace == DATA} >= {"StatefulSet/mongo", "Service/mongo"}
    assert [finding.code for finding in stack.findings if finding.code in ("secret-missing", "config-missing")] == []


def test_a_namespace_that_has_only_the_name_of_a_pods_service_is_not_taken(tmp_path: Path) -> None:
    """`mongo-0.mongo.data.svc` names the namespace `data`; one that is called `mongo` is somebody else's."""
    stack = running(Api([*objects(), *others("mongo")]), tmp_path)
    assert stack.namespaces == (APP, DATA)


def test_a_host_of_the_world_outside_leads_to_no_namespace(tmp_path: Path) -> None:
    api = Api(objects("db.example.com"), forbidden=("com",))
    assert running(api, tmp_path).namespaces == (APP,)
    assert "/api/v1/namespaces/com/services/example" in api.asked


def test_a_namespace_that_is_meant_and_may_not_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ApiRejected, match=f"namespaces/{DATA}/services/mongo"):
        running(Api(objects(), forbidden=(DATA,)), tmp_path)


def test_a_service_that_stands_for_one_of_another_namespace_is_followed(tmp_path: Path) -> None:
    alias = {"type": "ExternalName", "externalName": f"mongo.{DATA}.svc.cluster.local"}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "database", "namespace": APP}, "spec": alias}
    stack = running(Api([*objects("database"), service]), tmp_path)
    assert stack.namespaces == (APP, DATA)


def test_a_host_that_only_the_sources_name_is_followed(tmp_path: Path) -> None:
    found = objects()
    for each in found:
        if each["kind"] == "ConfigMap" and "DB_HOST" in each.get("data", {}):
            del each["data"]["DB_HOST"]
        if each["kind"] == "Deployment":
            (container,) = each["spec"]["template"]["spec"]["containers"]
            container.pop("envFrom", None)
            container["env"] = [entry for entry in container.get("env", []) if entry["name"] != "DB_HOST"]
    (tmp_path / "app.py").write_text(
        f"import os\nimport pymongo\nfrom flask import Flask\n\napp = Flask(__name__)\n"
        f'db = pymongo.MongoClient(os.environ.get("DB_HOST", "{HOST}"))\n'
    )
    assert running(Api(found), tmp_path).namespaces == (APP, DATA)


def test_the_pods_of_both_namespaces_have_their_roles(tmp_path: Path) -> None:
    stack = running(Api([*objects(), *others(DATA)]), tmp_path)
    cluster = AdoptedCluster(cast("KubeApi", None), lambda: stack)
    assert cluster.watched() == cluster.namespaces() == (APP, DATA)
    assert stack.roles.app is not None
    assert stack.roles.database is not None

    def pod(namespace: str, labels: Any) -> dict[str, Any]:
        return {"metadata": {"namespace": namespace, "labels": dict(labels)}, "spec": {"containers": []}}

    app, database = stack.roles.app.labels, stack.roles.database.labels
    places = [(APP, app), (DATA, database), (APP, database), (DATA, app), (DATA, {"app": "ledger"})]
    assert [cluster.role(pod(*place)) for place in places] == [Role.APP, Role.DATABASE, None, None, None]
