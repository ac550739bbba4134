"""Builds the adapters that a command needs. The only module that knows both sides; heavy packages are imported when they are used."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from shelterctl.adapters.clock import SystemClock
from shelterctl.adapters.kube.api import KubeApi
from shelterctl.errors import UsageError
from shelterctl.settings import Settings

if TYPE_CHECKING:
    from shelterctl.adapters.build.context import FolderContext
    from shelterctl.adapters.build.engine import DockerEngine
    from shelterctl.adapters.checkup.facts import KubernetesCheckup, Repairs
    from shelterctl.adapters.http_client import HttpxClient
    from shelterctl.adapters.http_question import Urllib3Client
    from shelterctl.adapters.kube.cluster import KubernetesCluster
    from shelterctl.adapters.kube.database import PodDatabaseReader
    from shelterctl.adapters.kube.dns import PodDnsProber
    from shelterctl.adapters.kube.faults import KubernetesFaults
    from shelterctl.adapters.minikube.images import MinikubeImages
    from shelterctl.adapters.minikube.machine import Minikube
    from shelterctl.adapters.swarm.runner import LocustRunner


class Wiring:
    """The adapters of one command, each made once, when it is asked for."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = SystemClock()

    @cached_property
    def context(self) -> str:
        """The kubeconfig context: the one that was named, else that of the minikube profile, which has its name."""
        return self.settings.context or self.settings.profile

    @cached_property
    def is_minikube(self) -> bool:
        """Whether the context is that of a minikube profile: the default one, or any that minikube knows."""
        from shelterctl.adapters.minikube.machine import minikube_home

        return self.context == self.settings.profile or (minikube_home() / "profiles" / self.context / "config.json").is_file()

    @cached_property
    def project(self) -> Path:
        """The folder that holds `app/` and `manifests/`. Raises UsageError where there is none."""
        if self.settings.project_dir is not None:
            folder = Path(self.settings.project_dir)
            if not _is_project(folder):
                raise UsageError(f"--project-dir {folder}: it has no app/ and manifests/")
            return folder.resolve()
        here = Path.cwd()
        beside = Path(__file__).resolve().parent
        for place in (here, *here.parents, beside.parent, beside / "_project"):
            if _is_project(place):
                return place
        raise UsageError("no app/ and manifests/ here or above", next_command="--project-dir names the folder that has them")

    @cached_property
    def api(self) -> KubeApi:
        return KubeApi(self.context)

    @cached_property
    def cluster(self) -> KubernetesCluster:
        from shelterctl.adapters.kube.cluster import KubernetesCluster

        return KubernetesCluster(self.api, self.settings.namespace, lambda: self.project / "manifests")

    @cached_property
    def engine(self) -> DockerEngine:
        from shelterctl.adapters.build.engine import DockerEngine

        return DockerEngine()

    @cached_property
    def sources(self) -> FolderContext:
        from shelterctl.adapters.build.context import FolderContext

        return FolderContext(self.project / "app")

    @cached_property
    def machine(self) -> Minikube | None:
        from shelterctl.adapters.minikube.machine import Minikube

        return Minikube(self.context) if self.is_minikube else None

    def images(self) -> MinikubeImages:
        """The node's images; the machine must exist by now."""
        from shelterctl.adapters.minikube.images import MinikubeImages

        assert self.machine is not None
        profile = self.machine.profile()
        shells = self.machine.node_shells()
        assert profile is not None
        return MinikubeImages(profile.name, profile.runtime, shells, self.engine)

    @cached_property
    def database(self) -> PodDatabaseReader:
        from shelterctl.adapters.kube.database import PodDatabaseReader

        return PodDatabaseReader(self.cluster)

    @cached_property
    def dns(self) -> PodDnsProber:
        from shelterctl.adapters.kube.dns import PodDnsProber

        return PodDnsProber(self.api, self.cluster)

    def checkup(self) -> KubernetesCheckup:
        """A new look at everything, with a connection of its own: a repair may have changed the kubeconfig."""
        from shelterctl.adapters.checkup.facts import KubernetesCheckup
        from shelterctl.adapters.kube.cluster import KubernetesCluster

        api = KubeApi(self.context)
        cluster = KubernetesCluster(api, self.settings.namespace, lambda: self.project / "manifests")
        return KubernetesCheckup(api, cluster, self.machine, self.images, self.settings.overlay)

    def repairs(self) -> Repairs:
        from shelterctl.adapters.checkup.facts import Repairs

        return Repairs(KubeApi(self.context), self.machine)

    def faults(self) -> KubernetesFaults:
        """A new injector; it is used for one fault."""
        from shelterctl.adapters.kube.faults import KubernetesFaults

        return KubernetesFaults(self.api, self.machine.node_shells if self.machine is not None else None)

    def generator(self) -> LocustRunner:
        from shelterctl.adapters.swarm.runner import LocustRunner

        return LocustRunner()

    def question(self) -> Urllib3Client:
        """A client for a single question, which costs little to load."""
        from shelterctl.adapters.http_question import Urllib3Client

        return Urllib3Client()

    def http(self) -> HttpxClient:
        """A new client, with connections of its own."""
        from shelterctl.adapters.http_client import HttpxClient

        return HttpxClient()


def _is_project(folder: Path) -> bool:
    return (folder / "app" / "Dockerfile").is_file() and (folder / "manifests" / "overlays").is_dir()


def state_dir(settings: Settings) -> Path:
    return Path(os.path.expanduser(settings.state_dir))  # noqa: PTH111 - Path.expanduser raises where there is no home folder
