"""The images in minikube's nodes, and the quickest way to bring one there for each container runtime.

containerd (`containerd`) keeps layers as blobs and gets an OCI archive without those that it has. Its importer (1.6) has no flag for a
lease, so nothing keeps those blobs from the garbage collector between the look and the import: they are looked for again afterwards, when
the new image holds on to them, and if one is gone the whole image is sent. What the node lacks is taken from the engine part by part where
it can give parts, else out of the whole image as it saves it. Docker in the node gets the rest of the image in the same way
(`docker_node`), anything else gets all of it from `minikube image load`. In every case the image counts as loaded only once the node
names its id.
"""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shelterctl.adapters import process
from shelterctl.adapters.minikube import containerd
from shelterctl.adapters.nodes.image_source import ImageSource, Sent, take
from shelterctl.adapters.nodes.shell import NodeShell
from shelterctl.adapters.nodes.store import QUERY_TIMEOUT_S, HeldImages, NodeStore, full_name, no_room_here, short_name
from shelterctl.core.deploy.image import LoadReport, LocalImage, missing_layers
from shelterctl.errors import CommandFailed, ImageLoadFailed, WaitTimeout

if TYPE_CHECKING:
    from shelterctl.adapters.builder.oci_archive import Blob

LOAD_TIMEOUT_S = 900.0

_LARGE_BYTES = 1024 * 1024
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
        seen = containerd.look(shell)
        if (known := _name_of(seen.ids, image.image_id)) is not None:
            tag = [*containerd.CTR, "images", "tag", "--force", full_name(known), full_name(image.reference)]
            if full_name(known) == full_name(image.reference) or shell.run(tag, timeout_s=QUERY_TIMEOUT_S, check=False).returncode == 0:
                self._store.await_id(shell, image)
                return LoadReport(image.reference, "tag", 0, 0, len(image.layers))
        missing = missing_layers(image.layers, seen.blobs)
        if len(missing) < len(image.layers):
            try:
                report, there = self._import_layers(shell, image, seen.blobs, missing, seen.configs)
                if not missing_layers(image.layers, there):
                    return report
            except (CommandFailed, ImageLoadFailed) as error:
                if _is_disk_full(error):
                    raise
        return self._import_layers(shell, image, {}, image.layers)[0]

    def _import_layers(
        self, shell: NodeShell, image: LocalImage, present: Mapping[str, Blob], missing: Sequence[str], configs: Sequence[bytes] = ()
    ) -> tuple[LoadReport, Mapping[str, Blob]]:
        """Imports the image with the `missing` layers in the archive and the others named as the node holds them; what it holds then.

        `configs` are of images in the node, of which some may begin as this one does.
        """
        from shelterctl.adapters.builder.oci_archive import LAYER_TAR, archive_chunks

        sent = Sent()
        with tempfile.TemporaryDirectory(prefix="shelterctl-image-") as name:
            held = (present[layer] for layer in image.layers if layer in present)
            # Small layers often have the same size as the one that they replace, and cost nothing to read.
            sizes = {blob.size_bytes for blob in held if blob.media_type == LAYER_TAR and blob.size_bytes > _LARGE_BYTES}
            taken = take(self._source, image, missing, configs, Path(name), unwanted_sizes=sizes)
            layers = [taken.layers[layer] if layer in taken.layers else present[layer] for layer in image.layers]
            chunks = archive_chunks(full_name(image.reference), taken.config, layers)
            seen = containerd.import_archive(shell, sent.count(chunks), timeout_s=LOAD_TIMEOUT_S)
        if seen.ids.get(short_name(image.reference), "") != image.image_id:
            self._store.await_id(shell, image)
        report = LoadReport(image.reference, "layers", sent.size_bytes, len(missing), len(image.layers) - len(missing))
        return report, seen.blobs

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


def _worse(one: LoadReport, other: LoadReport) -> LoadReport:
    """Two nodes' reports as one: what was sent to both, and the layers of the node that lacked more."""
    more = max(one, other, key=lambda report: report.layers_sent)
    method = other.method if one.sent_bytes == 0 else one.method
    return LoadReport(more.reference, method, one.sent_bytes + other.sent_bytes, more.layers_sent, more.layers_present)


def _is_disk_full(error: CommandFailed | WaitTimeout | ImageLoadFailed) -> bool:
    text = "\n".join((error.why, *error.details)).lower()
    return any(words in text for words in _NO_SPACE)
