"""Images into a real node: only what it lacks, verified, and what happens when a blob vanishes on the way."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shelterctl.adapters import process
from shelterctl.adapters.builder.engine import DockerEngine
from shelterctl.adapters.builder.oci_archive import LAYER_TAR, LAYER_TAR_GZIP, Blob
from shelterctl.adapters.minikube.containerd import parse_blobs
from shelterctl.adapters.minikube.machine import Minikube
from shelterctl.adapters.minikube.node_images import MinikubeImages, load_failure
from shelterctl.adapters.nodes.shell import NodeShell
from shelterctl.core.deploy.image import LoadReport, LocalImage
from shelterctl.errors import CommandFailed, ImageLoadFailed

ONE, TWO, THREE = (f"sha256:{letter * 64}" for letter in "abc")


@pytest.mark.unit
def test_layers_are_known_by_their_diff_id_however_they_are_stored() -> None:
    gzipped, foreign, unlisted = (f"sha256:{letter * 64}" for letter in "def")
    # Left by an import that broke off: uncompressed it is known by its own digest, compressed by nothing.
    bare, packed = (f"sha256:{digit * 64}" for digit in "12")
    listing = (
        "DIGEST\tSIZE\tAGE\tLABELS\n"
        f"{ONE}\t82.8MB\t2 minutes\tcontainerd.io/distribution.source.x=y,containerd.io/uncompressed={ONE}\n"
        f"{gzipped}\t35.5MB\t2 minutes\tcontainerd.io/uncompressed={TWO}\n"
        f"{foreign}\t1kB\t2 minutes\tcontainerd.io/uncompressed={THREE}\n"
        f"{unlisted}\t1kB\t2 minutes\tcontainerd.io/uncompressed={unlisted}\n"
        f"{THREE}\t1.2kB\t2 minutes\tcontainerd.io/gc.ref.content.l.0={ONE}\n"
        f"{bare}\t2.1MB\t32 minutes\t-\n{packed}\t1.1MB\t32 minutes\t-\n"
        "\n"
        + "".join(
            f"{digest[7:]} {size}\n"
            for digest, size in ((ONE, 82800640), (gzipped, 35540001), (foreign, 1000), (THREE, 1200), (bare, 2168320), (packed, 1100000))
        )
        + "\n"
    ).encode()
    heads = "".join(f"==> {digest[7:]} <==\n{{}}\n" for digest in (ONE, gzipped, foreign, bare, packed)).encode()
    for magic in (b"./", b"\x1f\x8b", b"\x28\xb5", b"bi", b"\x28\xb5"):
        heads = heads.replace(b"{}", magic, 1)
    assert parse_blobs(listing + heads) == {
        ONE: Blob(ONE, 82800640, LAYER_TAR),
        TWO: Blob(gzipped, 35540001, LAYER_TAR_GZIP),
        bare: Blob(bare, 2168320, LAYER_TAR),
    }


@pytest.mark.unit
def test_a_full_disk_in_the_node_is_named() -> None:
    said = "ctr: failed to copy: write /var/lib/containerd/ingest/data: no space left on device"
    error = load_failure("shop", "app:1", CommandFailed("docker exec failed", returncode=1, why=said, details=(said,)))
    assert (error.what, error.why) == ("app:1 does not fit into the node", "no space is left on the node's disk")
    assert error.next_command == "minikube ssh -p shop -- sudo crictl rmi --prune"
    other = load_failure("shop", "app:1", CommandFailed("docker exec failed", returncode=1, why="ctr: connection refused"))
    assert (other.why, other.next_command) == ("ctr: connection refused", "minikube image load -p shop app:1")


DOCKERFILE = 'FROM busybox:1.37\nCOPY middle /m\nCOPY code /c\nCMD ["cat", "/c"]\n'


class Loads:
    """Builds small images and keeps what it takes to load them; removes both at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.engine = DockerEngine()
        machine = Minikube("minikube")
        profile = machine.profile()
        assert profile is not None
        self.runtime = profile.runtime
        self.node: NodeShell = machine.node_shells()[0]
        self.store = MinikubeImages("minikube", self.runtime, machine.node_shells(), self.engine)
        self.name = f"shelterctl-test-{uuid.uuid4().hex[:8]}"
        self.middle = uuid.uuid4().hex * 100
        self.made: list[LocalImage] = []

    def build(self, tag: str, code: str, dockerfile: str = DOCKERFILE) -> LocalImage:
        (self.folder / "middle").write_text(self.middle)
        (self.folder / "code").write_text(code)
        (self.folder / "Dockerfile").write_text(dockerfile)
        for _ in self.engine.build(self.folder, f"{self.name}:{tag}", {}):
            pass
        image = self.engine.inspect(f"{self.name}:{tag}")
        assert image is not None
        self.made.append(image)
        return image

    def blobs(self) -> str:
        return self.node.run(["ctr", "-n", "k8s.io", "content", "ls", "-q"], timeout_s=30).text

    def remove(self) -> None:
        for image in self.made:
            self.node.run(["crictl", "rmi", image.reference], timeout_s=60, check=False)
            process.run(["docker", "rmi", "--force", image.reference, image.image_id], timeout_s=60, check=False)


