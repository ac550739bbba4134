"""What a pod's volumes are made of, and what stands in files instead of in variables."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelterctl.adapters.stack import reader
from shelterctl.core.stack.model import Weight

pytestmark = pytest.mark.unit

APP = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: web:1
          env:
            - {name: DB_PASSWORD_FILE, value: /run/secrets/db/password}
            - {name: API_TOKEN, value: abc}
          volumeMounts: [{name: db, mountPath: /run/secrets/db}]
      volumes:
        - name: db
          VOLUME
"""
MADE = """
---
apiVersion: v1
kind: KIND
metadata: {name: db}
stringData: {password: x}
"""


def codes(tmp_path: Path, volume: str, more: str = "") -> set[tuple[str, Weight]]:
    (tmp_path / "web.yaml").write_text(APP.replace("VOLUME", volume) + more)
    wanted = ("secret-missing", "config-missing", "secret-key-missing")
    return {(finding.code, finding.weight) for finding in reader.read(tmp_path).findings if finding.code in wanted}


@pytest.mark.parametrize(
    ("volume", "code"),
    [
        ("secret: {secretName: db}", "secret-missing"),
        ("configMap: {name: db}", "config-missing"),
        ("projected: {sources: [{secret: {name: db}}]}", "secret-missing"),
        ("projected: {sources: [{serviceAccountToken: {path: t}}, {configMap: {name: db}}]}", "config-missing"),
    ],
)
def test_a_volume_of_something_that_no_manifest_has(tmp_path: Path, volume: str, code: str) -> None:
    assert codes(tmp_path, volume) == {(code, Weight.BLOCKS)}


@pytest.mark.parametrize(
    "volume",
    [
        "secret: {secretName: db, optional: true}",
        "projected: {sources: [{configMap: {name: kube-root-ca.crt}}]}",
        "emptyDir: {}",
    ],
)
def test_a_volume_that_lacks_nothing(tmp_path: Path, volume: str) -> None:
    assert codes(tmp_path, volume) == set()


def test_the_key_that_a_volume_wants(tmp_path: Path) -> None:
    made = MADE.replace("KIND", "Secret")
    assert codes(tmp_path, "secret: {secretName: db, items: [{key: password, path: p}]}", made) == set()
    assert codes(tmp_path, "secret: {secretName: db, items: [{key: pass, path: p}]}", made) == {("secret-key-missing", Weight.BLOCKS)}


def test_the_name_of_a_file_is_no_password_in_clear(tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text(APP.replace("VOLUME", "emptyDir: {}"))
    stack = reader.read(tmp_path)
    (container,) = stack.workloads[0].containers
    shown = {variable.name: (variable.shown, variable.password_in_clear) for variable in container.variables}
    assert shown == {"DB_PASSWORD_FILE": ("/run/secrets/db/password", False), "API_TOKEN": ("***", True)}
