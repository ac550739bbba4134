"""A stack in a minikube profile: a cluster whose machine this host starts, and whose nodes take images that it sends."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from shelterctl.core.state import Place
from shelterctl.errors import MinikubeUnavailable
from shelterctl.settings import DEFAULTS
from shelterctl.wiring.cluster import ClusterWiring

if TYPE_CHECKING:
    from shelterctl.adapters.minikube.machine import Minikube
    from shelterctl.adapters.minikube.node_images import MinikubeImages
    from shelterctl.adapters.minikube.tunnel import NodeTunnel
    from shelterctl.adapters.nodes.shell import NodeShell


class MinikubeWiring(ClusterWiring):
    """The context and the profile have one name."""

    @cached_property
    def place(self) -> Place:
        return Place(self.context, self.settings.namespace, profile=self.context)

    @property
    def options(self) -> Sequence[str]:
        named = () if self.context == DEFAULTS.profile else (f"--profile {shlex.quote(self.context)}",)
        return (*self._asked, *named)

    @property
    def programs(self) -> Mapping[str, str]:
        return {**super().programs, **({} if self.context == DEFAULTS.profile else {"minikube": f"-p {shlex.quote(self.context)}"})}

    @property
    def doubt(self) -> str:
        return ""

    @cached_property
    def machine(self) -> Minikube:
        from shelterctl.adapters.minikube.machine import Minikube

        return Minikube(self.context)

    @property
    def shells(self) -> Callable[[], Sequence[NodeShell]]:
        return self.machine.node_shells

    def forward(self) -> NodeTunnel | None:
        from shelterctl.adapters.minikube.tunnel import NodeTunnel

        profile = self.machine.profile()
        return NodeTunnel(profile.name, profile.driver) if profile is not None and profile.driver not in ("none", "ssh") else None

    @property
    def images(self) -> Callable[[], MinikubeImages]:
        return self._open_images

    def check_running(self) -> None:
        """Raises MinikubeUnavailable."""
        machine = self.machine.state()
        if not machine.running:
            raise MinikubeUnavailable(
                f"minikube profile {machine.profile} is not running", why=machine.detail, next_command="shelterctl up"
            )

    def versions(self) -> Mapping[str, Callable[[], str]]:
        def machine() -> str:
            state = self.machine.state()
            return f"profile {state.profile}, {state.driver}, {state.detail}"

        return {**super().versions(), "minikube": machine}

    def _open_images(self) -> MinikubeImages:
        from shelterctl.adapters.minikube.node_images import MinikubeImages

        profile = self.machine.profile()
        shells = self.machine.node_shells()
        assert profile is not None
        return MinikubeImages(profile.name, profile.runtime, shells, self.engine)
