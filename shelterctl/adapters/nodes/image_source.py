"""Whoever holds an image on this machine, what is taken from it for a node, and how much of that was sent."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence, Set
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from shelterctl.core.deploy.image import LocalImage
from shelterctl.errors import ImageLoadFailed

if TYPE_CHECKING:
    from shelterctl.adapters.builder.oci_archive import SavedImage


class ImageSource(Protocol):
    """Whoever holds the image on this machine: whole, or (None where it cannot) its configuration and some layers alone."""

    def save(self, reference: str) -> Generator[bytes, None, None]: ...

    def parts(self, image: LocalImage, wanted: Sequence[str], known_configs: Sequence[bytes], folder: Path) -> SavedImage | None: ...


def take(
    source: ImageSource,
    image: LocalImage,
    missing: Sequence[str],
    known_configs: Sequence[bytes],
    folder: Path,
    *,
    unwanted_sizes: Set[int] = frozenset(),
) -> SavedImage:
    """The image's configuration and its `missing` layers, part by part where that can be done, else out of the whole image as it is saved.

    Layers of `unwanted_sizes` are passed over unread at first. Raises ImageLoadFailed.
    """
    from shelterctl.adapters.builder.oci_archive import read_saved

    parts = source.parts(image, missing, known_configs, folder)
    if parts is not None:
        return parts
    try:
        with closing(source.save(image.reference)) as saved:
            return read_saved(saved, image.image_id, missing, folder, unwanted_sizes=unwanted_sizes)
    except ImageLoadFailed:
        if not unwanted_sizes:
            raise
    # A missing layer may have the very size of one that the node has.
    with closing(source.save(image.reference)) as saved:
        return read_saved(saved, image.image_id, missing, folder)


@dataclass(slots=True)
class Sent:
    """Counts what goes through it."""

    size_bytes: int = 0

    def count(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.size_bytes += len(chunk)
            yield chunk
