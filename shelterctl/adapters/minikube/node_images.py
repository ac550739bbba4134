"""The images in minikube's nodes, and the quickest way to bring one there for each container runtime.

containerd keeps layers as blobs and gets an OCI archive without those that it has. Its importer (1.6) has no flag for a lease, so
nothing keeps those blobs from the garbage collector between the look and the import: they are looked for again afterwards, when the new
image holds on to them, and if one is gone the whole image is sent. What the node lacks is taken from the engine part by part where it can
give parts, else out of the whole image as it saves it. Docker in the node gets the rest of the image in the same way
(`docker_node`), anything else gets all of it from `minikube image load`. In every case the image counts as loaded only once the node
names its id.
"""

from __future__ import annotations

import errno
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shelterctl.adapters import process
from shelterctl.adapters.nodes.image_source import ImageSource, Sent, take
from shelterctl.adapters.nodes.shell import NodeShell
from shelterctl.adapters.nodes.store import QUERY_TIMEOUT_S, HeldImages, NodeStore, full_name, no_room_here
from shelterctl.core.deploy.image import LoadReport, LocalImage, missing_layers
from shelterctl.errors import CommandFailed, ImageLoadFailed, WaitTimeout

if TYPE_CHECKING:
    from shelterctl.adapters.builder.oci_archive import Blob

LOAD_TIMEOUT_S = 900.0

_CTR = ("ctr", "-n", "k8s.io")
_BLOB_FOLDER = "/var/lib/containerd/io.containerd.content.v1.content/blobs/sha256"
_UNCOMPRESSED = "containerd.io/uncompressed="
_LARGE_BYTES = 1024 * 1024
_RELATIVES = 4
_NO_SPACE = ("no space left on device", "disk quota exceeded")


class MinikubeImages(HeldImages):
    """Fulfils `ports.capabilities.NodeImages` for the nodes of one profile.

    `shells` has one shell for each node, `runtime` is minikube's word for their container runtime.
    """

    def __init__(self, profile: str, runtime: str, shells: Sequence[NodeShell], source: ImageSource) -> None:
        self._profile = profile
        super().__init__(NodeStore(shells, runtime, f"minikube image ls -p {profile}"))
        self._source = source

    def load(self, image: LocalImage) -> LoadReport:
        """Brings the image into every node and checks its id there. Raises ImageLoadFailed."""
        known = {"containerd": self._load_into_containerd, "docker": self._load_into_docker}
        try:
            return known.get(self._store.runtime, self._load_with_minikube)(image)
        except (CommandFailed, WaitTimeout) as error:
            raise load_failure(self._profile, image.reference, error) from error
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise no_room_here(image.reference) from error

    def _load_into_containerd(self, image: LocalImage) -> LoadReport:
        total = LoadReport(image.reference, "layers", 0, 0, len(image.layers))
        for shell in self._store.shells:
            total = _worse(total, self._load_into_containerd_node(shell, image))
        return total

    def _load_into_containerd_node(self, shell: NodeShell, image: LocalImage) -> LoadReport:
        ids = self._store.ids_in(shell)
        if (known := _name_of(ids, image.image_id)) is not None:
            tag = [*_CTR, "images", "tag", "--force", full_name(known), full_name(image.reference)]
            if full_name(known) == full_name(image.reference) or shell.run(tag, timeout_s=QUERY_TIMEOUT_S, check=False).returncode == 0:
                self._store.await_id(shell, image)
                return LoadReport(image.reference, "tag", 0, 0, len(image.layers))
        present = _blobs_in(shell)
        missing = missing_layers(image.layers, present)
        if len(missing) < len(image.layers):
            try:
                report = self._import_layers(shell, image, present, missing, tuple(ids.values()))
                if not missing_layers(image.layers, _blobs_in(shell)):
                    return report
            except (CommandFailed, ImageLoadFailed) as error:
                if _is_disk_full(error):
                    raise
        return self._import_layers(shell, image, {}, image.layers)

    def _import_layers(
        self, shell: NodeShell, image: LocalImage, present: Mapping[str, Blob], missing: Sequence[str], relatives: Sequence[str] = ()
    ) -> LoadReport:
        """Imports the image with the `missing` layers in the archive and the others named as the node holds them.

        `relatives` are ids of images in the node, of which some may begin as this one does.
        """
        from shelterctl.adapters.builder.oci_archive import LAYER_TAR, archive_chunks

        sent = Sent()
        with tempfile.TemporaryDirectory(prefix="shelterctl-image-") as name:
            folder = Path(name)
            configs = _latest_configs(shell, relatives) if relatives else []
            held = (present[layer] for layer in image.layers if layer in present)
            # Small layers often have the same size as the one that they replace, and cost nothing to read.
            sizes = {blob.size_bytes for blob in held if blob.media_type == LAYER_TAR and blob.size_bytes > _LARGE_BYTES}
            taken = take(self._source, image, missing, configs, folder, unwanted_sizes=sizes)
            layers = [taken.layers[layer] if layer in taken.layers else present[layer] for layer in image.layers]
            chunks = archive_chunks(full_name(image.reference), taken.config, layers)
            shell.feed([*_CTR, "images", "import", "-"], sent.count(chunks), timeout_s=LOAD_TIMEOUT_S)
        self._store.await_id(shell, image)
        return LoadReport(image.reference, "layers", sent.size_bytes, len(missing), len(image.layers) - len(missing))

    def _load_into_docker(self, image: LocalImage) -> LoadReport:
        total = LoadReport(image.reference, "layers", 0, 0, len(image.layers))
        for shell in self._store.shells:
            known = _name_of(self._store.ids_in(shell), image.image_id)
            if known is not None:
                shell.run(["docker", "tag", known, image.reference], timeout_s=QUERY_TIMEOUT_S)
                report = LoadReport(image.reference, "tag", 0, 0, len(image.layers))
            else:
                from shelterctl.adapters.minikube.docker_node import DockerNode

                report = DockerNode(shell, self._source, LOAD_TIMEOUT_S).load(image)
            self._store.await_id(shell, image)
            total = _worse(total, report)
        return total

    def _load_with_minikube(self, image: LocalImage) -> LoadReport:
        argv = ["minikube", "image", "load", "-p", self._profile, image.reference]
        process.run(argv, timeout_s=LOAD_TIMEOUT_S)
        for shell in self._store.shells:
            self._store.await_id(shell, image)
        return LoadReport(image.reference, "minikube image load", image.size_bytes, len(image.layers), 0)


