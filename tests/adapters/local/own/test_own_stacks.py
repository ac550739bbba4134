"""The examples' stacks as this machine would run them: variables, users, probes, the autoscaler, and what is refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from shelterctl.adapters.local.own import manifest, mariadb, refusals, variables
from shelterctl.adapters.local.spec import ProbeSpec
from shelterctl.adapters.stack.reader import read
from shelterctl.core.stack.stack import Stack
from shelterctl.errors import Refused

pytestmark = pytest.mark.unit
EXAMPLES = Path(__file__).resolve().parents[4] / "examples"


def stack(name: str) -> Stack:
    return read(EXAMPLES / name)


def changed(tmp_path: Path, file: str, old: str, new: str, *, of: str = "notes") -> Stack:
    folder = tmp_path / of
    shutil.copytree(EXAMPLES / of, folder, ignore=shutil.ignore_patterns(".shelterctl"))
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    return read(folder)


def test_a_uri_leads_to_the_database_here_with_its_user() -> None:
    found = variables.of_application(stack("notes"))
    assert found.late == {"MONGODB_URI": "mongodb://admin:notes-example@127.0.0.1:{database_port}/flask_db?authSource=admin"}
    assert (found.leads, found.port_wanted) == (True, None)


def test_references_in_values_and_secrets_are_resolved() -> None:
    found = variables.of_application(stack("notes-001"))
    assert found.late["MONGODB_URI"] == "mongodb://notesadmin:notes-001-example@127.0.0.1:{database_port}/?authSource=admin"
    assert found.fixed["MONGO_PASSWORD"] == "notes-001-example"


def test_a_host_and_a_port_of_their_own(tmp_path: Path) -> None:
    found = variables.of_application(stack("notes-003"))
    assert found.late == {"DB_HOST": "127.0.0.1", "DB_PORT": "{database_port}"}
    assert found.fixed == {"DB_NAME": "notes", "DB_USER": "notes_app", "DB_PASSWORD": "notes-003-example"}
    alone = changed(tmp_path, "k8s/app/config.yaml", '  DB_PORT: "27017"\n', "", of="notes-003")
    # The sources' own default is overridden, too.
    assert variables.of_application(alone).late["DB_PORT"] == "{database_port}"


def test_an_address_that_the_sources_alone_have(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    shutil.copytree(EXAMPLES / "notes", folder, ignore=shutil.ignore_patterns(".shelterctl"))
    deployment = folder / "k8s/flask-deployment.yaml"
    text = deployment.read_text()
    start, end = text.index("          env:"), text.index("          resources:")
    deployment.write_text(text[:start] + text[end:])
    source = (folder / "app.py").read_text().replace("mongodb://localhost:27017/", "mongodb://mongo-service:27017/")
    (folder / "app.py").write_text(source)
    assert variables.of_application(read(folder)).late == {"MONGODB_URI": "mongodb://127.0.0.1:{database_port}/"}


def test_a_database_that_is_called_like_its_service_keeps_its_name(tmp_path: Path) -> None:
    found = variables.of_application(
        changed(tmp_path, "manifests/02-mongo-config.yml", "MONGO_DB: notesdb", "MONGO_DB: mongo-svc", of="notes-002")
    )
    assert (found.fixed["MONGO_DB"], found.late["MONGO_HOST"]) == ("mongo-svc", "127.0.0.1")


def test_options_of_a_replica_set_are_none_of_a_single_server(tmp_path: Path) -> None:
    found = variables.of_application(
        changed(tmp_path, "k8s/flask-deployment.yaml", "?authSource=admin", "?replicaSet=rs0&authSource=admin&tls=true")
    )
    assert found.late["MONGODB_URI"].endswith("{database_port}/flask_db?authSource=admin")


def test_no_value_is_shown() -> None:
    assert "notes-003-example" not in repr(variables.of_application(stack("notes-003")))


def test_the_users_of_the_manifests() -> None:
    assert variables.logins(stack("notes")) == [("admin", "notes-example")]
    assert ("notes_app", "notes-003-example") in variables.logins(stack("notes-003"))


def test_probes_autoscaler_requests_and_rollout() -> None:
    found = manifest.read(stack("notes-003"))
    assert found.readiness == ProbeSpec("/readyz", "http", 3.0, 6.0, 3)
    assert found.liveness == ProbeSpec("/healthz", "http", 10.0, 1.0, 3)
    assert found.scaler is not None
    assert (found.scaler.minimum, found.scaler.maximum, found.scaler.cpu_target_percent) == (2, 4, 70)
    assert found.scaler.behavior == {"scaleDown": {"stabilizationWindowSeconds": 60}}
    assert (found.cpu_request_millicores, found.cpu_limit_millicores, found.max_surge, found.replicas) == (100, 400, 1, None)


def test_what_no_probe_asks_is_not_called_probed() -> None:
    found = manifest.read(stack("notes"))
    assert (manifest.probed(stack("notes")), found.readiness.path, found.liveness) == (False, "", None)


def test_an_hpa_that_goes_by_something_else(tmp_path: Path) -> None:
    found = changed(tmp_path, "k8s/hpa.yaml", "name: cpu", "name: memory")
    assert (manifest.read(found).scaler, manifest.read(found).replicas) == (None, 2)
    assert any("does not go by the CPU" in line for line in manifest.deviations(found))


@pytest.mark.parametrize("name", ["notes", "notes-001", "notes-002", "notes-003", "notes-004", "catalog", "liars"])
def test_what_can_be_had_here(name: str) -> None:
    refusals.check(stack(name))


def test_everything_that_stands_in_the_way_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mariadb, "programs", lambda: None)
    with pytest.raises(Refused, match="Deployment/adoption-db, which is mysql") as refused:
        refusals.check(stack("adoption"), insist=True)
    assert [line.partition(":")[0] for line in refused.value.details] == [
        "Deployment/adoption-db's image dog-adoption-db",
        "Deployment/adoption-frontend, a front end",
    ]
    assert refused.value.next_command == "--target minikube"


def test_a_second_service_is_left_out_where_its_owner_says_so(tmp_path: Path) -> None:
    extra = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: cache}\nspec:\n  selector: {matchLabels: {app: cache}}\n  template:\n"
    extra += "    metadata: {labels: {app: cache}}\n    spec: {containers: [{name: cache, image: redis:7}]}\n---\n"
    found = changed(tmp_path, "k8s/mongo-service.yaml", "apiVersion: v1\n", f"{extra}apiVersion: v1\n")
    with pytest.raises(Refused, match="Deployment/cache, a second service") as refused:
        refusals.check(found)
    assert refused.value.next_command.startswith("shelterctl up --yes")
    assert any("Deployment/cache, a second service is left out" in line for line in refusals.check(found, insist=True))


def test_an_application_that_is_not_built_here() -> None:
    found = stack("notes")
    elsewhere = replace(found, images=tuple(replace(image, build=None) for image in found.images))
    with pytest.raises(Refused, match="Deployment/flask-app") as refused:
        refusals.check(elsewhere, insist=True)
    assert "not built from this folder" in refused.value.why


def test_a_policy_that_nothing_enforces_here_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    shutil.copytree(EXAMPLES / "notes", folder, ignore=shutil.ignore_patterns(".shelterctl"))
    said = "NetworkPolicy guard: nothing enforces it between processes of this machine"
    assert said not in refusals.check(read(folder))
    policy = (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: guard}\nspec: {podSelector: {matchLabels: {app: mongo}}}\n"
    )
    (folder / "k8s" / "policy.yaml").write_text(policy)
    assert said in refusals.check(read(folder))
