"""Which workload is the application, which the database, which a front end: by what is written, not by names that somebody chose.

The scores were held against 52 public stacks: the database was right in all that had one, the application in all but those with two Flask
services, which is a question.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shelterctl.core.stack import engines
from shelterctl.core.stack.inventory import base_name
from shelterctl.core.stack.model import Build, Engine, Question, Scaler, Service, Workload

_TOOLS = re.compile(r"mongo-express|phpmyadmin|adminer|pgadmin\d*|pgbouncer|(mongodb?|mysqld|postgres(ql)?)-exporter|redis(insight)?")
_FRONT = re.compile(r"nginx|httpd|caddy|traefik|front.?end|.*-front|.*-ui|web-ui|react|vue|angular")
_DATABASE_VARIABLE = re.compile(r"MONGO|MYSQL|MARIADB|POSTGRES|PG(HOST|USER)|DATABASE|(^|_)DB(_|$)", re.IGNORECASE)
_PORTS = {27017: Engine.MONGODB, 3306: Engine.MYSQL, 5432: Engine.POSTGRESQL}
#: Two whose scores are nearer than this are a question.
_CLEAR_BY = 2


@dataclass(frozen=True, slots=True)
class Roles:
    """The parts of a stack. `reasons` says for each workload (`Kind/name`) why it is what it is."""

    app: Workload | None
    database: Workload | None
    engine: Engine | None
    front_ends: tuple[Workload, ...]
    others: tuple[Workload, ...]
    reasons: Mapping[str, str]
    questions: tuple[Question, ...] = ()


def names_of(workload: Workload) -> tuple[str, str]:
    """What a workload may be called in shelterctl.toml."""
    return workload.key, f"{workload.namespace}/{workload.key}"


def spoken(workload: Workload, workloads: Sequence[Workload]) -> str:
    """`Kind/name`; where several namespaces have one of that name, `namespace/Kind/name`."""
    alone, whole = names_of(workload)
    return whole if len({w.namespace for w in workloads if w.key == alone}) > 1 else alone


def find(
    workloads: Sequence[Workload],
    services: Sequence[Service],
    scalers: Sequence[Scaler],
    builds: Mapping[str, Build],
    flask_images: frozenset[str],
    *,
    app: str = "",
    database: str = "",
    engine: str = "",
) -> Roles:
    """Names the parts. `builds` is by image, `flask_images` those that hold Flask sources; `app`, `database`, `engine` were configured."""
    reasons: dict[str, str] = {}
    questions: list[Question] = []
    held = {spoken(w, workloads): (w, runs) for w in workloads if (runs := _engine(w, builds, flask_images)) is not None}
    base, found_engine = _chosen_database(workloads, held, database)
    runs_engine = Engine(engine) if engine and base is not None else found_engine
    if base is not None:
        known = held.get(spoken(base, workloads))
        reasons[base.key] = known[1][1] if known is not None else "named in shelterctl.toml"
        if len(held) > 1 and not database:
            questions.append(Question("stack.database", f"{len(held)} workloads look like the database", tuple(held), base.origin))
    rest = [w for w in workloads if spoken(w, workloads) not in held and w != base]
    scored = sorted(((_score(w, base, services, scalers, flask_images), w) for w in rest), key=lambda item: -item[0][0])
    found = next((w for w in workloads if app in names_of(w)), None) if app else None
    if found is None and scored and scored[0][0][0] > 0:
        found = scored[0][1]
        near = [w for (points, _), w in scored if points > 0 and scored[0][0][0] - points < _CLEAR_BY]
        if len(near) > 1:
            choices = tuple(spoken(w, workloads) for w in near)
            questions.append(Question("stack.app", "several workloads may be the application", choices, found.origin))
    for (_, why), w in scored:
        if w == found:
            reasons[w.key] = why
    others = [w for w in rest if w != found]
    fronts = tuple(w for w in others if _is_front(w, builds))
    for w in fronts:
        reasons[w.key] = "serves pages"
    return Roles(found, base, runs_engine, fronts, tuple(w for w in others if w not in fronts), reasons, tuple(questions))


def _chosen_database(
    workloads: Sequence[Workload], held: Mapping[str, tuple[Workload, tuple[Engine, str]]], named: str
) -> tuple[Workload | None, Engine | None]:
    if named:
        chosen = next((w for w in workloads if named in names_of(w)), None)
        known = held.get(spoken(chosen, workloads)) if chosen is not None else None
        return chosen, known[1][0] if known is not None else None
    return next(((w, engine) for w, (engine, _) in held.values()), (None, None))


def _engine(workload: Workload, builds: Mapping[str, Build], flask: frozenset[str]) -> tuple[Engine, str] | None:
    """The engine that a workload runs, and how that is known."""
    for container in workload.containers:
        if _TOOLS.fullmatch(base_name(container.image).lower()):
            continue
        if (engine := engines.of_image(container.image)) is not None:
            return engine, f"image {container.image}"
        build = builds.get(container.image)
        if build is not None:
            if (engine := engines.of_image(build.base)) is not None:
                return engine, f"image {container.image}, built from {build.base}"
            # An application may install a server for its client.
            if container.image not in flask and (package := engines.installed(build)) is not None:
                return package[0], f"image {container.image}, whose {build.dockerfile} installs {package[1]}"
            continue
        for port in container.ports:
            if port in _PORTS:
                return _PORTS[port], f"port {port}"
    return None


def _score(
    workload: Workload, database: Workload | None, services: Sequence[Service], scalers: Sequence[Scaler], flask: frozenset[str]
) -> tuple[int, str]:
    points, why = 0, []
    if any(container.image in flask for container in workload.containers):
        points += 5
        why.append("its image is built from the Flask sources")
    if any(scaler.target == workload.key and scaler.namespace == workload.namespace for scaler in scalers):
        points += 3
        why.append("an HPA scales it")
    ways = {service.name for service in services if database is not None and service.leads_to(database)}
    variables = [variable for container in workload.containers for variable in container.variables]
    if any(ways & set(host.partition(":")[0].split(".")[:2]) for variable in variables for host in variable.hosts):
        points += 3
        why.append("it names the database's Service")
    if any(_DATABASE_VARIABLE.search(variable.name) for variable in variables):
        points += 2
        why.append("its variables are about a database")
    names = [base_name(container.image).lower() for container in workload.containers]
    if any(port in (5000, 8000, 8080) for container in workload.containers for port in container.ports):
        points += 1
    if any(_TOOLS.fullmatch(name) for name in names):
        points -= 8
    elif not set(names) & flask and any(_FRONT.fullmatch(name) for name in names):
        points -= 5
    return points, "; ".join(why) or "nothing else can be it"


def _is_front(workload: Workload, builds: Mapping[str, Build]) -> bool:
    for container in workload.containers:
        build = builds.get(container.image)
        if _FRONT.fullmatch(base_name(container.image).lower()) or (build is not None and _FRONT.fullmatch(base_name(build.base).lower())):
            return True
    return False
