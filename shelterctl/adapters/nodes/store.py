"""The images that nodes have, by their names and ids, as the nodes' own container runtime lists them."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping, Sequence

from shelterctl.adapters.nodes.shell import NodeShell
from shelterctl.core.deploy.image import LocalImage
from shelterctl.errors import ImageLoadFailed

QUERY_TIMEOUT_S = 30.0
#: containerd tells the kubelet's interface of a new image by an event, some milliseconds after the import.
APPEAR_TIMEOUT_S = 10.0

_CRICTL_IMAGES = ("crictl", "images", "-o", "json")
_DOCKER_DIGESTS = ("docker", "images", "--digests", "--no-trunc", "--format", "{{.Digest}} {{.ID}}")
_DOCKER_IMAGES = ("docker", "images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}")


class HeldImages:
    """The part of `ports.capabilities.NodeImages` that only looks: what the nodes of a store have."""

    def __init__(self, store: NodeStore) -> None:
        self._store = store

    def runtime(self) -> str:
        return self._store.runtime

    def image_ids(self) -> Mapping[str, str]:
        """Reference to image id for what every node has under the same id. Raises CommandFailed."""
        return self._store.image_ids()

    def ids_by_digest(self) -> Mapping[str, str]:
        """Of all nodes together. Raises CommandFailed."""
        return self._store.ids_by_digest()


class NodeStore:
    """What the nodes of one cluster have. `runtime` is their container runtime, `look` the command by which a person sees the same."""

    def __init__(self, shells: Sequence[NodeShell], runtime: str, look: str) -> None:
        self.shells = tuple(shells)
        self.runtime = runtime
        self._look = look

    def image_ids(self) -> Mapping[str, str]:
        """Reference to image id for what every node has under the same id; one command in each node. Raises CommandFailed."""
        found = [self.ids_in(shell) for shell in self.shells]
        return {name: image_id for name, image_id in found[0].items() if all(ids.get(name) == image_id for ids in found)}

    def ids_by_digest(self) -> Mapping[str, str]:
        """Of all nodes together. Raises CommandFailed."""
        found: dict[str, str] = {}
        for shell in self.shells:
            if self.runtime == "docker":
                found |= parse_docker_digests(shell.run(_DOCKER_DIGESTS, timeout_s=QUERY_TIMEOUT_S).text)
            else:
                found |= parse_crictl_digests(shell.run(_CRICTL_IMAGES, timeout_s=QUERY_TIMEOUT_S).stdout)
        return found

    def ids_in(self, shell: NodeShell) -> Mapping[str, str]:
        """The same of one node."""
        if self.runtime == "docker":
            return parse_docker_images(shell.run(_DOCKER_IMAGES, timeout_s=QUERY_TIMEOUT_S).text)
        return parse_crictl_images(shell.run(_CRICTL_IMAGES, timeout_s=QUERY_TIMEOUT_S).stdout)

    def await_id(self, shell: NodeShell, image: LocalImage) -> None:
        """Waits until the node names the image with the id that was sent. Raises ImageLoadFailed where it does not."""
        deadline = time.monotonic() + APPEAR_TIMEOUT_S
        while (found := self.ids_in(shell).get(short_name(image.reference), "")) != image.image_id:
            if time.monotonic() > deadline:
                raise ImageLoadFailed(
                    f"node {shell.node} does not have the {image.reference} that was sent",
                    why=f"it has {found or 'no image of that name'}, sent was {image.image_id}",
                    next_command=self._look,
                )
            time.sleep(0.1)


def no_room_here(reference: str) -> ImageLoadFailed:
    """A full disk of this machine."""
    folder = tempfile.gettempdir()
    return ImageLoadFailed(
        f"{reference} could not be prepared for the node", why=f"no space left in {folder}", next_command=f"df -h {folder}"
    )


def short_name(reference: str) -> str:
    """A reference without what the default registry adds: `docker.io/library/app:1` and `app:1` are `app:1`."""
    return reference.removeprefix("docker.io/").removeprefix("library/")


def full_name(reference: str) -> str:
    """A reference with its registry, as containerd names images (the rule of docker's reference grammar)."""
    first, slash, _ = reference.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return reference
    return f"docker.io/{reference}" if slash else f"docker.io/library/{reference}"


def parse_crictl_images(output: bytes) -> Mapping[str, str]:
    """Short reference to image id, from `crictl images -o json`. Raises ImageLoadFailed where it is something else."""
    try:
        return {
            short_name(str(tag)): str(image["id"]) for image in json.loads(output)["images"] or [] for tag in image.get("repoTags") or []
        }
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ImageLoadFailed("the node's list of images cannot be read", why=str(error)) from error


def parse_crictl_digests(output: bytes) -> Mapping[str, str]:
    """A manifest's digest to the image's id, from the same. Raises ImageLoadFailed where it is something else."""
    try:
        images = json.loads(output)["images"] or []
        return {str(name).rpartition("@")[2]: str(image["id"]) for image in images for name in image.get("repoDigests") or []}
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ImageLoadFailed("the node's list of images cannot be read", why=str(error)) from error


def parse_docker_images(output: str) -> Mapping[str, str]:
    """Short reference to image id, from `docker images` with one `name:tag id` a line."""
    pairs = (line.split() for line in output.splitlines())
    return {short_name(pair[0]): pair[1] for pair in pairs if len(pair) == 2 and "<none>" not in pair[0]}


def parse_docker_digests(output: str) -> Mapping[str, str]:
    """A manifest's digest to the image's id, from `docker images --digests` with one `digest id` a line."""
    pairs = (line.split() for line in output.splitlines())
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2 and pair[0].startswith("sha256:")}
