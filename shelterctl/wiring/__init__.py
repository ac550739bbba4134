"""Builds the adapters that a command needs: a module for each kind of target, and the choice between them.

The only package that knows both sides. A target of another kind is one new package of adapters and one new module here that
subclasses `parts.Wiring`; `ops` and `cli` do not learn of it.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from shelterctl.settings import DEFAULTS

if TYPE_CHECKING:
    from shelterctl.settings import Settings
    from shelterctl.wiring.parts import Wiring


def wire(settings: Settings) -> Wiring:
    """The wiring of the target that the settings name: this machine's processes, a minikube profile, or any other kubeconfig context.

    Where none is named: the cluster of the pod that this runs in; else the embedded target if a stack is up there, else minikube if Docker
    and minikube are here, else the embedded one.

    A context that has a profile's name and that minikube does not know is any other cluster. Where neither knows the name, it is that of
    a profile to be made.
    """
    if settings.target == "local":
        return _local(settings)
    if settings.context is None and settings.profile == DEFAULTS.profile and _in_a_pod():
        from shelterctl.adapters.kube.access import IN_CLUSTER

        return _cluster(replace(settings, context=IN_CLUSTER))
    if settings.target == "auto" and settings.context is None and settings.profile == DEFAULTS.profile:
        if _local_is_up(settings):
            return _local(settings)
        missing = [program for program in ("docker", "minikube") if not _here(program)]
        if missing:
            return _local(settings, f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not on the PATH")
    return _cluster(settings)


def _local(settings: Settings, why: str = "") -> Wiring:
    from shelterctl.wiring.stacks import own_folder

    folder = own_folder(settings)
    if folder is not None:
        from shelterctl.wiring.own_local import OwnLocal

        return OwnLocal(settings, folder, why)
    from shelterctl.wiring.local import LocalWiring

    return LocalWiring(settings, why)


def _local_is_up(settings: Settings) -> bool:
    from shelterctl.wiring import local, own_local
    from shelterctl.wiring.stacks import own_folder

    folder = own_folder(settings)
    return local.is_up(settings) if folder is None else own_local.is_up(settings, folder)


def _in_a_pod() -> bool:
    """Whether a pod's own cluster is meant: it has no other. Nothing is imported for the answer elsewhere."""
    if not os.environ.get("KUBERNETES_SERVICE_HOST"):
        return False
    from shelterctl.adapters.kube.access import runs_in_a_pod

    return runs_in_a_pod()


def _here(program: str) -> bool:
    """Whether the program can be used. Docker is asked through its socket, which is there without its command line, too."""
    host = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    socket_there = program == "docker" and (not host.startswith("unix://") or Path(host.removeprefix("unix://")).exists())
    return socket_there or shutil.which(program) is not None


def _cluster(settings: Settings) -> Wiring:
    from shelterctl.adapters.minikube.machine import minikube_home
    from shelterctl.adapters.nodes.containers import maker_of
    from shelterctl.wiring.cluster import ClusterWiring
    from shelterctl.wiring.container_nodes import ContainerNodesWiring
    from shelterctl.wiring.minikube import MinikubeWiring
    from shelterctl.wiring.stacks import is_adopted, own_folder, stack_folder

    # The context of a profile has the profile's name.
    context = settings.context or settings.profile
    known = False
    # No home folder, or one that may not be read: then minikube has no profile of that name either.
    with suppress(OSError, RuntimeError):
        known = (minikube_home() / "profiles" / context / "config.json").is_file()
    if not known and settings.context is None:
        from shelterctl.adapters.kube.access import has_context

        known = not has_context(context)
    taken = is_adopted(settings, context)
    folder = stack_folder(settings) if taken else own_folder(settings)
    if folder is not None:
        from shelterctl.wiring.own import OwnOnCluster, OwnOnContainerNodes, OwnOnMinikube

        own = OwnOnMinikube if known else OwnOnContainerNodes if maker_of(context) else OwnOnCluster
        return own(settings, context, folder, adopted=taken)
    tools = MinikubeWiring if known else ContainerNodesWiring if maker_of(context) else ClusterWiring
    return tools(settings, context)
