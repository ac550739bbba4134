"""A shelterctl.toml that contradicts what runs: told before anything is driven, by the objects as a cluster lists them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from shelterctl.adapters.kube.api import KubeApi
from shelterctl.adapters.kube.own import adopted
from shelterctl.adapters.stack import reader
from shelterctl.core.stack.stack import Stack
from shelterctl.errors import UsageError
from tests.stack.clean import FILES, laid

pytestmark = pytest.mark.unit

KINDS = {
    "deployments": "Deployment",
    "statefulsets": "StatefulSet",
    "services": "Service",
    "horizontalpodautoscalers": "HorizontalPodAutoscaler",
    "networkpolicies": "NetworkPolicy",
}


class Lists:
    """The lists of an API server: the stack in one namespace, its images under a registry's names, and nothing in the others."""

    def __init__(self, namespace: str, objects: list[dict[str, Any]]) -> None:
        self.namespace = namespace
        self.objects = objects

    def items(self, path: str) -> list[dict[str, Any]]:
        namespace, plural = path.split("/")[-2:]
        kind = KINDS.get(plural)
        return [each for each in self.objects if each["kind"] == kind and namespace == self.namespace]


def objects() -> list[dict[str, Any]]:
    text = "---\n".join(text for name, text in FILES.items() if name.startswith("k8s/"))
    text = text.replace("shop-web:1.0", "registry.test/team/shop-web:9")
    found = list(yaml.safe_load_all(text))
    for each in found:
        each["metadata"]["namespace"] = "live"
    return found


def running(folder: Path, settled: str, *more: dict[str, Any]) -> Stack:
    laid(folder, {"shelterctl.toml": settled})
    api = cast("KubeApi", Lists("live", [*objects(), *more]))
    return reader.read(folder, namespace="live", running=adopted.manifests(api, ("live",)))


@pytest.mark.parametrize(
    ("line", "what", "why"),
    [
        (
            '[stack]\napp = "Deployment/wbe"\n',
            "[stack] app = Deployment/wbe: the stack has none of that name (did you mean Deployment/web?)",
            "Deployment/web, StatefulSet/mongo",
        ),
        ('[stack]\napp = "StatefulSet/web"\n', "[stack] app = StatefulSet/web: the stack has none of that name", "Deployment/web"),
        ('[stack]\ndatabase = "StatefulSet/mysql"\n', "[stack] database = StatefulSet/mysql: the stack has none", "StatefulSet/mongo"),
        ('[stack]\nservice = "web-service:80"\n', "[stack] service = web-service: the stack has none of that name", "it has web, mongo"),
        (
            '[[stack.secret]]\nname = "passwords"\nkeys = {word = "{word}"}\n', "[[stack.secret]] name = passwords: the stack has none",
            "it has none at all",
        ),
        (
            '[database]\nengine = "postgresql"\n', "[database] engine = postgresql: StatefulSet/mongo runs mongodb",
            "image mongo:8.0",
        ),
    ],
)  # fmt: skip
def test_what_runs_is_not_driven_by_a_file_of_something_else(line: str, what: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=re.escape(what)) as caught:
        running(tmp_path / "shop", line)
    assert why in (caught.value.why or "")
    assert (caught.value.next_command or "").startswith("change the line or take it out")


@pytest.mark.parametrize(
    "line",
    [
        # What runs may have another name: that of a registry.
        '[[stack.image]]\nname = "shop-web:1.0"\ncontext = "."\n',
        '[stack]\napp = "Deployment/web"\ndatabase = "StatefulSet/mongo"\nservice = "web:5000"\n[database]\nengine = "mongodb"\n',
        # Of another place: what runs is where it was found.
        '[stack]\nnamespace = "elsewhere"\nmanifests = ["k8s"]\n',
    ],
)
def test_what_fits_is_taken_as_it_runs(line: str, tmp_path: Path) -> None:
    stack = running(tmp_path / "shop", line)
    assert stack.roles.app is not None
    assert (stack.roles.app.key, stack.roles.app.namespace, stack.namespaces) == ("Deployment/web", "live", ("live",))
    assert ([image.name for image in stack.images], stack.built) == (["registry.test/team/shop-web:9", "mongo:8.0"], {})
    assert stack.questions == ()


def test_a_policy_that_keeps_out_what_runs_is_found_in_the_cluster(tmp_path: Path) -> None:
    rules = {"podSelector": {"matchLabels": {"app": "mongo"}}, "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "api"}}}]}]}
    policy = {"kind": "NetworkPolicy", "metadata": {"name": "guard", "namespace": "live"}, "spec": rules}
    assert [policy.name for policy in running(tmp_path / "shop", "", policy).policies] == ["guard"]
    (finding,) = [each for each in running(tmp_path / "again", "", policy).findings if each.code == "policy-keeps-application-out"]
    assert (finding.what, str(finding.origin)) == (
        "Deployment/web may not reach StatefulSet/mongo: NetworkPolicy guard lets in pods with app=api",
        "NetworkPolicy/guard in the cluster",
    )


def test_of_what_runs_nobody_is_asked_which_dockerfile_builds_it(tmp_path: Path) -> None:
    laid(tmp_path / "shop", {"Dockerfile.dev": FILES["Dockerfile"], "Dockerfile.prod": FILES["Dockerfile"]})
    assert [question.setting for question in reader.read(tmp_path / "shop").questions] == ["stack.image.dockerfile"]
    assert running(tmp_path / "shop", "").questions == ()


def test_a_namespace_in_which_nothing_runs_is_no_stack(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing runs in namespace other that could be taken as it is"):
        adopted.manifests(cast("KubeApi", Lists("live", objects())), ("other",))


def test_an_engine_that_speaks_as_another_does_is_the_owners_to_name(tmp_path: Path) -> None:
    mysql = FILES["k8s/mongo.yaml"].replace("mongo:8.0", "mariadb:11").replace("/data/db", "/var/lib/mysql")
    folder = laid(tmp_path / "shop", {"k8s/mongo.yaml": mysql, "shelterctl.toml": '[database]\nengine = "mysql"\n'})
    assert reader.read(folder).roles.engine is not None
