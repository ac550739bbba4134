"""The whole stack as it was understood, and the choices in it: parts, service, requests, images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shelterctl.core.stack import engines
from shelterctl.core.stack.documents import Document, Manifests, Origin, Unreadable
from shelterctl.core.stack.generated import GeneratedSecret
from shelterctl.core.stack.model import (
    Build,
    ClaimFact,
    Question,
    Route,
    Scaler,
    Service,
    Sources,
    StackFinding,
    VolumeFact,
    Workload,
)
from shelterctl.core.stack.roles import Roles
from shelterctl.core.stack.told.policies import Policy


@dataclass(frozen=True, slots=True)
class Requests:
    """The write and the read that everything is measured and proved by; None where the sources have none. `doubts` are questions."""

    write: Route | None
    read: Route | None
    read_one: Route | None = None
    doubts: tuple[Question, ...] = ()


@dataclass(frozen=True, slots=True)
class Image:
    """An image of the stack. `build` is None for one that comes from elsewhere; `origin` is where a workload names it."""

    name: str
    policy: str
    build: Build | None
    used_by: tuple[str, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Stack:
    """`namespaces` are those that its objects live in, the application's first. `folder` is its own, for titles."""

    folder: str
    namespaces: tuple[str, ...]
    manifests: Manifests
    workloads: tuple[Workload, ...]
    services: tuple[Service, ...]
    scalers: tuple[Scaler, ...]
    claims: tuple[ClaimFact, ...]
    volumes: tuple[VolumeFact, ...]
    roles: Roles
    app_service: Service | None
    images: tuple[Image, ...]
    requests: Requests
    sources: Sources
    findings: tuple[StackFinding, ...] = ()
    questions: tuple[Question, ...] = ()
    #: What the owner's file has generated.
    generated: tuple[GeneratedSecret, ...] = ()
    #: The port of `app_service` that its owner named; 0 where they named none.
    app_port: int = 0
    policies: tuple[Policy, ...] = ()

    @property
    def wanted_secrets(self) -> tuple[tuple[str, GeneratedSecret], ...]:
        """Each Secret that is generated, with a namespace that it is wanted in: the one named for it, else those of its takers."""
        found: dict[tuple[str, str], GeneratedSecret] = {}
        for secret in self.generated:
            takers = [w.namespace for w in self.workloads if any(r.kind == "Secret" and r.name == secret.name for r in w.needs)]
            found |= {(namespace, secret.name): secret for namespace in ([secret.namespace] if secret.namespace else takers)}
        return tuple((namespace, secret) for (namespace, _), secret in found.items())

    @property
    def documents(self) -> tuple[Document, ...]:
        return self.manifests.documents

    @property
    def unreadable(self) -> tuple[Unreadable, ...]:
        return self.manifests.unreadable

    @property
    def scaler(self) -> Scaler | None:
        """The application's."""
        app = self.roles.app
        return next((s for s in self.scalers if app is not None and s.target == app.key and s.namespace == app.namespace), None)

    @property
    def built(self) -> Mapping[str, Build]:
        return {image.name: image.build for image in self.images if image.build is not None}

    @property
    def data_path(self) -> str:
        """Where the database keeps its data; empty where there is none."""
        database, engine = self.roles.database, self.roles.engine
        if database is None or engine is None or not database.containers:
            return ""
        holding = next((c for c in database.containers if engines.of_image(c.image) is engine), database.containers[0])
        return engines.data_path(engine, holding, self.built.get(holding.image))

    def services_of(self, workload: Workload | None) -> tuple[Service, ...]:
        return () if workload is None else tuple(service for service in self.services if service.leads_to(workload))
