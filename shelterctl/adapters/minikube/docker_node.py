"""Docker in a node: what it holds of an image, and `docker load` of the rest."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from shelterctl.adapters.nodes.image_source import ImageSource, Sent, take
from shelterctl.adapters.nodes.shell import NodeShell
from shelterctl.core.deploy.image import LoadReport, LocalImage
from shelterctl.errors import CommandFailed, ImageLoadFailed

QUERY_TIMEOUT_S = 30.0
_LOAD = ("docker", "load", "-q")
#: The layers of every image, and the configurations of the newest: a configuration that begins as another one can be written from it.
_HELD = "docker image inspect --format '{{json .RootFS.Layers}}' $(docker images -q --no-trunc | sort -u)"
_CONFIGS = (
    "cd $(docker info -f '{{.DockerRootDir}}')/image/*/imagedb/content/sha256 && "
    "for name in $(ls -t | head -n 4); do cat $name && echo; done"
)
#: Engines with containerd's image store keep layers in another way: they get the whole image.
_CONTAINERD_STORE = "docker info -f '{{json .DriverStatus}}'"


@dataclass(slots=True)
class DockerNode:
    """One node whose container runtime is Docker. `sent` counts what went there, of what was not taken too."""

    shell: NodeShell
    source: ImageSource
    timeout_s: float
    sent: Sent = field(default_factory=Sent)

    def load(self, image: LocalImage) -> LoadReport:
        """Sends what the node lacks, and all of it where that is not taken. Raises CommandFailed, WaitTimeout, ImageLoadFailed."""
        held = held_layers(image.layers, self._layer_lists())
        if held:
            try:
                return self._load_rest(image, held)
            except (CommandFailed, ImageLoadFailed):
                # A layer that went meanwhile, or an engine that does not take it so: the whole image says what is wrong otherwise.
                pass
        with closing(self.source.save(image.reference)) as saved:
            self._feed(saved)
        return LoadReport(image.reference, "docker load", self.sent.size_bytes, len(image.layers), 0)

    def _load_rest(self, image: LocalImage, held: int) -> LoadReport:
        from shelterctl.adapters.builder.docker_archive import docker_archive

        missing = image.layers[held:]
        with tempfile.TemporaryDirectory(prefix="shelterctl-image-") as name:
            configs = self.shell.script(_CONFIGS, timeout_s=QUERY_TIMEOUT_S, check=False).stdout.splitlines()
            taken = take(self.source, image, missing, configs, Path(name))
            files = [None] * held + [taken.layers[layer].path for layer in missing]
            self._feed(docker_archive(image.reference, taken.config, files))
        return LoadReport(image.reference, "layers", self.sent.size_bytes, len(missing), held)

    def _feed(self, archive: Iterable[bytes]) -> None:
        self.shell.feed(_LOAD, self.sent.count(archive), timeout_s=self.timeout_s)

    def _layer_lists(self) -> Sequence[Sequence[str]]:
        """The layers of each image that the node has; none where they cannot be read, or are kept by containerd."""
        if "io.containerd.snapshotter" in self.shell.script(_CONTAINERD_STORE, timeout_s=QUERY_TIMEOUT_S, check=False).text:
            return []
        listing = self.shell.script(_HELD, timeout_s=QUERY_TIMEOUT_S, check=False)
        return parse_layer_lists(listing.text) if listing.returncode == 0 else []


def parse_layer_lists(text: str) -> list[list[str]]:
    """One list of diff_ids for each line of `docker image inspect`; lines of another form are left out."""
    found = []
    for line in text.splitlines():
        try:
            layers = json.loads(line)
        except ValueError:
            continue
        if isinstance(layers, list):
            found.append([str(layer) for layer in layers])
    return found


def held_layers(layers: Sequence[str], lists: Iterable[Sequence[str]]) -> int:
    """How many of an image's layers, from the base up, are the first layers of another image."""
    most = 0
    for other in lists:
        same = 0
        for own, theirs in zip(layers, other, strict=False):
            if own != theirs:
                break
            same += 1
        most = max(most, same)
    return most
