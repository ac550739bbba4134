"""containerd in a node: the images and the blobs that it has, and an archive imported. Each is one command in the node: a command takes
as long to get there as a small image to be imported."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shelterctl.adapters.nodes.store import QUERY_TIMEOUT_S, parse_crictl_images
from shelterctl.errors import ImageLoadFailed

if TYPE_CHECKING:
    from shelterctl.adapters.builder.oci_archive import Blob
    from shelterctl.adapters.nodes.shell import NodeShell

CTR = ("ctr", "-n", "k8s.io")
_BLOB_FOLDER = "/var/lib/containerd/io.containerd.content.v1.content/blobs/sha256"
_UNCOMPRESSED = "containerd.io/uncompressed="
#: How many images' configurations are read: those that came into the node last.
_RELATIVES = 4
#: Between the parts of an answer.
_MARK = "==shelterctl=="
_IMAGES = "crictl images -o json"
#: What containerd lists and what lies on the disk must agree; the file gives the exact size and tells the compression.
_BLOBS = f"(cd {_BLOB_FOLDER} && {' '.join(CTR)} content ls && echo && stat -c '%n %s' * && echo && head -v -c 2 *)"
_CONFIGS = (
    f"(cd {_BLOB_FOLDER} && for name in $(ls -t $(grep -ls '\"diff_ids\"' $(find . -type f -size -64k)) | head -n {_RELATIVES}); "
    "do cat $name && echo; done)"
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a node had: image ids by short reference, blobs by diff_id, and the newest images' configurations, a line of JSON each.

    What could not be seen is empty.
    """

    ids: Mapping[str, str]
    blobs: Mapping[str, Blob]
    configs: Sequence[bytes] = ()


def look(shell: NodeShell) -> Seen:
    """Raises CommandFailed, WaitTimeout, ImageLoadFailed."""
    script = f"{_IMAGES} && echo && echo {_MARK} && {_BLOBS}; echo && echo {_MARK} && {_CONFIGS}; true"
    images, blobs, configs = _parts(shell.script(script, timeout_s=QUERY_TIMEOUT_S).stdout, 3)
    if not images.strip():
        raise ImageLoadFailed(f"node {shell.node} does not list its images", next_command=f"{_IMAGES}   (in the node)")
    return Seen(parse_crictl_images(images), parse_blobs(blobs), configs.splitlines())


def import_archive(shell: NodeShell, chunks: Iterable[bytes], *, timeout_s: float) -> Seen:
    """Imports an image's archive, and looks. Raises CommandFailed, WaitTimeout."""
    script = f"{shlex.join(CTR)} images import - && echo && echo {_MARK} && {{ {_IMAGES}; echo; echo {_MARK}; {_BLOBS}; true; }}"
    _, images, blobs = _parts(shell.feed(["sh", "-c", script], chunks, timeout_s=timeout_s).stdout, 3)
    return Seen(parse_crictl_images(images) if images.strip() else {}, parse_blobs(blobs))


def _parts(answer: bytes, number: int) -> list[bytes]:
    found = answer.split(f"\n{_MARK}\n".encode())
    return [*found, *[b""] * number][:number]


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
