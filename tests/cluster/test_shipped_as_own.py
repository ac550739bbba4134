"""The tool's own application as anybody's stack: by its shelterctl.toml alone, with writes told apart by tokens."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import claims, kube
from tests.cluster.commands import REPOSITORY, Shelterctl
from tests.cluster.examples import PROFILE, on_its_profile

__all__ = ["on_its_profile"]
pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group(PROFILE), pytest.mark.usefixtures("on_its_profile")]


@pytest.fixture
def shipped(tmp_path: Path, on_its_profile: None) -> Iterator[Shelterctl]:
    """A copy of it in a namespace of its own, without the line that says that its writes are accounted for by ids."""
    mark = secrets.token_hex(3)
    namespace, image = f"{claims.PREFIX}-{mark}", f"shelter-app-{mark}:dev"
    folder = tmp_path / "project"
    for part in ("app", "manifests"):
        shutil.copytree(REPOSITORY / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    told = (REPOSITORY / "shelterctl.toml").read_text()
    assert 'accounting = "ids"\n' in told
    (folder / "shelterctl.toml").write_text(told.replace('accounting = "ids"\n', "").replace("shelter-app:dev", image))
    deployment = folder / "manifests" / "base" / "app" / "deployment.yaml"
    deployment.write_text(deployment.read_text().replace("shelter-app:dev", image))
    overlay = folder / "manifests" / "overlays" / "minikube" / "kustomization.yaml"
    overlay.write_text(overlay.read_text().replace("namespace: shelter", f"namespace: {namespace}"))
    claims.claim(namespace)
    try:
        defaults = ("--node-port", str(kube.free_node_port()), "--no-wait-hpa")
        yield Shelterctl(namespace, tmp_path / "state", folder, defaults, {"SHELTERCTL_PROFILE": PROFILE}, tmp_path)
    finally:
        claims.release(namespace)
        subprocess.run(["docker", "rmi", "--force", image], capture_output=True, timeout=60, check=False)
        subprocess.run(["minikube", "-p", PROFILE, "image", "rm", image], capture_output=True, timeout=60, check=False)


def test_it_is_driven_as_any_other_stack(shipped: Shelterctl) -> None:
    assert all(claim["possible"] for claim in shipped("inspect").result["claims"])

    first = shipped("up").result
    assert sorted(first["secrets_created"]) == [f"{shipped.namespace}/mongodb-app", f"{shipped.namespace}/mongodb-root"]
    assert first["chain"]["running_ids"] == [first["chain"]["built_id"]]
    made = {name: kube.get(shipped.namespace, "secret", name)["data"] for name in ("mongodb-app", "mongodb-root")}
    assert not shipped("up").result["changed"]

    killed = shipped("chaos", "kill-db", "--warm-up", "2s", "--after-acks", "40").result
    assert killed["judgement"]["verdict"] == "PASS", killed["judgement"]
    assert killed["counts"]["lost"] == killed["counts"]["duplicate"] == 0
    assert killed["acknowledged"] > 40

    # The data stay, and what opens them.
    kept = shipped("down", "--yes").result["kept"]
    assert {"secret/mongodb-app", "secret/mongodb-root", "persistentvolumeclaim/data-mongodb-0"} <= set(kept)
    kube.kubectl("--namespace", shipped.namespace, "delete", "secret", "mongodb-root")
    refused = shipped("up", expect=3).error
    assert refused["what"] == "claim data-mongodb-0 holds a database, and Secret mongodb-root with its password is gone"
    removed = shipped("down", "--delete-data", "--yes").result["removed"]
    assert {"secret/mongodb-app", "persistentvolumeclaim/data-mongodb-0"} <= set(removed)
    assert made["mongodb-app"]["app-password"] != made["mongodb-root"]["password"]