@pytest.fixture
def loads(tmp_path: Path) -> Iterator[Loads]:
    made = Loads(tmp_path)
    if made.runtime != "containerd":
        made.remove()
        pytest.fail(f"these cases are about containerd, the node runs {made.runtime}")
    yield made
    made.remove()


@pytest.mark.cluster
def test_only_what_the_node_lacks_is_sent(loads: Loads, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(spool))
    first, second = loads.build("1", "one"), loads.build("2", "two")
    loads.store.load(first)
    report = loads.store.load(second)
    assert report == LoadReport(second.reference, "layers", report.sent_bytes, 1, 2)
    assert report.sent_bytes < 20_000
    found = loads.store.image_ids()
    assert (found[first.reference], found[second.reference]) == (first.image_id, second.image_id)
    assert list(spool.iterdir()) == []


class CountingSource:
    """The engine, counting what is saved whole."""

    def __init__(self, engine: DockerEngine) -> None:
        self.engine = engine
        self.parts = engine.parts
        self.saved: list[str] = []

    def save(self, reference: str) -> Generator[bytes, None, None]:
        self.saved.append(reference)
        return self.engine.save(reference)


@pytest.mark.cluster
def test_a_layer_with_a_stage_of_its_own_spares_saving_the_image(loads: Loads) -> None:
    source = CountingSource(loads.engine)
    store = MinikubeImages("minikube", "containerd", [loads.node], source)
    staged = "FROM busybox:1.37 AS build\nCOPY code /made/c\nFROM scratch AS code\nCOPY --from=build /made /\nFROM busybox:1.37\n"
    staged += "COPY middle /m\nCOPY --from=code / /\n"
    first, second = loads.build("1", "one", staged), loads.build("2", "two", staged)
    store.load(first)
    assert source.saved == [first.reference]
    report = store.load(second)
    assert (report.layers_sent, report.layers_present) == (1, 2)
    if int(loads.engine.check().version.partition(".")[0]) < 25:
        assert source.saved == [first.reference]
    assert store.image_ids()[second.reference] == second.image_id


@pytest.mark.cluster
def test_the_kubelet_starts_what_was_loaded(loads: Loads) -> None:
    loads.store.load(loads.build("1", "one"))
    second = loads.build("2", "two")
    assert loads.store.load(second).layers_sent == 1
    pod = loads.name
    kubectl = ["kubectl", "--context", "minikube", "--namespace", "default"]
    try:
        process.run(
            [*kubectl, "run", pod, f"--image={second.reference}", "--restart=Never", "--image-pull-policy=IfNotPresent"], timeout_s=60
        )
        process.run([*kubectl, "wait", "--for=jsonpath={.status.phase}=Succeeded", f"pod/{pod}", "--timeout=90s"], timeout_s=100)
        assert process.run([*kubectl, "logs", pod], timeout_s=30).text == "two"
    finally:
        process.run([*kubectl, "delete", "pod", pod, "--ignore-not-found", "--now"], timeout_s=100)


