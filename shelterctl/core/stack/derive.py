"""From manifests, sources and Dockerfiles to a stack: pure, the same input gives the same stack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from shelterctl.core.stack import engines, findings, inventory, requests, roles
from shelterctl.core.stack.documents import Manifests, Origin
from shelterctl.core.stack.model import Build, Question, Service, Sources, VariableRead, Workload
from shelterctl.core.stack.questions import DOCKERFILE
from shelterctl.core.stack.stack import Image, Stack
from shelterctl.core.stack.told import policies


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the owner settled in shelterctl.toml, or answers now; empty where it is left to be found.

    `dockerfile` is of the first image that several may build: the one that is asked about. `service` is `NAME` or `NAME:PORT`.
    """

    namespace: str = ""
    app: str = ""
    database: str = ""
    service: str = ""
    write: str = ""
    read: str = ""
    engine: str = ""
    dockerfile: str = ""


def derive(
    folder: str, manifests: Manifests, sources: Sources, builds: Sequence[Build], chosen: Chosen, given: Mapping[str, Build]
) -> Stack:
    """The stack. `builds` are the Dockerfiles that were found, `given` those that the owner tied to an image."""
    namespace = chosen.namespace or "default"
    found = inventory.workloads(manifests, namespace)
    services = inventory.services(manifests, namespace)
    scalers = inventory.scalers(manifests, namespace)
    tied, doubts = _tie(found, builds, sources, given, chosen.dockerfile)
    flask = frozenset(image for image, build in tied.items() if _holds(build, sources))
    parts = roles.find(found, services, scalers, tied, flask, app=chosen.app, database=chosen.database, engine=chosen.engine)
    sources = _of_application(sources, parts.app, tied)
    asked = requests.choose(sources, write=chosen.write, read=chosen.read)
    stack = Stack(
        folder=folder,
        namespaces=_namespaces(found, parts.app),
        manifests=manifests,
        workloads=found,
        services=services,
        scalers=scalers,
        claims=inventory.claims(manifests, namespace),
        volumes=inventory.volumes(manifests),
        roles=parts,
        app_service=_service(services, parts.app, chosen.service),
        images=tuple(_images(found, tied)),
        requests=asked,
        sources=sources,
        questions=(*parts.questions, *doubts, *asked.doubts),
        app_port=int(chosen.service.partition(":")[2] or 0),
        policies=policies.read(manifests, namespace),
    )
    return replace(stack, findings=findings.find(stack))


def _of_application(sources: Sources, app: Workload | None, tied: Mapping[str, Build]) -> Sources:
    """The sources that the application's image is built from: what others in the folder do says nothing of it."""
    images = () if app is None else app.images
    contexts = [tied[image].context for image in images if image in tied and _holds(tied[image], sources)]
    if not contexts or "." in contexts:
        return replace(sources, reads=_once(sources.reads))

    def inside(origin: Origin) -> bool:
        return any(origin.file.startswith(context + "/") for context in contexts)

    return replace(
        sources,
        routes=tuple(route for route in sources.routes if inside(route.origin)),
        reads=_once([read for read in sources.reads if inside(read.origin)]),
        addresses=tuple(address for address in sources.addresses if inside(address.origin)),
        traits=tuple(trait for trait in sources.traits if inside(trait.origin)),
    )


def _once(reads: Sequence[VariableRead]) -> tuple[VariableRead, ...]:
    """The first of each name. Before it is known whose sources count, another service's would stand in the way."""
    return tuple({read.name: read for read in reversed(reads)}.values())[::-1]


def _namespaces(workloads: Sequence[Workload], app: Workload | None) -> tuple[str, ...]:
    first = (app.namespace,) if app is not None else ()
    return tuple(dict.fromkeys((*first, *(workload.namespace for workload in workloads))))


