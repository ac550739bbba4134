"""What is shown and kept of an object holds no password, wherever its owner wrote it."""

from __future__ import annotations

import base64
import json

import pytest

from shelterctl.adapters.kube.apply import _diff
from shelterctl.adapters.kube.shown import without_secrets

pytestmark = pytest.mark.unit

PASSWORD = "a-password-of-an-example"


def deployment(password: str) -> dict[str, object]:
    env = [
        {"name": "MONGO_URI", "value": f"mongodb://admin:{password}@mongo:27017/notes"},
        {"name": "DB_PASSWORD", "value": password},
        {"name": "PLAIN", "value": "plain"},
        {"name": "FROM", "valueFrom": {"secretKeyRef": {"name": "mongo-secret", "key": "password"}}},
    ]
    kept = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps({"password": password}), "note": "kept"}
    pod = {"containers": [{"name": "web", "env": env}], "volumes": [{"name": "s", "secret": {"secretName": "mongo-secret"}}]}
    return {"kind": "Deployment", "metadata": {"name": "web", "annotations": kept}, "spec": {"template": {"spec": pod}}, "status": {}}


def test_no_password_is_left() -> None:
    shown = json.dumps(without_secrets(deployment(PASSWORD)))
    assert PASSWORD not in shown
    for word in ("mongodb://admin:(not shown ", "@mongo:27017/notes", "plain", "mongo-secret", '"key": "password"', "kept"):
        assert word in shown
    settings = {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"MYSQL_PASSWORD": PASSWORD, "MYSQL_HOST": "mysql"}}
    assert PASSWORD not in json.dumps(without_secrets(settings))
    encoded = base64.b64encode(PASSWORD.encode()).decode()
    secret = {"kind": "Secret", "metadata": {"name": "s"}, "data": {"password": encoded}}
    assert encoded not in json.dumps(without_secrets(secret))


def test_another_password_is_a_change() -> None:
    """What is hidden must not seem to be equal: a changed Secret would be told as one that stayed."""
    diff = _diff(deployment(PASSWORD), deployment("another"), "deployment/web")
    assert diff
    assert PASSWORD not in "".join(diff)
    assert not _diff(deployment(PASSWORD), deployment(PASSWORD), "deployment/web")
