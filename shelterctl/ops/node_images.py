"""What the nodes have, asked in the background: a command in a node takes as long as all else that a short command asks together."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shelterctl.ports.capabilities import NodeImages


def ask(images: Callable[[], NodeImages]) -> Future[Mapping[str, str]]:
    """Reference to image id, for every image in the nodes. The result raises ShelterErrors."""
    pool = ThreadPoolExecutor(1)
    asked = pool.submit(lambda: images().image_ids())
    pool.shutdown(wait=False)
    return asked
