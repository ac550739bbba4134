"""Clusters whose nodes are containers of this machine's Docker: kind's and k3d's.

A context's name only suggests one. The nodes say it: kind's kubelets have the provider id `kind://PROVIDER/CLUSTER/NODE`
(kubernetes-sigs/kind, `pkg/cluster/internal/kubeadm/config.go`), k3s gives `k3s://NODE`, and k3d names its nodes `k3d-CLUSTER-…`. Both put
the cluster's name on the container as a label.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shelterctl.adapters import process
from shelterctl.adapters.nodes.shell import NodeShell, docker_shell, host_docker_env
from shelterctl.errors import ProgramMissing
from shelterctl.ports.capabilities import Lacking

_QUERY_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Maker:
    """A program that makes such clusters. `load` and `by_hand` have FILE, IMAGE and CLUSTER where those are named."""

    program: str
    prefix: str
    label: str
    load: tuple[str, ...]
    by_hand: tuple[str, ...]
    install: str

    def loading(self, file: str, cluster: str) -> list[str]:
        """The command that loads an image's archive into every node."""
        return [{"FILE": file, "CLUSTER": cluster}.get(word, word) for word in self.load]

    def loaded_by_hand(self, image: str, cluster: str) -> str:
        """What a person runs to the same end."""
        return shlex.join({"IMAGE": image, "CLUSTER": cluster}.get(word, word) for word in self.by_hand)


KIND = Maker(
    "kind",
    "kind-",
    "io.x-k8s.kind.cluster",
    ("kind", "load", "image-archive", "FILE", "--name", "CLUSTER"),
    ("kind", "load", "docker-image", "IMAGE", "--name", "CLUSTER"),
    "https://kind.sigs.k8s.io/docs/user/quick-start/#installation",
)
K3D = Maker(
    "k3d",
    "k3d-",
    "k3d.cluster",
    ("k3d", "image", "import", "FILE", "-c", "CLUSTER"),
    ("k3d", "image", "import", "IMAGE", "-c", "CLUSTER"),
    "https://k3d.io/stable/#installation",
)


def maker_of(context: str) -> tuple[Maker, str] | None:
    """The maker whose contexts have such a name, and the cluster's name in it."""
    for maker in (KIND, K3D):
        if context.startswith(maker.prefix) and context != maker.prefix:
            return maker, context.removeprefix(maker.prefix)
    return None


def container_nodes(maker: Maker, cluster: str, nodes: Sequence[Mapping[str, Any]]) -> tuple[NodeShell, ...] | Lacking:
    """A root shell for each node, or why they are not that maker's containers here. `nodes` are the API's objects.

    Raises WaitTimeout where Docker does not answer.
    """
    names = [str(node["metadata"]["name"]) for node in nodes]
    others = [name for name, node in zip(names, nodes, strict=True) if not _is_of(maker, cluster, name, node)]
    if others or not names:
        of = f"{others[0]} is no node of {maker.program}'s cluster {cluster}" if others else "the cluster has no nodes"
        return Lacking(f"{maker.prefix}{cluster} is named as {maker.program}'s contexts are, and is none: {of}")
    argv = ["docker", "container", "inspect", "-f", f'{{{{index .Config.Labels "{maker.label}"}}}}', *names]
    try:
        found = process.run(argv, timeout_s=_QUERY_TIMEOUT_S, env=host_docker_env(), check=False)
    except ProgramMissing:
        return Lacking(f"the nodes of {maker.prefix}{cluster} are containers, and docker is not on the PATH")
    if found.returncode != 0 or found.text.split() != [cluster] * len(names):
        said = (found.error_text.strip().splitlines() or [f"the containers of that name are not those of cluster {cluster}"])[-1]
        return Lacking(f"the nodes of {maker.prefix}{cluster} are no containers of this machine's Docker: {said}")
    return tuple(map(docker_shell, names))


def _is_of(maker: Maker, cluster: str, name: str, node: Mapping[str, Any]) -> bool:
    scheme, _, rest = str((node.get("spec") or {}).get("providerID") or "").partition("://")
    if maker is KIND:
        return scheme == "kind" and rest.split("/")[1:] == [cluster, name]
    return scheme == "k3s" and rest == name and name.startswith(f"k3d-{cluster}-")
