"""An image's identity: from the build context's files to the tag, and from the tag to what runs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

#: 12 hex digits: 48 bits, enough for every build that one person will ever make, and short enough to read out.
TAG_DIGITS = 12


@dataclass(frozen=True, slots=True)
class ContextFile:
    """A file of the build context: its path with forward slashes, whether it is executable, the SHA-256 of its bytes."""

    path: str
    executable: bool
    sha256: str


@dataclass(frozen=True, slots=True)
class LocalImage:
    """An image in the local engine. `image_id` is the digest of its configuration, `layers` are its diff_ids from the base up."""

    reference: str
    image_id: str
    layers: tuple[str, ...]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What it took to bring an image into the node."""

    reference: str
    method: str
    sent_bytes: int
    layers_sent: int
    layers_present: int


@dataclass(frozen=True, slots=True)
class ImageChain:
    """One image followed from the build to the answer. An empty field is a link that was not seen.

    `loaded_id` is None where the chain has no such link: nothing is sent to the target's nodes.
    """

    reference: str
    built_id: str = ""
    loaded_id: str | None = ""
    running_ids: tuple[str, ...] = ()
    answering_tag: str = ""
    answering_pod: str = ""

    @property
    def tag(self) -> str:
        return self.reference.rpartition(":")[2]

    @property
    def broken_at(self) -> str:
        """The first link that does not hold, as a sentence, or an empty string where built, loaded, running and answering agree."""
        if not self.built_id:
            return f"{self.reference} is not in the local engine"
        if self.loaded_id is not None and self.loaded_id != self.built_id:
            return f"the node has {self.loaded_id or 'no image'} under {self.reference}, built is {self.built_id}"
        if not self.running_ids:
            return "no pod runs the image"
        strangers = sorted({image_id for image_id in self.running_ids if image_id != self.built_id})
        if strangers:
            return f"pods run {', '.join(name or 'an unknown image' for name in strangers)}, built is {self.built_id}"
        if self.answering_tag != self.tag:
            return f"the service answers with {self.answering_tag or 'nothing'}, built is {self.tag}"
        return ""


def context_tag(files: Iterable[ContextFile]) -> str:
    """The tag of a build context: the same for the same files with the same contents, whatever their times and order.

    Hashes each file's own digest with its relative path, sorted, as Skaffold does for its input digests; a file's mode counts only
    where it decides whether the file can be executed.
    """
    total = hashlib.sha256()
    for file in sorted(files, key=lambda item: item.path):
        total.update(f"{file.path}\0{'x' if file.executable else '-'}\0{file.sha256}\n".encode())
    return total.hexdigest()[:TAG_DIGITS]


def missing_layers(wanted: Iterable[str], present: Iterable[str]) -> tuple[str, ...]:
    """The layers (diff_ids) of `wanted` that are not in `present`, each once, in order."""
    known = set(present)
    return tuple(dict.fromkeys(layer for layer in wanted if layer not in known))
