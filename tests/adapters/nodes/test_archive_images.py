"""kind's and k3d's nodes: which contexts are theirs, how an image is loaded, and that only the nodes' own word counts.

The programs here are stand-ins for arguments and failures, in the form that kind 0.33 and k3d's documentation have them. The last test
loads with the real kind into a real containerd, where both are at hand; k3d was never run.
"""

from __future__ import annotations

import json
import re
import shutil
import time
import uuid
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from shelterctl.adapters import process
from shelterctl.adapters.builder.engine import DockerEngine
from shelterctl.adapters.builder.oci_archive import SavedImage
from shelterctl.adapters.nodes import store
from shelterctl.adapters.nodes.archive_images import ArchiveImages
from shelterctl.adapters.nodes.containers import K3D, KIND, Maker, container_nodes, maker_of
from shelterctl.core.deploy.image import LoadReport, LocalImage
from shelterctl.errors import ImageLoadFailed, ProgramMissing
from shelterctl.ports.capabilities import Lacking

pytestmark = pytest.mark.local

IMAGE = LocalImage("shelter-app:1", f"sha256:{'a' * 64}", ("sha256:l1", "sha256:l2"), 12)
NODES = {KIND: ("shop-control-plane", "shop-worker"), K3D: ("k3d-shop-server-0", "k3d-shop-agent-0")}
#: As kind's kubelets and k3s give them.
PROVIDER = {KIND: "kind://docker/shop/{}", K3D: "k3s://{}"}


class Source:
    """An image that is a few bytes."""

    def save(self, reference: str) -> Generator[bytes, None, None]:
        yield b"an archive "
        yield f"of {reference}".encode()

    def parts(self, image: LocalImage, wanted: Sequence[str], known_configs: Sequence[bytes], folder: Path) -> SavedImage | None:
        raise AssertionError("a whole archive is loaded")


def a_node(name: str, provider: str) -> dict[str, Any]:
    """As the API has it."""
    return {"metadata": {"name": name}, "spec": {"providerID": provider} if provider else {}}


def nodes_of(maker: Maker) -> list[dict[str, Any]]:
    return [a_node(name, PROVIDER[maker].format(name)) for name in NODES[maker]]


