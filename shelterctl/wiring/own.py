"""A user's own stack on a cluster: the same target, with their objects in the place of the tool's."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from shelterctl.core.state import Place
from shelterctl.ports.capabilities import Lacking
from shelterctl.settings import Settings
from shelterctl.wiring.cluster import ClusterWiring
from shelterctl.wiring.minikube import MinikubeWiring

if TYPE_CHECKING:
    from shelterctl.adapters.builder.stack_images import StackImages
    from shelterctl.adapters.kube.api import KubeApi
    from shelterctl.adapters.kube.own import OwnCluster
    from shelterctl.core.stack.exchange import Exchange
    from shelterctl.core.stack.stack import Stack
    from shelterctl.ops.up.answer import Answers


class OwnStack(ClusterWiring):
    """What differs where the stack is somebody's own. It stands before the wiring of the cluster that it is on."""

    policies = Lacking("the stack's policies are its owner's")  # type: ignore[assignment]

    def __init__(self, settings: Settings, context: str, folder: Path) -> None:
        super().__init__(settings, context)
        self.folder = folder

    @cached_property
    def stack(self) -> Stack:
        from shelterctl.wiring.stacks import read_stack

        return read_stack(self.settings)

    @cached_property
    def project(self) -> Path:
        return self.folder

    @cached_property
    def builder(self) -> StackImages:  # type: ignore[override]
        from shelterctl.adapters.builder.stack_images import StackImages

        return StackImages(self.engine, self.folder, lambda: self.stack.built, self._app_image)

    def _app_image(self) -> str:
        app = self.stack.roles.app
        return app.containers[0].image if app is not None and app.containers else ""

    def _cluster(self, api: KubeApi) -> OwnCluster:
        from shelterctl.adapters.kube.own import OwnCluster

        return OwnCluster(api, lambda: self.stack)

    @cached_property
    def exchange(self) -> Exchange:
        from shelterctl.adapters.stack import config
        from shelterctl.core.stack import exchange

        settled = config.read(self.folder)
        return exchange.of(self.stack, settled.writes, settled.reads)

    def answers(self) -> Answers:
        from shelterctl.ops.up.marked import MarkedAnswers

        return MarkedAnswers(self.question(), self.clock, self.exchange)


class OwnOnMinikube(OwnStack, MinikubeWiring):
    """In a minikube profile."""

    @cached_property
    def place(self) -> Place:
        return Place(self.context, self.target.namespaces()[0], profile=self.context)


class OwnOnCluster(OwnStack):
    """In any other cluster."""

    @cached_property
    def place(self) -> Place:
        return Place(self.context, self.target.namespaces()[0])
