"""A stack in any cluster that a kubeconfig context names."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from shelterctl.adapters.kube.api import KubeApi
from shelterctl.core.endpoint import Reach
from shelterctl.core.state import Place, Role
from shelterctl.errors import UsageError
from shelterctl.ports.capabilities import Lacking
from shelterctl.settings import DEFAULTS, Settings
from shelterctl.wiring.parts import Wiring

if TYPE_CHECKING:
    from shelterctl.adapters.builder.app_image import AppImage
    from shelterctl.adapters.builder.context import FolderContext
    from shelterctl.adapters.builder.engine import DockerEngine
    from shelterctl.adapters.builder.scanner import ImageScanner
    from shelterctl.adapters.checkup.facts import KubernetesCheckup, Repairs
    from shelterctl.adapters.kube.cluster import KubernetesCluster
    from shelterctl.adapters.kube.database import PodDatabaseReader
    from shelterctl.adapters.kube.dns import PodDnsProber
    from shelterctl.adapters.kube.faults import KubernetesFaults
    from shelterctl.adapters.kube.look.endpoint import Forward, Way
    from shelterctl.adapters.minikube.machine import Minikube
    from shelterctl.adapters.nodes.shell import NodeShell
    from shelterctl.ops.doctor.cluster import ClusterExaminer
    from shelterctl.ops.load_inside import InsidePorts
    from shelterctl.ops.up.prerequisites import ClusterPreparation
    from shelterctl.ports.capabilities import NodeImages


class ClusterWiring(Wiring):
    """A cluster whose machines are not this host's: its nodes pull their images, and nobody enters them."""

    def __init__(self, settings: Settings, context: str) -> None:
        super().__init__(settings)
        self.context = context

    def foresee(self, overlay: str) -> None:
        from shelterctl.adapters import kustomize

        with suppress(UsageError):
            folder = self.project / "manifests" / "overlays" / overlay
            if not self.owners and (folder / "kustomization.yaml").is_file():
                kustomize.begin(folder)

    def keep_choice(self) -> None:
        from shelterctl.wiring.stacks import keep_adopted

        if self.settings.adopt is not None:
            keep_adopted(self.settings, self.context)

    @property
    def machine(self) -> Minikube | None:
        """The machine under the cluster, where shelterctl may start it."""
        return None

    @property
    def shells(self) -> Callable[[], Sequence[NodeShell]] | None:
        """Opens root shells in the nodes, where they can be entered."""
        return None

    @property
    def no_kill_of_a_process(self) -> str:  # type: ignore[override]
        return "" if self.shells is not None else "this context's nodes cannot be entered"

    @cached_property
    def place(self) -> Place:
        return Place(self.context, self.settings.namespace)

    @property
    def doubt(self) -> str:
        return f"context {self.context} is not that of the minikube profile"

    @property
    def options(self) -> Sequence[str]:
        named = () if self.context == DEFAULTS.profile else (f"--context {shlex.quote(self.context)}",)
        return (*self._asked, *named)

    @property
    def _asked(self) -> Sequence[str]:
        """Who had to say that a cluster is meant must say it again."""
        return ("--target minikube",) if self.settings.target == "minikube" else ()

    @property
    def programs(self) -> Mapping[str, str]:
        return {"kubectl": f"--context {shlex.quote(self.context)}"}

    @cached_property
    def api(self) -> KubeApi:
        return KubeApi(self.context)

    @cached_property
    def way(self) -> Way:
        """How the application's Service is reached."""
        from shelterctl.adapters.kube.look.endpoint import Way

        return Way(Reach(self.settings.reach), self.forward())

    def forward(self) -> Forward | None:
        """A tunnel through a node, where one can be entered."""
        return None

    @cached_property
    def target(self) -> KubernetesCluster:
        return self._cluster(self.api)

    @property
    def policies(self) -> KubernetesCluster:
        return self.target

    @cached_property
    def engine(self) -> DockerEngine:
        from shelterctl.adapters.builder.engine import DockerEngine

        return DockerEngine()

    @cached_property
    def sources(self) -> FolderContext:
        from shelterctl.adapters.builder.context import FolderContext

        return FolderContext(self.project / "app")

    @cached_property
    def builder(self) -> AppImage:
        from shelterctl.adapters.builder.app_image import AppImage

        return AppImage(self.engine, lambda: self.sources)

    @property
    def scanner(self) -> ImageScanner:
        from shelterctl.adapters.builder.scanner import ImageScanner

        return ImageScanner()

    @property
    def images(self) -> Callable[[], NodeImages] | Lacking:
        return Lacking(f"{self.context} is no minikube profile", "its nodes pull their images themselves")

    def load_inside(self) -> InsidePorts | Lacking:
        from shelterctl.adapters.builder.load_image import LoadImage
        from shelterctl.adapters.kube.swarm.generator import JobGenerator
        from shelterctl.adapters.kube.swarm.objects import NAMESPACE
        from shelterctl.ops.load_inside import InsidePorts

        images = self.images
        if isinstance(images, Lacking):
            return Lacking(f"the load's image cannot be brought into the nodes: {images.what}", images.why, "leave --in-cluster out")

        def generator(image: str) -> JobGenerator:
            return JobGenerator(self.api, NAMESPACE, image, self._labels_of_application())

        return InsidePorts(LoadImage(self.engine), images, generator, self.clock)

    def _labels_of_application(self) -> Mapping[str, str]:
        """By which its pods are told from others: a load keeps away from them where it can."""
        app = self.target.state(with_usage=False).workload(Role.APP)
        if app is None:
            return {}
        path = f"/apis/apps/v1/namespaces/{app.namespace}/{app.kind.lower()}s/{app.name}"
        found: Mapping[str, str] = self.api.get(path)["spec"]["selector"].get("matchLabels") or {}
        return found

    @cached_property
    def preparation(self) -> ClusterPreparation:
        from shelterctl.ops.up.prerequisites import ClusterPreparation

        return ClusterPreparation(self.builder, self.machine, self.target, self.clock)

    def check_running(self) -> None:
        """Nothing is known of it before it is asked."""

    @cached_property
    def database(self) -> PodDatabaseReader:
        from shelterctl.adapters.kube.database import PodDatabaseReader

        return PodDatabaseReader(self.target)

    @cached_property
    def names(self) -> PodDnsProber:
        from shelterctl.adapters.kube.dns import PodDnsProber

        return PodDnsProber(self.api, self.target)

    def faults(self) -> KubernetesFaults:
        from shelterctl.adapters.kube.faults import KubernetesFaults

        return KubernetesFaults(self.api, self.shells)

    def examiner(self) -> ClusterExaminer:
        from shelterctl.ops.doctor.cluster import ClusterExaminer

        return ClusterExaminer(self._facts, self.clock, self.place, sys.platform)

    def repairs(self) -> Repairs:
        from shelterctl.adapters.checkup.facts import Repairs

        return Repairs(KubeApi(self.context), self.machine)

    def versions(self) -> Mapping[str, Callable[[], str]]:
        return {
            "docker": lambda: self.engine.check().version,
            "minikube": lambda: "not this context's",
            "kubernetes": self.target.version,
            "sources": lambda: self.sources.tag(),
        }

    def _cluster(self, api: KubeApi) -> KubernetesCluster:
        from shelterctl.adapters.kube.cluster import KubernetesCluster

        return KubernetesCluster(api, self.settings.namespace, lambda: self.project / "manifests", self.way)

    def scaling_facts(self) -> KubernetesCheckup:
        return self._facts()

    def _facts(self) -> KubernetesCheckup:
        """A new look at everything, with a connection of its own: a repair may have changed the kubeconfig."""
        from shelterctl.adapters.checkup.facts import KubernetesCheckup

        api = KubeApi(self.context)
        return KubernetesCheckup(
            api, self._cluster(api), self.machine, self._node_images, self.settings.overlay, routes=lambda: self.routes, own=self.owners
        )

    def _node_images(self) -> NodeImages:
        from shelterctl.ports.capabilities import required

        return required(self.images)()