def _service(services: Sequence[Service], app: Workload | None, named: str) -> Service | None:
    """The Service that requests go to: the named one, else the one that is reached from outside."""
    if app is None:
        return None
    leading = [service for service in services if service.leads_to(app)]
    name = named.partition(":")[0]
    outside = {"NodePort": 0, "LoadBalancer": 1}
    return next((s for s in leading if s.name == name), None) or min(
        leading, key=lambda s: (outside.get(s.kind, 2), s.headless), default=None
    )  # fmt: skip


def _images(workloads: Sequence[Workload], tied: Mapping[str, Build]) -> Iterator[Image]:
    users: dict[str, list[Workload]] = {}
    for workload in workloads:
        for name in workload.images:
            users.setdefault(name, []).append(workload)
    for name, used_by in users.items():
        container = next(c for w in used_by for c in (*w.containers, *w.init_containers) if c.image == name)
        yield Image(name, container.policy, tied.get(name), tuple(dict.fromkeys(w.key for w in used_by)), container.image_origin)


def _holds(build: Build, sources: Sources) -> bool:
    """Whether Flask sources lie in the build's context."""
    inside = "" if build.context == "." else build.context + "/"
    return any(root == build.context or root.startswith(inside) or not inside for root in sources.roots)


_OFFICIAL = ("mongo", "mysql", "mariadb", "postgres", "redis", "nginx", "busybox", "mongo-express", "phpmyadmin", "adminer", "httpd")


def _tie(
    workloads: Sequence[Workload], builds: Sequence[Build], sources: Sources, given: Mapping[str, Build], answered: str
) -> tuple[dict[str, Build], list[Question]]:
    """Which Dockerfile builds which image: by what is in it and what its workload is; by its folder's name where that decides.
    `answered` is the Dockerfile of the first that several fit."""
    tied = dict(given)
    free = [build for build in builds if build not in tied.values()]
    doubts: list[Question] = []
    names = {c.image: c for w in workloads for c in w.containers if c.image and c.image not in tied}
    own = {name: c for name, c in names.items() if not ("/" not in name and inventory.base_name(name) in _OFFICIAL)}
    for name in own:
        base = inventory.base_name(name).lower()
        same = [build for build in free if build.context.rpartition("/")[2].lower() in (base, base.removesuffix("-image"))]
        if len(same) == 1:
            tied[name] = same[0]
            free.remove(same[0])
    left = [name for name in own if name not in tied]
    if len(left) == 1 and len(free) == 1:
        tied[left[0]] = free[0]
        return tied, doubts
    for name in left:
        fits = [build for build in free if _fits(name, own[name].ports, build, sources)]
        said = [build for build in fits if build.dockerfile == answered and len(fits) > 1]
        if len(fits) == 1 or said:
            tied[name] = (said or fits)[0]
            free.remove(tied[name])
            answered = "" if said else answered
        elif len(fits) > 1:
            choices = tuple(build.dockerfile for build in fits)
            doubts.append(Question(DOCKERFILE, f"several Dockerfiles may build {name}", choices, Origin(choices[0])))
    return tied, doubts


_DATABASE_WORDS = ("mysql", "mongo", "postgres", "-db", "database")


def _fits(image: str, ports: Sequence[int], build: Build, sources: Sources) -> bool:
    """Whether a Dockerfile is of the kind that an image's name and ports speak of."""
    base, name = inventory.base_name(build.base).lower(), inventory.base_name(image).lower()
    database = base in ("mongo", "mysql", "mariadb", "postgres") or (engines.installed(build) is not None and not _holds(build, sources))
    front = base in ("nginx", "node", "httpd", "caddy")
    if any(port in (27017, 3306, 5432) for port in ports) or any(word in name for word in _DATABASE_WORDS):
        return database
    if any(word in name for word in ("front", "web-ui", "nginx", "react", "-ui")) or set(ports) & {80, 3000}:
        return front
    return not database and not front and (base.startswith("python") or _holds(build, sources))
