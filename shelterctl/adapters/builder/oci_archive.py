"""Reads what `docker save` writes and writes OCI archives that hold only some of an image's layers.

Two layouts are read. Engines before Docker 25 write `<config>.json` and `<id>/layer.tar`, where the name says nothing of the content;
later ones write `blobs/sha256/<digest>` (and may compress the layers where containerd keeps them). A layer is known by its diff_id, the
SHA-256 of its uncompressed tar, in both. What is written follows the OCI image layout specification 1.0.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from shelterctl.adapters.builder.tar_stream import TarDamaged, TarStream, tar_entry, tar_file
from shelterctl.errors import ImageLoadFailed

_GZIP = b"\x1f\x8b"

_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TAR = "application/vnd.oci.image.layer.v1.tar"
LAYER_TAR_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob as a manifest describes it. `path` is the file that holds it, None where the reader has it already."""

    digest: str
    size_bytes: int
    media_type: str
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class SavedImage:
    """An image's configuration, and those of its layers that were asked for, by diff_id."""

    config: bytes
    layers: Mapping[str, Blob]


def read_saved(
    chunks: Iterable[bytes], config_digest: str, wanted: Iterable[str], folder: Path, *, unwanted_sizes: Set[int] = frozenset()
) -> SavedImage:
    """Takes the configuration and the `wanted` layers (diff_ids) out of a `docker save` stream and stops reading once it has them.

    Layers are spooled to files in `folder`. A layer that its name says nothing of is passed over unread where its size is among
    `unwanted_sizes`. Raises ImageLoadFailed where the stream lacks one or a digest does not fit its content.
    """
    missing = set(wanted)
    layers: dict[str, Blob] = {}
    config: bytes | None = None
    stream = TarStream(chunks)
    try:
        for entry in stream.entries():
            claimed = _claimed_digest(entry.name)
            if not entry.regular:
                # A link stands for a layer that is in the archive as a file, too.
                continue
            if claimed == config_digest:
                config = b"".join(stream.content())
                _demand(config_digest, f"sha256:{hashlib.sha256(config).hexdigest()}")
            elif claimed or (entry.name.endswith("/layer.tar") and entry.size_bytes not in unwanted_sizes):
                layer = _take_layer(stream.content(), claimed, missing, folder)
                if layer is not None:
                    layers[layer.digest] = layer
                    missing.discard(layer.digest)
            if config is not None and not missing:
                return SavedImage(config, layers)
    except (TarDamaged, zlib.error) as error:
        raise ImageLoadFailed("the engine's image archive cannot be read", why=str(error)) from error
    lacking = sorted(missing) if config is not None else [config_digest, *sorted(missing)]
    raise ImageLoadFailed("the engine's image archive is not the image that was asked for", why=f"it lacks {', '.join(lacking)}")


def saved_config_digest(chunks: Iterable[bytes]) -> str:
    """The digest of the configuration of the first image in a `docker save` stream. Raises ImageLoadFailed."""
    stream = TarStream(chunks)
    try:
        for entry in stream.entries():
            if entry.name == "manifest.json":
                return _claimed_digest(str(json.loads(b"".join(stream.content()))[0]["Config"]))
    except (ValueError, LookupError, TypeError) as error:
        raise ImageLoadFailed("the engine's image archive cannot be read", why=str(error)) from error
    raise ImageLoadFailed("the engine's image archive has no manifest.json")


def archive_chunks(reference: str, config: bytes, layers: Sequence[Blob]) -> Iterator[bytes]:
    """An OCI archive of one image as a stream of tar: the layers without a `path` are named by its manifest and left out.

    `reference` is a full name with registry and tag: containerd's importer names the image by it.
    """
    config_blob = _describe(config, _CONFIG_TYPE)
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST_TYPE,
            "config": config_blob,
            "layers": [{"mediaType": layer.media_type, "digest": layer.digest, "size": layer.size_bytes} for layer in layers],
        }
    )
    manifest_blob = _describe(manifest, _MANIFEST_TYPE)
    names = {"io.containerd.image.name": reference, "org.opencontainers.image.ref.name": reference.rpartition(":")[2]}
    index = _json({"schemaVersion": 2, "manifests": [{**manifest_blob, "annotations": names}]})
    yield tar_entry("oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
    yield tar_entry("index.json", index)
    yield tar_entry(_blob_name(str(manifest_blob["digest"])), manifest)
    yield tar_entry(_blob_name(str(config_blob["digest"])), config)
    for layer in {blob.digest: blob for blob in layers}.values():
        if layer.path is not None:
            yield from tar_file(_blob_name(layer.digest), layer.path)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)


def _take_layer(content: Iterator[memoryview], claimed: str, missing: Set[str], folder: Path) -> Blob | None:
    """Spools a layer, if it is one of the `missing`, uncompressed. None for anything else."""
    head = b""
    while len(head) < len(_GZIP) and (piece := next(content, None)) is not None:
        head += piece
    compressed = head.startswith(_GZIP)
    if claimed and claimed not in missing and not compressed:
        return None
    inflate = zlib.decompressobj(wbits=31) if compressed else None
    digest, size = hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile(dir=folder, prefix="layer-", delete=False) as spool:
        for block in chain([memoryview(head)], content):
            plain = block if inflate is None else inflate.decompress(block)
            digest.update(plain)
            spool.write(plain)
            size += len(plain)
    if inflate is not None and not inflate.eof:
        raise ImageLoadFailed("the engine's image archive cannot be read", why="a compressed layer ends too early")
    diff_id, path = f"sha256:{digest.hexdigest()}", Path(spool.name)
    if claimed in missing:
        _demand(claimed, diff_id)
    if diff_id not in missing:
        path.unlink()
        return None
    return Blob(diff_id, size, LAYER_TAR, path)


def _claimed_digest(name: str) -> str:
    """The digest that an archive's entry claims by its name, or an empty string."""
    stem = name.removeprefix("./").removeprefix("blobs/sha256/").removesuffix(".json")
    return f"sha256:{stem}" if len(stem) == 64 and all(letter in "0123456789abcdef" for letter in stem) else ""


def _demand(expected: str, found: str) -> None:
    if expected != found:
        raise ImageLoadFailed(f"the engine's image archive is damaged at {expected}", why=f"its content has the digest {found}")


def _describe(content: bytes, media_type: str) -> dict[str, str | int]:
    return {"mediaType": media_type, "digest": f"sha256:{hashlib.sha256(content).hexdigest()}", "size": len(content)}


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _blob_name(digest: str) -> str:
    return f"blobs/sha256/{digest.removeprefix('sha256:')}"
