"""The lint passes on the manifests, and each of its tools finds what it is there for."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.manifests.rendering import MANIFESTS, ROOT

pytestmark = pytest.mark.local

VENV = Path(os.environ.get("MANIFESTS_VENV", ROOT / ".venv-manifests"))


def lint(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not on the PATH")
    if not (VENV / "bin" / "checkov").exists():
        pytest.skip(f"checkov is not in {VENV}")
    words = [str(ROOT / "tools" / "lint_manifests.sh"), *arguments]
    return subprocess.run(words, capture_output=True, text=True, timeout=600, env={**os.environ, **environment})


def spoilt(folder: Path, file: str, before: str, after: str) -> None:
    """Replaces the first occurrence."""
    text = (folder / file).read_text()
    assert before in text
    (folder / file).write_text(text.replace(before, after, 1))


def test_the_manifests_pass() -> None:
    done = lint()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:4] == [
        "overlay minikube-quota: 19 objects",
        "overlay minikube-two-namespaces: 20 objects",
        "overlay minikube: 17 objects",
        "kubernetes-validate: 56 objects checked for Kubernetes 1.30 1.34 1.37",
    ]
    assert "Failed checks: 0" in done.stdout.splitlines()[4]


def test_each_tool_finds_its_kind_of_fault(tmp_path: Path) -> None:
    copy = tmp_path / "manifests"
    shutil.copytree(MANIFESTS, copy)
    # A password in the sources that the rendered overlays no longer show: a patch replaces it.
    spoilt(copy, "base/app/kustomization.yaml", "HOST=mongodb-0.mongodb:27017", "HOST=mongodb://root:hunter2@mongodb")
    # A field that does not exist, a privilege, and two spaces at the end of a line.
    spoilt(copy, "base/app/deployment.yaml", "minReadySeconds: 1", "minReadySecond: 1")
    spoilt(copy, "base/app/deployment.yaml", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false")
    spoilt(copy, "base/app/service.yaml", "kind: Service", "kind: Service  ")
    spoilt(copy, "overlays/minikube-quota/kustomization.yaml", "components/quota", "components/absent")
    done = lint(str(copy))
    assert done.returncode == 1
    for finding in (
        "base/app/service.yaml",
        "trailing spaces",
        "overlay minikube-quota cannot be rendered",
        "minReadySecond",
        "CKV_K8S_22",
        "CKV_SECRET_4",
        "base/app/kustomization.yaml.txt:",
    ):
        assert finding in done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith("lint_manifests: ")] == [
        "lint_manifests: yamllint found something",
        "lint_manifests: overlay minikube-quota cannot be rendered",
        "lint_manifests: kubernetes-validate found something for Kubernetes 1.30",
        "lint_manifests: kubernetes-validate found something for Kubernetes 1.34",
        "lint_manifests: kubernetes-validate found something for Kubernetes 1.37",
        "lint_manifests: checkov found something",
    ]


def test_a_tool_that_is_missing_is_no_pass(tmp_path: Path) -> None:
    done = lint(MANIFESTS_VENV=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"lint_manifests: no yamllint in {tmp_path}/bin")
