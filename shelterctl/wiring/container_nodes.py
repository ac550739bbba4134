"""A stack in a cluster of kind's or k3d's: its nodes are containers here, and take images by the program that made them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from shelterctl.ports.capabilities import Lacking
from shelterctl.wiring.cluster import ClusterWiring

if TYPE_CHECKING:
    from shelterctl.adapters.nodes.archive_images import ArchiveImages


class ContainerNodesWiring(ClusterWiring):
    """The context is named as such clusters' are; its nodes are asked whether they are."""

    @property
    def images(self) -> Callable[[], ArchiveImages] | Lacking:
        found = self._images
        return found if isinstance(found, Lacking) else lambda: found

    @cached_property
    def _images(self) -> ArchiveImages | Lacking:
        """Raises ApiUnreachable, ApiRejected, WaitTimeout."""
        from shelterctl.adapters.nodes.archive_images import ArchiveImages
        from shelterctl.adapters.nodes.containers import container_nodes, maker_of

        named = maker_of(self.context)
        assert named is not None
        nodes = container_nodes(*named, self.api.items("/api/v1/nodes"))
        return nodes if isinstance(nodes, Lacking) else ArchiveImages(*named, nodes, self.engine)
