"""A user's own stack on a cluster: the same target, with their objects in the place of the tool's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from shelterctl.core.state import Place, Role
from shelterctl.ports.capabilities import Lacking
from shelterctl.settings import Settings
from shelterctl.wiring.cluster import ClusterWiring
from shelterctl.wiring.container_nodes import ContainerNodesWiring
from shelterctl.wiring.minikube import MinikubeWiring
from shelterctl.wiring.own_folder import OwnFolder

if TYPE_CHECKING:
    from shelterctl.adapters.builder.registry import RegistryPublisher
    from shelterctl.adapters.builder.stack_images import StackImages
    from shelterctl.adapters.kube.api import KubeApi
    from shelterctl.adapters.kube.dns import PodDnsProber
    from shelterctl.adapters.kube.own.cluster import OwnCluster
    from shelterctl.adapters.kube.own.database import OwnDatabaseReader
    from shelterctl.core.checkup.check import Finding
    from shelterctl.core.stack.stack import Stack
    from shelterctl.ops.doctor.cluster import ClusterExaminer


class OwnStack(OwnFolder, ClusterWiring):
    """What differs where the stack is somebody's own. It stands before the wiring of the cluster that it is on."""

    policies = Lacking("the stack's policies are its owner's")  # type: ignore[assignment]

    def __init__(self, settings: Settings, context: str, folder: Path, *, adopted: bool = False) -> None:
        super().__init__(settings, context)
        self.folder = folder
        self.adopted = adopted

    @cached_property
    def stack(self) -> Stack:
        from shelterctl.wiring.stacks import read_running, read_stack

        return read_running(self.settings, self.api) if self.adopted else read_stack(self.settings)

    def publisher(self) -> RegistryPublisher | None:
        from shelterctl.adapters.builder.registry import RegistryPublisher
        from shelterctl.errors import UsageError

        named = {image.name for image in self.settled.images if image.use == "registry"}
        where = self.settings.registry
        if where is None:
            if named:
                what = f"{', '.join(sorted(named))}: [stack.image] says that it goes to a registry, and none is named"
                raise UsageError(what, next_command="shelterctl up --registry HOST/PATH")
            return None
        # With a registry and no word about any image, all that are built go there.
        return RegistryPublisher(self.engine, where, lambda name: not named or name in named, self.settings.pull_secret or "")

    @cached_property
    def builder(self) -> StackImages:  # type: ignore[override]
        from shelterctl.adapters.builder.stack_images import StackImages

        return StackImages(self.engine, self.folder, lambda: self.stack.built, self._app_image, told=lambda: bool(self.routes.version))

    def versions(self) -> Mapping[str, Callable[[], str]]:
        return {**super().versions(), "sources": self.described}

    def _cluster(self, api: KubeApi) -> OwnCluster:
        from shelterctl.adapters.kube.own.adopted import AdoptedCluster
        from shelterctl.adapters.kube.own.cluster import OwnCluster

        kind = AdoptedCluster if self.adopted else OwnCluster
        return kind(api, lambda: self.stack, insist=self.settings.yes, way=self.way)

    @cached_property
    def database(self) -> OwnDatabaseReader:  # type: ignore[override]
        from shelterctl.adapters.kube.own.database import OwnDatabaseReader

        facts = self.settled.database_facts
        return OwnDatabaseReader(
            self.own, self.prefix_of, self.sent, wanted=str(facts.get("place", "")), secret=str(facts.get("secret", ""))
        )

    @cached_property
    def names(self) -> PodDnsProber:
        from shelterctl.adapters.kube.asking.pod import MadePods
        from shelterctl.adapters.kube.dns import PodDnsProber
        from shelterctl.core.stack.told import addresses

        return PodDnsProber(
            self.api,
            self.target,
            container=None,
            services=self._own_service,
            hosts=lambda: addresses.hosts(self.stack),
            nowhere=lambda: addresses.nowhere(self.stack),
            notes=self._unresolvable,
            made=MadePods(self.api),
        )

    def secret_value(self, name: str, key: str) -> str:
        """Of a Secret beside the application, or beside another part of the stack. Raises UsageError."""
        import base64
        import binascii

        from shelterctl.errors import UsageError

        what = f"[load] headers: {{secret:{name}/{key}}}"
        namespaces = self.target.namespaces()
        secrets = (self.api.get_or_none(self.api.object_path("v1", "Secret", namespace, name)) for namespace in namespaces)
        found = next((each for each in secrets if each is not None), None)
        if found is None:
            raise UsageError(f"{what}: there is no such Secret in {' or '.join(namespaces)}", next_command="kubectl get secrets")
        try:
            return base64.b64decode((found.get("data") or {})[key], validate=True).decode()
        except KeyError:
            raise UsageError(f"{what}: it has no such key", why=f"it has {', '.join(found.get('data') or {}) or 'none'}") from None
        except (binascii.Error, UnicodeDecodeError):
            raise UsageError(f"{what}: that is no text") from None

    def _unresolvable(self) -> tuple[str, ...]:
        """Names of pods that cannot be there by construction."""
        found = [finding for finding in self.stack.findings if finding.code == "pod-names-unresolvable"]
        return tuple(finding.what if "does not resolve" in finding.what else f"{finding.what}: {finding.why}" for finding in found)

    def _own_service(self, namespace: str, name: str) -> bool:
        return any(service.namespace == namespace and service.name == name for service in self.stack.services)

    def examiner(self) -> ClusterExaminer:
        import sys

        from shelterctl.ops.doctor.cluster import ClusterExaminer

        return ClusterExaminer(self._facts, self.clock, self.place, sys.platform, self._findings)

    def _findings(self) -> list[Finding]:
        from shelterctl.core.checkup import own

        state = self.target.state(with_usage=False)
        found = [*own.judge_files(self.stack), *own.judge_running(self.stack, state, now_s=self.clock.wall_s())]
        if (self.routes.live or self.routes.health) and state.workload(Role.APP) is not None:
            from shelterctl.adapters.checkup.stack import answer
            from shelterctl.core.checkup.service import judge_answer

            found += judge_answer(answer(state, self.routes))
        return found

    @cached_property
    def own(self) -> OwnCluster:
        """The target by its own name: it alone has a stack."""
        return self._cluster(self.api)

    @cached_property
    def target(self) -> OwnCluster:
        return self.own


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


class OwnOnContainerNodes(OwnOnCluster, ContainerNodesWiring):
    """In a cluster whose nodes are containers here."""