def load_failure(profile: str, reference: str, error: CommandFailed | WaitTimeout) -> ImageLoadFailed:
    """What a failed load means for the user: a full disk in the node, or whatever the program said."""
    if _is_disk_full(error):
        return ImageLoadFailed(
            f"{reference} does not fit into the node",
            why="no space is left on the node's disk",
            next_command=f"minikube ssh -p {profile} -- sudo crictl rmi --prune",
            details=error.details,
        )
    return ImageLoadFailed(
        f"{reference} could not be loaded into the node",
        why=error.why or error.what,
        next_command=f"minikube image load -p {profile} {reference}",
        details=error.details,
    )


def _name_of(ids: Mapping[str, str], image_id: str) -> str | None:
    return next((name for name, found in ids.items() if found == image_id), None)


def _latest_configs(shell: NodeShell, image_ids: Sequence[str]) -> Sequence[bytes]:
    """The configurations of the images that came into the node last, a line of JSON each; none where they cannot be read."""
    names = " ".join(sorted({image_id.removeprefix("sha256:") for image_id in image_ids}))
    newest = f"cd {_BLOB_FOLDER} && for name in $(ls -t {names} 2>/dev/null | head -n {_RELATIVES}); do cat $name && echo; done"
    return shell.script(newest, timeout_s=QUERY_TIMEOUT_S, check=False).stdout.splitlines()


def _blobs_in(shell: NodeShell) -> Mapping[str, Blob]:
    """The layers in containerd's content store, by diff_id.

    A layer may be there uncompressed, or as an earlier `minikube image load` or pull left it: gzipped, with its diff_id in a label.
    What containerd lists and what lies on the disk must agree; the file gives the exact size and tells the compression.
    """
    listing = shell.script(
        f"{' '.join(_CTR)} content ls && echo && cd {_BLOB_FOLDER} && stat -c '%n %s' * && echo && head -v -c 2 *",
        timeout_s=QUERY_TIMEOUT_S,
        check=False,
    )
    return parse_blobs(listing.stdout) if listing.returncode == 0 else {}


def parse_blobs(listing: bytes) -> Mapping[str, Blob]:
    """Diff_id to blob, from three parts with an empty line between.

    They are: `ctr content ls`; `hex size` for each file of the store; each file's first two bytes as `head -v` shows them.
    """
    from shelterctl.adapters.builder.oci_archive import LAYER_TAR, LAYER_TAR_GZIP, Blob

    table, _, rest = listing.partition(b"\n\n")
    sizes, _, heads = rest.partition(b"\n\n")
    on_disk = {f"sha256:{name}": int(size) for name, size in map(str.split, sizes.decode().splitlines())}
    gzipped = {f"sha256:{name.decode()}" for name in re.findall(rb"==> ([0-9a-f]{64}) <==\n\x1f\x8b", heads)}
    packed = gzipped | {f"sha256:{name.decode()}" for name in re.findall(rb"==> ([0-9a-f]{64}) <==\n\x28\xb5", heads)}
    blobs: dict[str, Blob] = {}
    for line in table.decode().splitlines():
        digest, *words = line.replace(",", " ").split()
        diff_id = next((word.removeprefix(_UNCOMPRESSED) for word in words if word.startswith(_UNCOMPRESSED)), "")
        if not diff_id and words[-1:] == ["-"] and digest not in packed:
            # An import that broke off leaves a layer without any label, and no later one adds it. Uncompressed, its own digest is its
            # diff_id (OCI image specification, “Layer DiffID”); what is no layer has the digest of none.
            diff_id = digest
        if digest not in on_disk or not diff_id:
            continue
        if digest == diff_id:
            blobs[diff_id] = Blob(digest, on_disk[digest], LAYER_TAR)
        elif digest in gzipped:
            blobs.setdefault(diff_id, Blob(digest, on_disk[digest], LAYER_TAR_GZIP))
    return blobs


def _worse(one: LoadReport, other: LoadReport) -> LoadReport:
    """Two nodes' reports as one: what was sent to both, and the layers of the node that lacked more."""
    more = max(one, other, key=lambda report: report.layers_sent)
    method = other.method if one.sent_bytes == 0 else one.method
    return LoadReport(more.reference, method, one.sent_bytes + other.sent_bytes, more.layers_sent, more.layers_present)


def _is_disk_full(error: CommandFailed | WaitTimeout | ImageLoadFailed) -> bool:
    text = "\n".join((error.why, *error.details)).lower()
    return any(words in text for words in _NO_SPACE)
