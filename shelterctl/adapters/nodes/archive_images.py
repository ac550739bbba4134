"""Images into the nodes of a kind or k3d cluster, by the program that made it: the image as an archive, and what the nodes then say of it.

The program's word is not enough: k3d ends well where an import into a node failed. An image counts as loaded once every node names its id.
"""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from shelterctl.adapters import process
from shelterctl.adapters.nodes.containers import Maker
from shelterctl.adapters.nodes.image_source import ImageSource, Sent
from shelterctl.adapters.nodes.shell import NodeShell, host_docker_env
from shelterctl.adapters.nodes.store import HeldImages, NodeStore, no_room_here
from shelterctl.core.deploy.image import LoadReport, LocalImage
from shelterctl.errors import CommandFailed, ImageLoadFailed, ProgramMissing, WaitTimeout

LOAD_TIMEOUT_S = 900.0


class ArchiveImages(HeldImages):
    """Fulfils `ports.capabilities.NodeImages`. `shells` has one shell for each node: their runtime is containerd."""

    def __init__(self, maker: Maker, cluster: str, shells: Sequence[NodeShell], source: ImageSource) -> None:
        self._maker = maker
        self._cluster = cluster
        super().__init__(NodeStore(shells, "containerd", f"docker exec {shells[0].node} crictl images"))
        self._source = source

    def load(self, image: LocalImage) -> LoadReport:
        """Brings the image into every node and checks its id there. Raises ProgramMissing, ImageLoadFailed."""
        maker = self._maker
        try:
            process.find(maker.program, remedy="")
        except ProgramMissing as error:
            raise ProgramMissing(
                f"{maker.program} is not on the PATH: it is what loads {image.reference} into the nodes of {maker.prefix}{self._cluster}",
                why="a stack of your own can do without: its images go to a registry with `shelterctl up --registry HOST/PATH`",
                next_command=f"install {maker.program}: {maker.install}",
            ) from error
        sent = Sent()
        try:
            with tempfile.TemporaryDirectory(prefix="shelterctl-image-") as name:
                file = Path(name) / "image.tar"
                with closing(self._source.save(image.reference)) as saved, file.open("wb") as archive:
                    archive.writelines(sent.count(saved))
                process.run(maker.loading(str(file), self._cluster), timeout_s=LOAD_TIMEOUT_S, env=host_docker_env())
        except (CommandFailed, WaitTimeout) as error:
            raise ImageLoadFailed(
                f"{image.reference} could not be loaded into the nodes of {maker.prefix}{self._cluster}",
                why=error.why or error.what,
                next_command=maker.loaded_by_hand(image.reference, self._cluster),
                details=error.details,
            ) from error
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise no_room_here(image.reference) from error
        for shell in self._store.shells:
            self._store.await_id(shell, image)
        return LoadReport(image.reference, " ".join(maker.load[:3]), sent.size_bytes * len(self._store.shells), len(image.layers), 0)
