"""A user's objects as they are applied: their order, and the little that is changed in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shelterctl.adapters.documents.sql import _name, _text
from shelterctl.adapters.kube.own import documents
from shelterctl.adapters.kube.own.whose import made_here
from shelterctl.adapters.stack import reader
from shelterctl.core.deploy.stack import StackOptions

pytestmark = pytest.mark.unit

EXAMPLES = Path(__file__).parents[4] / "examples"


def edited(name: str, namespace: str = "", **options: Any) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    found, edits = documents.edited(reader.read(EXAMPLES / name, namespace=namespace), StackOptions("", "", **options))
    return list(found), edits


def names(found: list[dict[str, Any]]) -> list[str]:
    return [f"{each['kind']}/{each['metadata']['name']}" for each in found]


def test_what_must_be_there_first_comes_first_whatever_its_file_is_called() -> None:
    found, edits = edited("catalog")
    order = names(found)
    assert order[:2] == ["Namespace/web", "Namespace/data"]
    assert order.index("Secret/mongo") < order.index("ConfigMap/mongo-users") < order.index("Service/mongo")
    assert order.index("Service/mongo") < order.index("StatefulSet/mongo") < order.index("Deployment/catalog")
    assert order[-1] == "HorizontalPodAutoscaler/catalog"
    assert edits == ()
    assert {each["metadata"].get("namespace") for each in found if each["kind"] != "Namespace"} == {"web", "data"}


def test_the_database_comes_before_what_asks_for_it() -> None:
    order = names(edited("guestbook")[0])
    assert order.index("Deployment/mysql") < order.index("Deployment/guestbook")


def test_a_namespace_is_given_to_what_states_none_and_lives_in_one() -> None:
    found, _ = edited("notes", "mine")
    by_name = {f"{each['kind']}/{each['metadata']['name']}": each for each in found}
    assert by_name["Service/flask-service"]["metadata"]["namespace"] == "mine"
    assert "namespace" not in by_name["PersistentVolume/mongo-pv"]["metadata"]


def test_only_what_was_asked_for_is_changed_and_all_of_it_is_told() -> None:
    plain, edits = edited("notes")
    assert edits == ()
    found, edits = edited("notes", node_port=31234, minimum=1, maximum=3, cpu_target_percent=50)
    assert sorted(edits) == [
        "HorizontalPodAutoscaler/flask-hpa: maxReplicas 3",
        "HorizontalPodAutoscaler/flask-hpa: minReplicas 1",
        "HorizontalPodAutoscaler/flask-hpa: target 50%",
        "Service/flask-service: node port 31234",
    ]
    same = [one for one, other in zip(plain, found, strict=True) if one == other]
    assert len(same) == len(plain) - 2
    fixed, edits = edited("notes", replicas=1)
    assert "HorizontalPodAutoscaler/flask-hpa" not in names(fixed)
    assert edits == ("Deployment/flask-app: 1 replicas, and no HPA",)


def test_a_service_without_a_node_port_gets_none() -> None:
    """The API server refuses one on a ClusterIP, and with it the whole stack."""
    found, edits = edited("catalog", node_port=31234)
    assert edits == ("Service/catalog: it is a ClusterIP and has no node port, so that 31234 is left out",)
    assert found == edited("catalog")[0]


def test_an_image_that_is_loaded_is_not_asked_of_a_registry() -> None:
    found, edits = edited("guestbook")
    (app,) = [each for each in found if each["metadata"]["name"] == "guestbook"]
    assert app["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] == "IfNotPresent"
    assert edits == ("Deployment/guestbook: someuser/guestbook:latest is loaded, so that its policy becomes IfNotPresent",)


@pytest.mark.parametrize(
    ("managers", "made"),
    [
        ([("shelterctl", "")], True),
        ([("shelterctl", ""), ("kube-controller-manager", "status"), ("kube-controller-manager", "")], True),
        ([("shelterctl", ""), ("kubectl-client-side-apply", "")], False),
        ([("shelterctl", ""), ("helm", "")], False),
        ([("shelterctl", ""), ("kubectl-rollout", ""), ("k3s", "")], True),
        ([("kubectl-create", "")], False),
        ([], False),
    ],
)
def test_what_up_made(managers: list[tuple[str, str]], *, made: bool) -> None:
    fields = [{"manager": name, **({"subresource": part} if part else {})} for name, part in managers]
    assert made_here({"metadata": {"managedFields": fields}}) is made


def test_nothing_of_a_name_or_a_text_is_read_as_sql() -> None:
    assert _name("a`b") == "`a``b`"
    assert _text("'; DROP TABLE x; --") == "_utf8mb4 X'273b2044524f50205441424c4520783b202d2d'"
