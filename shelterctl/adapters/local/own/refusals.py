"""What of a user's stack cannot be had on this machine: said before anything is made or started."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shelterctl.adapters.local.own import mariadb
from shelterctl.core.stack.findings import blocking
from shelterctl.core.stack.model import Container, Engine, Workload
from shelterctl.core.stack.provable import keeps_from_deploying
from shelterctl.core.stack.questions import unanswered
from shelterctl.core.stack.stack import Stack
from shelterctl.errors import Refused

_ELSEWHERE = "--target minikube"
#: What waits for a database, and nothing else, before the application starts: here it is there by then.
_WAITS = ("busybox", "alpine", "mongo", "curlimages", "bitnami")


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A part that cannot be had here. `optional` is what the application may run without, if its owner says so."""

    what: str
    why: str
    optional: bool


def check(stack: Stack, *, insist: bool = False) -> tuple[str, ...]:
    """Sentences about what is left out or taken for granted. Raises Refused with everything that stands in the way."""
    told = [unanswered(question) for question in stack.questions]
    for finding in blocking(stack.findings):
        if keeps_from_deploying(finding) and not insist:
            why = f"{finding.why}; nothing was started" if finding.why else "nothing was started"
            nexts = f"{finding.mend}   (or: shelterctl up --yes)" if finding.mend else "shelterctl up --yes"
            raise Refused(f"{finding.what} ({finding.origin})", why=why, next_command=nexts)
        told.append(f"{finding.what} ({finding.origin})")
    told += [f"NetworkPolicy {policy.name}: nothing enforces it between processes of this machine" for policy in stack.policies]
    found = list(obstacles(stack))
    hard = [each for each in found if not each.optional]
    soft = [each for each in found if each.optional]
    if hard or (soft and not insist):
        first, *rest = hard + soft
        leave = "" if hard else "shelterctl up --yes   (the application without it), or "
        raise Refused(
            f"{first.what}: that cannot be had on this machine",
            why=f"{first.why}; nothing was started",
            next_command=f"{leave}{_ELSEWHERE}",
            details=[f"{each.what}: {each.why}" for each in rest],
        )
    return (*told, *(f"{each.what} is left out: {each.why}" for each in soft))


def obstacles(stack: Stack) -> Iterator[Obstacle]:
    """Everything, what matters most first."""
    app, roles = stack.roles.app, stack.roles
    if app is None:
        yield Obstacle("the application", "no workload was recognized as one: [stack] app in shelterctl.toml", False)
        return
    container = app.containers[0]
    if container.image not in stack.built:
        why = f"its image {container.image} is not built from this folder, and there are no containers here"
        yield Obstacle(f"{app.key}", why, False)
    elif not stack.sources.roots:
        yield Obstacle(f"{app.key}", f"{container.image} is no Flask application: no Flask sources were found", False)
    if roles.database is not None and mariadb.needs(stack):
        engine = roles.engine.value if roles.engine is not None else ""
        if mariadb.programs() is None:
            why = f"no MariaDB is on the PATH to keep it as a process: {mariadb.INSTALL}"
            yield Obstacle(f"{roles.database.key}, which is {engine}", why, False)
        for what, why in mariadb.problems(stack):
            yield Obstacle(what, why, False)
    elif roles.database is not None and roles.engine is not Engine.MONGODB:
        name = roles.engine.value if roles.engine is not None else "an unknown engine"
        yield Obstacle(f"{roles.database.key}, which is {name}", "MongoDB, MySQL and MariaDB alone are kept as processes here", False)
    for front in roles.front_ends:
        yield Obstacle(f"{front.key}, a front end", f"{_images(front)} is an image, and there are no containers here", True)
    for other in roles.others:
        yield Obstacle(f"{other.key}, a second service", f"{_images(other)} is an image, and there are no containers here", True)
    yield from _beside(app, container)


def _beside(app: Workload, container: Container) -> Iterator[Obstacle]:
    """What the application's pod has beside the application itself."""
    for beside in app.containers[1:]:
        yield Obstacle(f"container {beside.name} of {app.key}", f"{beside.image} is an image, and there are no containers here", True)
    for before in app.init_containers:
        if not any(word in before.image for word in _WAITS):
            yield Obstacle(
                f"init container {before.name} of {app.key}", f"what {before.image} does before the application is not known", True
            )
    for path, name in container.mounts.items():
        volume = next((each for each in app.volumes if each.name == name), None)
        if volume is not None and volume.kind != "emptyDir":
            why = f"{volume.kind} {volume.source or name} would lie there, and this machine's own folders are all that a process has"
            yield Obstacle(f"{path} of {app.key}", why, True)


def _images(workload: Workload) -> str:
    return ", ".join(workload.images)
