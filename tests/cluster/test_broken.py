"""The faults of examples/broken through `up`: each is named by its cause, and in time. The files' faults end it before anything is made.

With a path in SHELTERCTL_FAULT_TIMES the seconds to each finding are written there, as rows of a table.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shelterctl.core.stack.documents import Origin
from shelterctl.core.stack.model import StackFinding, Weight
from shelterctl.core.stack.provable import keeps_from_deploying
from tests.cluster import claims, kube
from tests.cluster.commands import Ran, Shelterctl
from tests.cluster.examples import example
from tests.stack.broken import EXAMPLES, FAULTS, broken, expected_of

# On the first profile: the stacks beside it take longer.
pytestmark = pytest.mark.cluster

ON_THE_CLUSTER = [fault for fault in FAULTS if "up" in expected_of(fault)]
#: Without a cluster's answer; the rest is command start, prerequisites and reading the folder.
STATIC_WITHIN_S = 15.0
#: What `up` may wait at most: it must end before, by its judgement.
LONG = ("--timeout", "140s")
IMAGE = "notes-app"
NODE_PORT = 30080


def keeps(expected: dict[str, Any]) -> bool:
    """Whether `up` must refuse by the files alone."""
    code, weight = expected.get("finding"), expected.get("weight")
    return code is not None and keeps_from_deploying(StackFinding(code, Weight(weight), "", Origin("")))


def timed(stack: Shelterctl, fault: str, *options: str, expect: int, within_s: float, record: Any) -> Ran:
    """`up`, held to its time, which is written down."""
    began_s = time.monotonic()
    ran = stack("up", *options, expect=expect)
    took_s = time.monotonic() - began_s
    record(f"{fault}_seconds", round(took_s, 1))
    if path := os.environ.get("SHELTERCTL_FAULT_TIMES"):
        with Path(path).open("a") as table:
            table.write(f"| {fault} | {took_s:.1f} s | {ran.error['what']} |\n")
    assert took_s <= within_s, ran.shown()
    assert "not complete after" not in ran.error["what"], ran.shown()
    return ran


def test_what_the_files_show_ends_up_before_anything_is_made(namespace: Shelterctl, tmp_path: Path, record_property: Any) -> None:
    refused = [fault for fault in FAULTS if keeps(expected_of(fault))]
    assert len(refused) > 12
    for fault in refused:
        folder, expected = broken(fault, tmp_path / fault)
        stack = Shelterctl(namespace.namespace, tmp_path / "state", folder, streams=tmp_path)
        ran = timed(stack, fault, expect=3, within_s=STATIC_WITHIN_S, record=record_property)
        # Where its objects state no namespace, they go where the command says.
        said = expected["says"].replace("not in default", f"not in {namespace.namespace}")
        assert (ran.error["type"], said in ran.error["what"]) == ("Refused", True), (fault, ran.shown())
        assert "nothing was built or applied" in ran.error["why"], (fault, ran.shown())
    assert not kube.exists(namespace.namespace)


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelterctl]:
    """The stack without a fault, with one pod of the application: built, loaded and there. A fault is laid over it."""
    folder = tmp_path_factory.mktemp("broken")
    with example("notes", folder, images=[IMAGE], volumes=["mongo-pv"], paths=["/data/mongo"]) as stack:
        for name, old in (("flask-deployment", "replicas: 2"), ("hpa", "minReplicas: 2")):
            manifest = stack.folder / "k8s" / f"{name}.yaml"
            manifest.write_text(manifest.read_text().replace(old, old.replace("2", "1")))
        shutil.copytree(stack.folder, folder / "whole")
        stack("up")
        yield stack


def laid(stack: Shelterctl, fault: str, port: int) -> dict[str, Any]:
    """Puts the fault over the whole stack, with the names that this one has."""
    expected, patch, whole = expected_of(fault), EXAMPLES / "broken" / fault, stack.folder.parent / "whole"
    shutil.rmtree(stack.folder)
    shutil.copytree(whole, stack.folder)
    mark = stack.namespace.removeprefix(f"{claims.PREFIX}-")
    for file in patch.glob("k8s/*.yaml"):
        text = file.read_text().replace(f"{IMAGE}:", f"{IMAGE}-{mark}:").replace("replicas: 2", "replicas: 1")
        (stack.folder / "k8s" / file.name).write_text(text)
    for name in expected.get("remove", ()):
        if name.endswith(".yaml"):
            kube.kubectl("-n", stack.namespace, "delete", "--ignore-not-found", "-f", str(stack.folder / name))
            # What runs has read it already.
            kube.kubectl("-n", stack.namespace, "delete", "pods", "-l", "app=mongo", "--force", "--grace-period=0", check=False)
        (stack.folder / name).unlink()
    service = stack.folder / "k8s" / "flask-service.yaml"
    service.write_text(service.read_text().replace(str(NODE_PORT), str(port)))
    return expected


@pytest.fixture
def beside(notes: Shelterctl) -> Iterator[str]:
    """A namespace of somebody else's."""
    # The one of the test before may still be on its way out.
    namespace = f"{notes.namespace}-{secrets.token_hex(2)}"
    claims.claim(namespace)
    kube.kubectl("create", "namespace", namespace)
    yield namespace
    claims.release(namespace)


@pytest.mark.parametrize("fault", ON_THE_CLUSTER)
def test_what_only_the_cluster_shows_is_named_by_its_cause(
    fault: str, notes: Shelterctl, beside: str, record_property: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = kube.free_node_port()
    expected = laid(notes, fault, port)
    up, said = expected["up"], expected["up"]["says"].replace(str(NODE_PORT), str(port))
    # The node port is in the file: an option would take the fault away.
    monkeypatch.setattr(notes, "defaults", ("--no-wait-hpa",))
    if "beside" in expected:
        theirs = (EXAMPLES / "broken" / fault / expected["beside"]).read_text().replace(str(NODE_PORT), str(port))
        kube.kubectl("-n", beside, "apply", "-f", "-", stdin=theirs)
        said += beside
    ran = timed(notes, fault, *LONG, *up.get("options", ()), expect=up["exit_code"], within_s=up["within_s"], record=record_property)
    error = ran.error
    assert said in " ".join((error["what"], error["why"])), ran.shown()
    # Completed with what this run was told: where its stack is.
    assert up["next"] in re.sub(r" --(namespace|state-dir) \S+", "", error["next_command"]), ran.shown()


def test_without_the_fault_it_is_there_again(notes: Shelterctl) -> None:
    """What a fault left behind is no fault: the same folder as before is deployed by one `up`."""
    shutil.rmtree(notes.folder)
    shutil.copytree(notes.folder.parent / "whole", notes.folder)
    assert all(pod["ready"] for pod in notes("up").result["pods"] if not pod["deleting"])
