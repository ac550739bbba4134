"""How the application is configured, and when a change of it restarts pods."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.manifests.rendering import MANIFESTS, Rendered, render

pytestmark = pytest.mark.local

SETTINGS = {
    "SHELTER_MONGO_HOST": "mongodb-0.mongodb:27017",
    "SHELTER_MONGO_DATABASE": "shelter",
    "SHELTER_MONGO_USER": "shelter-app",
    "SHELTER_MONGO_PASSWORD_FILE": "/run/secrets/mongodb/app-password",
    "SHELTER_MONGO_TIMEOUT_MS": "2000",
    "SHELTER_MONGO_SELECTION_TIMEOUT_MS": "500",
    "SHELTER_TIMEZONE": "UTC",
}


def config_name(rendered: Rendered) -> str:
    """The ConfigMap that the Deployment reads."""
    (source,) = rendered.container("Deployment", "app")["envFrom"]
    name: str = source["configMapRef"]["name"]
    return name


def test_the_application_reads_these_settings(minikube: Rendered) -> None:
    assert minikube.one("ConfigMap", config_name(minikube))["data"] == SETTINGS


def test_across_namespaces_the_database_has_its_full_name(two_namespaces: Rendered) -> None:
    host = {"SHELTER_MONGO_HOST": "mongodb-0.mongodb.shelter-db.svc.cluster.local:27017"}
    assert two_namespaces.one("ConfigMap", config_name(two_namespaces))["data"] == SETTINGS | host


def test_the_pod_knows_its_name(each: Rendered) -> None:
    assert each.container("Deployment", "app")["env"] == [
        {"name": "SHELTER_POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    ]


def edited(tmp_path: Path, file: str, before: str, after: str) -> Rendered:
    """The overlay minikube of a copy in which one file was changed."""
    copy = tmp_path / "manifests"
    shutil.copytree(MANIFESTS, copy)
    text = (copy / file).read_text()
    assert text.count(before) == 1
    (copy / file).write_text(text.replace(before, after))
    return render(copy / "overlays" / "minikube")


def test_a_changed_setting_is_a_new_config_map_and_so_a_rollout(minikube: Rendered, tmp_path: Path) -> None:
    changed = edited(tmp_path, "base/app/kustomization.yaml", "TIMEZONE=UTC", "TIMEZONE=Europe/Rome")
    assert config_name(changed) != config_name(minikube)
    assert changed.one("ConfigMap", config_name(changed))["data"]["SHELTER_TIMEZONE"] == "Europe/Rome"
    assert changed.one("StatefulSet", "mongodb") == minikube.one("StatefulSet", "mongodb")


def test_a_changed_comment_restarts_nothing(minikube: Rendered, tmp_path: Path) -> None:
    changed = edited(tmp_path, "base/app/kustomization.yaml", "      # Short, so", "      # Brief, so")
    assert changed == minikube


def test_a_changed_init_script_does_not_restart_the_database(minikube: Rendered, tmp_path: Path) -> None:
    changed = edited(tmp_path, "base/mongodb/init/10-app-user.js", "const name =", "const account =")
    assert changed.one("ConfigMap", "mongodb-init") != minikube.one("ConfigMap", "mongodb-init")
    assert changed.one("StatefulSet", "mongodb") == minikube.one("StatefulSet", "mongodb")


def test_the_init_script_makes_the_user_that_the_application_is(minikube: Rendered) -> None:
    script = minikube.one("ConfigMap", "mongodb-init")["data"]["10-app-user.js"]
    assert re.findall(r"const name = '(.*)'", script) == [SETTINGS["SHELTER_MONGO_USER"]]
    assert re.findall(r"getSiblingDB\('(.*)'\)", script) == [SETTINGS["SHELTER_MONGO_DATABASE"]]
    assert re.findall(r"role: '(.*?)', db: '(.*?)'", script) == [("readWrite", SETTINGS["SHELTER_MONGO_DATABASE"])]
