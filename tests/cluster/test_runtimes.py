"""`up` on each container runtime that a node may have: images, the same tag over another image, and a machine that was stopped.

SHELTERCTL_TEST_PROFILES names profiles beside the tests' own, by a comma between them.
"""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster import claims, kube
from tests.cluster.commands import Ran, Shelterctl
from tests.cluster.examples import OTHERS
from tests.cluster.projects import Project

pytestmark = pytest.mark.cluster

#: Each profile's images are used, and changed, by one worker at a time: another's removal of an image takes shared layers along.
EACH = [pytest.param(profile, marks=pytest.mark.xdist_group(profile)) for profile in (kube.CONTEXT, *OTHERS)]


@dataclass(frozen=True, slots=True)
class OnProfile:
    """Runs commands on one profile, in a namespace and with a project of their own."""

    profile: str
    shelterctl: Shelterctl
    project: Project

    def __call__(self, *arguments: str, expect: int | None = 0, timeout_s: float = 240.0) -> Ran:
        return self.shelterctl(*arguments, "--profile", self.profile, *self.project.option, expect=expect, timeout_s=timeout_s)

    def kubectl(self, *arguments: str) -> str:
        return kube.kubectl("--context", self.profile, *arguments)


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path, project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[OnProfile]:
    """The profile of the test's parameter. Images and the namespace are removed."""
    profile, namespace = str(request.param), f"{claims.PREFIX}-{secrets.token_hex(3)}"
    monkeypatch.setattr(kube, "CONTEXT", profile)
    claims.claim(namespace)
    ports = ("--min", "1", "--max", "2", "--node-port", str(kube.free_node_port()), "--no-wait-hpa")
    on = OnProfile(profile, Shelterctl(namespace, tmp_path / "state", tmp_path, ports), project)
    project.prepend("app/shelter_app/factory.py", "")
    try:
        yield on
    finally:
        reference = on("up", "--dry-run", expect=None).document.get("result") or {}
        claims.release(namespace)
        if chain := reference.get("chain"):
            for argv in (["docker", "image", "rm", chain["reference"]], ["minikube", "-p", profile, "image", "rm", chain["reference"]]):
                subprocess.run(argv, capture_output=True, check=False, timeout=60)


@pytest.mark.parametrize("elsewhere", EACH, indirect=True)
def test_up_a_change_and_another_image_under_the_same_tag(elsewhere: OnProfile, tmp_path: Path) -> None:
    first = elsewhere("up").result
    reference = first["chain"]["reference"]
    assert first["chain"]["running_ids"] == [first["chain"]["built_id"]]

    # Only what the node lacks is sent, on either runtime.
    elsewhere.project.prepend("app/shelter_app/factory.py", "")
    second = elsewhere("up").result
    (report,) = [report for report in second["loads"] if report["reference"] != reference]
    assert report["method"] == "layers"
    assert report["sent_bytes"] < 1_000_000
    assert report["layers_present"] >= 3
    reference = second["chain"]["reference"]

    # The tag is moved to another image, as a build in the node and one beside it leave it: nothing would roll out by itself.
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "Dockerfile").write_text(f"FROM {reference}\nLABEL made={secrets.token_hex(8)}\n")
    subprocess.run(["docker", "build", "-q", "-t", reference, str(folder)], check=True, capture_output=True, timeout=120)
    third = elsewhere("up").result
    assert third["changed"] is True
    assert third["chain"]["built_id"] != second["chain"]["built_id"]
    assert third["chain"]["running_ids"] == [third["chain"]["built_id"]] == [third["chain"]["loaded_id"]]
    fourth = elsewhere("up").result
    assert (fourth["changed"], fourth["chain"]["running_ids"]) == (False, third["chain"]["running_ids"])


# The tests' own profile is not stopped: the other tests share it.
if OTHERS:

    @pytest.mark.parametrize("elsewhere", EACH[1:], indirect=True)
    def test_up_after_the_machine_was_stopped(elsewhere: OnProfile) -> None:
        """What is told of the pods right after the start is of before the stop."""
        elsewhere("up")
        before = subprocess.run(["kubectl", "config", "current-context"], capture_output=True, text=True, check=False).stdout
        subprocess.run(["minikube", "-p", elsewhere.profile, "stop"], check=True, capture_output=True, timeout=120)
        again = elsewhere("up", timeout_s=300).result
        assert again["chain"]["running_ids"] == [again["chain"]["built_id"]]
        assert all(pod["ready"] for pod in again["pods"] if not pod["deleting"])
        assert subprocess.run(["kubectl", "config", "current-context"], capture_output=True, text=True, check=False).stdout == before
