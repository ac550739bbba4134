"""Writes an image in the form that `docker load` reads, without the layers that the engine at the other end holds already.

`docker load` looks for each layer by its chain ID (the layer and all below it, OCI image specification, `config.md`) before it opens the
file that the manifest names; what it holds need not be in the archive. Only layers from the base up can be left out.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from shelterctl.adapters.builder.tar_stream import tar_entry, tar_file


def docker_archive(reference: str, config: bytes, layers: Sequence[Path | None]) -> Iterator[bytes]:
    """The archive as a stream of tar. `layers` has each layer's file from the base up, None for one that is left out."""
    name = hashlib.sha256(config).hexdigest()
    names = [f"{number:03d}/layer.tar" for number in range(len(layers))]
    yield tar_entry("manifest.json", json.dumps([{"Config": f"{name}.json", "RepoTags": [reference], "Layers": names}]).encode())
    yield tar_entry(f"{name}.json", config)
    for layer_name, path in zip(names, layers, strict=True):
        if path is not None:
            yield from tar_file(layer_name, path)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)