def listing(image_id: str) -> str:
    """As `crictl images -o json` has it of an image that was imported with `--digests`, as kind does."""
    name = "docker.io/library/import-2026-11-30@sha256:" + "d" * 64
    return json.dumps({"images": [{"id": image_id, "repoTags": ["docker.io/library/shelter-app:1"], "repoDigests": [name]}]})


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with a shell, and a docker whose nodes have no images."""
    for name in ("sh", "cat", "cp"):
        found = shutil.which(name)
        assert found is not None
        (tmp_path / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(store, "APPEAR_TIMEOUT_S", 0.2)
    for node in (*NODES[KIND], *NODES[K3D]):
        (tmp_path / node).write_text('{"images": []}')
    # docker exec -i NODE crictl images -o json; docker container inspect -f FORMAT NODE NODE
    program(tmp_path, "docker", f'case "$1" in exec) cat {tmp_path}/$3;; container) echo shop; echo shop;; esac')
    return tmp_path


def program(here: Path, name: str, script: str) -> None:
    file = here / name
    file.write_text(f'#!/bin/sh\necho "{name} $@" >> {here}/asked\n{script}\n')
    file.chmod(0o755)


def loading(here: Path, name: str, image_id: str, nodes: Sequence[str]) -> None:
    """A program that keeps what it is given, and after which the nodes have the image."""
    (here / "listing").write_text(listing(image_id))
    program(here, name, "\n".join([f"cp $3 {here}/given", *(f"cp {here}/listing {here}/{node}" for node in nodes)]))


def images(maker: Maker) -> ArchiveImages:
    shells = container_nodes(maker, "shop", nodes_of(maker))
    assert not isinstance(shells, Lacking)
    return ArchiveImages(maker, "shop", shells, Source())


@pytest.mark.parametrize(
    ("context", "meant"),
    [
        ("kind-shop", (KIND, "shop")),
        ("kind-a-b", (KIND, "a-b")),
        ("k3d-shop", (K3D, "shop")),
        ("minikube", None),
        ("kind", None),
        ("kind-", None),
        ("my-kind-shop", None),
    ],
)
def test_what_a_contexts_name_suggests(context: str, meant: tuple[Maker, str] | None) -> None:
    assert maker_of(context) == meant


@pytest.mark.parametrize("maker", [KIND, K3D])
def test_the_nodes_are_containers_with_a_shell_each(here: Path, maker: Maker) -> None:
    shells = container_nodes(maker, "shop", nodes_of(maker))
    assert not isinstance(shells, Lacking)
    assert [shell.argv(["true"]) for shell in shells] == [["docker", "exec", "-i", name, "true"] for name in NODES[maker]]
    assert maker.label in (here / "asked").read_text()


@pytest.mark.parametrize(
    ("maker", "nodes", "says"),
    [
        (KIND, [], "the cluster has no nodes"),
        (KIND, [{"metadata": {"name": "worker-1"}, "spec": {"providerID": "aws:///eu/i-1"}}], "worker-1 is no node of kind's cluster shop"),
        (KIND, [{"metadata": {"name": "worker-1"}, "spec": {}}], "worker-1 is no node"),
        (
            KIND,
            [{"metadata": {"name": "x-control-plane"}, "spec": {"providerID": "kind://docker/x/x-control-plane"}}],
            "x-control-plane is no",
        ),
        (
            K3D,
            [{"metadata": {"name": "k3d-other-server-0"}, "spec": {"providerID": "k3s://k3d-other-server-0"}}],
            "k3d-other-server-0 is no",
        ),
        (K3D, [{"metadata": {"name": "machine"}, "spec": {"providerID": "k3s://machine"}}], "machine is no node of k3d's cluster shop"),
    ],
)
def test_a_context_that_is_only_named_so(here: Path, maker: Maker, nodes: list[dict[str, Any]], says: str) -> None:
    found = container_nodes(maker, "shop", nodes)
    assert isinstance(found, Lacking)
    assert says in found.what


def test_nodes_that_are_containers_elsewhere(here: Path) -> None:
    program(here, "docker", "echo 'Error response from daemon: No such container: shop-control-plane' >&2; exit 1")
    found = container_nodes(KIND, "shop", nodes_of(KIND))
    assert isinstance(found, Lacking)
    assert found.what.endswith("no containers of this machine's Docker: Error response from daemon: No such container: shop-control-plane")
    program(here, "docker", "echo shop; echo other")
    assert isinstance(container_nodes(KIND, "shop", nodes_of(KIND)), Lacking)
    (here / "docker").unlink()
    missing = container_nodes(KIND, "shop", nodes_of(KIND))
    assert isinstance(missing, Lacking)
    assert "docker is not on the PATH" in missing.what


@pytest.mark.parametrize(
    ("maker", "command"),
    [(KIND, r"kind load image-archive (\S+/image\.tar) --name shop"), (K3D, r"k3d image import (\S+/image\.tar) -c shop")],
)
def test_an_image_is_loaded_by_the_program_that_made_the_cluster(here: Path, maker: Maker, command: str) -> None:
    loading(here, maker.program, IMAGE.image_id, NODES[maker])
    nodes = images(maker)
    assert nodes.image_ids() == {}
    report = nodes.load(IMAGE)
    assert report == LoadReport(IMAGE.reference, " ".join(maker.load[:3]), 2 * len(b"an archive of shelter-app:1"), 2, 0)
    assert (here / "given").read_text() == "an archive of shelter-app:1"
    (asked,) = [line for line in (here / "asked").read_text().splitlines() if line.startswith(maker.program)]
    found = re.fullmatch(command, asked)
    assert found is not None
    assert not Path(found[1]).exists()
    assert nodes.image_ids() == {IMAGE.reference: IMAGE.image_id}
    assert nodes.ids_by_digest() == {f"sha256:{'d' * 64}": IMAGE.image_id}
    assert nodes.runtime() == "containerd"


@pytest.mark.parametrize("maker", [KIND, K3D])
def test_a_program_that_ends_well_has_loaded_nothing_until_every_node_says_so(here: Path, maker: Maker) -> None:
    """k3d logs the error of a node, and ends with 0."""
    loading(here, maker.program, IMAGE.image_id, NODES[maker][:1])
    with pytest.raises(ImageLoadFailed, match=f"node {NODES[maker][1]} does not have the shelter-app:1 that was sent") as caught:
        images(maker).load(IMAGE)
    assert caught.value.why == f"it has no image of that name, sent was {IMAGE.image_id}"
    assert caught.value.next_command == f"docker exec {NODES[maker][0]} crictl images"


def test_another_image_under_the_name_is_not_the_one_that_was_sent(here: Path) -> None:
    loading(here, "kind", "sha256:other", NODES[KIND])
    with pytest.raises(ImageLoadFailed, match="does not have") as caught:
        images(KIND).load(IMAGE)
    assert caught.value.why == f"it has sha256:other, sent was {IMAGE.image_id}"


def test_a_program_that_fails(here: Path) -> None:
    program(here, "kind", "echo 'ERROR: no nodes found for cluster \"shop\"' >&2; exit 1")
    with pytest.raises(ImageLoadFailed, match="shelter-app:1 could not be loaded into the nodes of kind-shop") as caught:
        images(KIND).load(IMAGE)
    assert caught.value.why == 'ERROR: no nodes found for cluster "shop"'
    assert caught.value.next_command == "kind load docker-image shelter-app:1 --name shop"


@pytest.mark.parametrize("maker", [KIND, K3D])
def test_without_the_program_it_is_named_with_the_way_around_it(here: Path, maker: Maker) -> None:
    with pytest.raises(ProgramMissing, match=f"{maker.program} is not on the PATH: it is what loads shelter-app:1") as caught:
        images(maker).load(IMAGE)
    assert "up --registry HOST/PATH" in caught.value.why
    assert caught.value.next_command == f"install {maker.program}: {maker.install}"


@pytest.fixture
def node() -> Iterator[str]:
    """A container with containerd, labelled as kind labels its nodes: that is how kind finds them. There is no Kubernetes in it."""
    if shutil.which("kind") is None:
        pytest.skip("kind is not on the PATH")
    base = process.run(["docker", "container", "inspect", "-f", "{{.Config.Image}}", "minikube"], timeout_s=30, check=False)
    if base.returncode != 0:
        pytest.skip("no node of minikube's is at hand, whose image has a containerd")
    cluster = f"shelterctl-test-{uuid.uuid4().hex[:8]}"
    name = f"{cluster}-control-plane"
    labels = ["--label", f"io.x-k8s.kind.cluster={cluster}", "--label", "io.x-k8s.kind.role=control-plane"]
    place = ["--tmpfs", "/run", "-v", "/var/lib/containerd", "--entrypoint", "containerd"]
    process.run(["docker", "run", "-d", "--privileged", "--name", name, *labels, *place, base.text.strip()], timeout_s=60)
    try:
        deadline = time.monotonic() + 30
        while process.run(["docker", "exec", name, "crictl", "images", "-o", "json"], timeout_s=30, check=False).returncode != 0:
            if time.monotonic() > deadline:
                pytest.skip("the image of minikube's node has no containerd that answers by itself")
            time.sleep(0.2)
        yield cluster
    finally:
        process.run(["docker", "rm", "-f", "-v", name], timeout_s=60)


@pytest.mark.docker("busybox:1.37")
def test_the_real_kind_into_a_real_containerd(node: str) -> None:
    name = f"{node}-control-plane"
    shells = container_nodes(KIND, node, [a_node(name, f"kind://docker/{node}/{name}")])
    assert not isinstance(shells, Lacking)
    engine = DockerEngine()
    image = engine.inspect("busybox:1.37")
    assert image is not None
    nodes = ArchiveImages(KIND, node, shells, engine)
    assert "busybox:1.37" not in nodes.image_ids()
    assert nodes.load(image).sent_bytes > image.size_bytes
    assert nodes.image_ids()["busybox:1.37"] == image.image_id
    assert image.image_id in nodes.ids_by_digest().values()
