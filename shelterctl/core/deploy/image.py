"""An image's identity: from the build context's files to the tag, and from the tag to what runs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
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

    A field that is None is a link that the chain does not have: the image is not built here, nothing is sent to the target's nodes, the
    application does not say which image it is.
    """

    reference: str
    built_id: str | None = ""
    loaded_id: str | None = ""
    running_ids: tuple[str, ...] = ()
    answering_tag: str | None = ""
    answering_pod: str = ""

    @property
    def image_id(self) -> str:
        """What the stack is meant to run: what was built, else what runs."""
        return self.built_id if self.built_id is not None else next(iter(self.running_ids), "")

    @property
    def tag(self) -> str:
        return self.reference.rpartition(":")[2]

    @property
    def broken_at(self) -> str:
        """The first link that does not hold, as a sentence, or an empty string where built, loaded, running and answering agree."""
        if self.built_id == "":
            return f"{self.reference} is not in the local engine"
        if self.loaded_id is not None and self.built_id is not None and self.loaded_id != self.built_id:
            return f"the node has {self.loaded_id or 'no image'} under {self.reference}, built is {self.built_id}"
        if not self.running_ids:
            return "no pod runs the image"
        meant = self.image_id
        strangers = sorted({image_id for image_id in self.running_ids if image_id != meant})
        if strangers:
            named = ", ".join(name or "an unknown image" for name in strangers)
            return f"pods run {named}, {'others run' if self.built_id is None else 'built is'} {meant}"
        if self.answering_tag is not None and self.answering_tag != self.tag:
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


def told_by_id(running: Iterable[str], known: Mapping[str, str]) -> tuple[str, ...]:
    """What runs, by the images' own ids: a runtime tells an image that was pulled once, under any name, by its manifest's digest.

    `known` has the ids by such digests.
    """
    return tuple(sorted({known.get(image_id, image_id) for image_id in running}))


def missing_layers(wanted: Iterable[str], present: Iterable[str]) -> tuple[str, ...]:
    """The layers (diff_ids) of `wanted` that are not in `present`, each once, in order."""
    known = set(present)
    return tuple(dict.fromkeys(layer for layer in wanted if layer not in known))
