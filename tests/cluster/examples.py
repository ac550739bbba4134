"""Stacks of examples/, each as a copy whose images, volumes and namespaces have names of their own.

Most run on a profile of their own where there is one, side by side with the tests of the tool's stack: a machine may give a second profile
in SHELTERCTL_TEST_PROFILES (Docker in its node, as most users have it). A module that takes `on_its_profile` is one of those.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import claims, kube
from tests.cluster.commands import REPOSITORY, Shelterctl

OTHERS = tuple(name for name in os.environ.get("SHELTERCTL_TEST_PROFILES", "").split(",") if name)
PROFILE = OTHERS[0] if OTHERS else kube.CONTEXT
_TEXTS = (".yaml", ".yml")


@contextmanager
def example(
    name: str, tmp_path: Path, *, images: Sequence[str], volumes: Sequence[str] = (), paths: Sequence[str] = (), spaces: Sequence[str] = ()
) -> Iterator[Shelterctl]:
    """A stack in a folder, and a namespace of its own where its manifests state none.

    `images` are those that it builds (without a tag), `volumes` its PersistentVolumes, `paths` where these keep their data in the node, and
    `spaces` the namespaces that its manifests make: each gets a name that no other test has.
    """
    folder = tmp_path / name
    shutil.copytree(REPOSITORY / "examples" / name, folder, ignore=shutil.ignore_patterns(".shelterctl", "node_modules"))
    mark = secrets.token_hex(3)
    for path in folder.rglob("*"):
        if path.suffix in _TEXTS and path.is_file():
            text = path.read_text()
            for word in (*images, *volumes, *paths):
                text = text.replace(word, f"{word}-{mark}")
            for space in spaces:
                # As a namespace, in a DNS name, and as the name of the Namespace itself.
                text = re.sub(rf"(namespace: |\.){space}\b(?!-)", rf"\g<1>{space}-{mark}", text)
                text = re.sub(rf"(kind: Namespace\nmetadata:\n  name: ){space}\b(?!-)", rf"\g<1>{space}-{mark}", text)
            path.write_text(text)
    namespace = f"{claims.PREFIX}-{mark}"
    own = (namespace, *(f"{space}-{mark}" for space in spaces))
    claims.claim(*own)
    kube.kubectl("create", "namespace", namespace)
    environment = {"SHELTERCTL_PROFILE": kube.CONTEXT}
    defaults = ("--node-port", str(kube.free_node_port()), "--no-wait-hpa")
    try:
        yield Shelterctl(namespace, tmp_path / "state", folder, defaults, environment, tmp_path)
    finally:
        claims.release(*own)
        for volume in volumes:
            kube.kubectl("delete", "persistentvolume", f"{volume}-{mark}", "--ignore-not-found", "--wait=false")
        for kept in paths:
            subprocess.run(["docker", "exec", kube.CONTEXT, "rm", "-rf", f"{kept}-{mark}"], capture_output=True, timeout=60, check=False)
        listed = ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]
        found = subprocess.run(listed, capture_output=True, text=True, timeout=60, check=False).stdout.split()
        built = [line for line in found if f"-{mark}:" in line]
        subprocess.run(["docker", "rmi", "--force", *built], capture_output=True, timeout=60, check=False)
        subprocess.run(["minikube", "-p", kube.CONTEXT, "image", "rm", *built], capture_output=True, timeout=60, check=False)


def pods(stack: Shelterctl) -> list[dict[str, Any]]:
    return kube.items(stack.namespace, "pods")


@pytest.fixture
def on_its_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tests look at with kubectl is where the examples are."""
    monkeypatch.setattr(kube, "CONTEXT", PROFILE)


def killed_as_expected(stack: Shelterctl, lie: str, expected: dict[str, Any]) -> None:
    """Deploys a liar, kills its database, and holds what is said of it to what was expected."""
    stack("up", expect=expected.get("up_exit_code", 0))
    # The last of an option given twice is the one that holds.
    options = ("--warm-up", "1s", "--after-acks", "20", *expected.get("options", ()))
    killed = stack("chaos", "kill-db", *options, expect=None, timeout_s=300.0).result
    found = {key: (killed[part] or {}).get("verdict") for key, part in (("verdict", "judgement"), ("data", "data"), ("service", "service"))}
    assert {key: expected.get(key, verdict) for key, verdict in found.items()} == found, (lie, killed["judgement"])
    assert expected.get("not_service", "") != found["service"], (lie, killed["judgement"])
    assert killed["acknowledged"] == expected.get("acknowledged", killed["acknowledged"])
    amounts = {**(killed["counts"] or {}), "indeterminate": killed["indeterminate"]}
    assert all(amounts[kind] > 0 for kind in expected.get("counts", ())), (lie, amounts)
    reasons = [reason for part in ("judgement", "data", "service") for reason in (killed[part] or {}).get("reasons", ())]
    said = [*killed["notes"], *(f"{reason['text']} {reason['next_command']}" for reason in reasons)]
    assert any(re.search(expected.get("says", ""), text) for text in [*said, ""]), (lie, said)