@pytest.mark.cluster
def test_the_same_image_under_another_tag_is_only_named(loads: Loads) -> None:
    first = loads.build("1", "one")
    loads.store.load(first)
    again = loads.build("again", "one")
    assert again.image_id == first.image_id
    assert loads.store.load(again) == LoadReport(again.reference, "tag", 0, 0, 3)
    assert loads.store.image_ids()[again.reference] == first.image_id


@pytest.mark.cluster
def test_layers_that_minikube_left_compressed_are_used(loads: Loads) -> None:
    first, second = loads.build("1", "one"), loads.build("2", "two")
    process.run(["minikube", "image", "load", first.reference], timeout_s=300)
    assert first.layers[1] not in loads.blobs()
    report = loads.store.load(second)
    assert (report.layers_sent, report.layers_present) == (1, 2)
    assert loads.store.image_ids()[second.reference] == second.image_id


class VanishingSource:
    """Takes something out of the node between the look at its content and the import, where the garbage collector might."""

    def __init__(self, loads: Loads, command: list[str]) -> None:
        self.loads = loads
        self.command = command
        self.saves = 0

    def parts(self, *_: object) -> None:
        """Has none: what is sent is saved."""

    def save(self, reference: str) -> Generator[bytes, None, None]:
        self.saves += 1
        if self.saves == 1:
            self.loads.node.run(self.command, timeout_s=60)
        yield from self.loads.engine.save(reference)


@pytest.mark.cluster
@pytest.mark.parametrize("whole_image", [False, True], ids=["the blob alone", "the image that held it"])
def test_a_layer_that_vanishes_on_the_way_is_sent_after_all(whole_image: bool, loads: Loads) -> None:
    first, second = loads.build("1", "one"), loads.build("2", "two")
    loads.store.load(first)
    blob = ["ctr", "-n", "k8s.io", "content", "rm", first.layers[1]]
    source = VanishingSource(loads, ["crictl", "rmi", first.reference] if whole_image else blob)
    report = MinikubeImages("minikube", "containerd", [loads.node], source).load(second)
    assert (source.saves, report.layers_sent, report.layers_present) == (2, 3, 0)
    assert set(second.layers) <= set(loads.blobs().split())
    assert loads.store.image_ids()[second.reference] == second.image_id


@pytest.mark.cluster
def test_an_image_that_is_not_what_was_built_is_refused(loads: Loads) -> None:
    image = loads.build("1", "one")
    moved = replace(image, image_id=ONE)
    with pytest.raises(ImageLoadFailed, match="not the image that was asked for"):
        loads.store.load(moved)
    assert image.reference not in loads.store.image_ids()


@pytest.mark.cluster
def test_a_tag_that_the_node_has_with_other_content_is_replaced(loads: Loads) -> None:
    old = loads.build("1", "one")
    loads.store.load(old)
    new = loads.build("1", "two")
    assert loads.store.image_ids()[new.reference] == old.image_id
    loads.store.load(new)
    assert loads.store.image_ids()[new.reference] == new.image_id


@pytest.mark.cluster
def test_minikubes_own_way_is_verified_too(loads: Loads) -> None:
    image = loads.build("1", "one")
    other = MinikubeImages("minikube", "cri-o", [loads.node], loads.engine)
    assert other.load(image) == LoadReport(image.reference, "minikube image load", image.size_bytes, 3, 0)


@pytest.mark.cluster
def test_a_node_that_is_not_there_fails_the_load(loads: Loads) -> None:
    gone = replace(loads.node, node="nobody", prefix=("docker", "exec", "-i", "shelterctl-nobody"))
    with pytest.raises(ImageLoadFailed, match="could not be loaded into the node") as caught:
        MinikubeImages("minikube", "containerd", [gone], loads.engine).load(loads.build("1", "one"))
    assert "No such container" in caught.value.why
