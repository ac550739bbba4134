"""The hosts that the application looks for: what its variables say, and where nothing sets one, what its sources say."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from shelterctl.core.stack.model import Variable, Workload
from shelterctl.core.stack.stack import Stack

#: How sources say it: taken where a variable is not set; given to a client; the value of a name, whose use is not known.
DEFAULT, CODE, BESIDE = "default", "code", "beside"
ABOUT_DATABASE = re.compile(r"MONGO|MYSQL|MARIADB|POSTGRES|PGHOST|DATABASE|(^|_)DB(_|$)", re.IGNORECASE)
HERE = frozenset({"localhost", "127.0.0.1", "0.0.0.0", "::1"})  # noqa: S104 - a host that a variable names
_PLACE = re.compile(r"HOST|SERVER|ADDR|UR[IL]", re.IGNORECASE)


def name_of(host: str) -> str:
    """A host without its port."""
    return host.rpartition(":")[0] if re.search(r":\d+$", host) else host


def of_code(stack: Stack) -> tuple[Variable, ...]:
    """What the sources say that no variable overrules: it is used, or may be."""
    app = stack.roles.app
    if app is None or any(_unknown(stack, app)):
        return tuple(each for each in stack.sources.addresses if each.source != DEFAULT)
    there = {variable.name for container in app.containers for variable in container.variables}
    there |= {name for image in app.images if (build := stack.built.get(image)) is not None for name in build.sets}
    loaded = stack.sources.trait("variables-from-file") is not None
    return tuple(each for each in stack.sources.addresses if each.source != DEFAULT or not (loaded or each.name in there))


def of_variables(app: Workload) -> tuple[Variable, ...]:
    return tuple(variable for container in app.containers for variable in container.variables if variable.hosts)


def hosts(stack: Stack) -> tuple[str, ...]:
    """The names of hosts that the application uses, without ports, each once."""
    app = stack.roles.app
    found = (*of_variables(app), *of_code(stack)) if app is not None else ()
    return tuple(dict.fromkeys(name_of(host) for variable in found for host in variable.hosts))


def decisive(stack: Stack) -> tuple[Variable, ...]:
    """Of what the sources say, that by which the database is looked for, for sure: no variable that they read says where it is, and nothing
    else in them leads to a Service."""
    app = stack.roles.app
    if app is None or stack.roles.database is None:
        return ()
    read = {each.name for each in stack.sources.reads}
    if any(variable.name in read and _tells(variable) for container in app.containers for variable in container.variables):
        return ()
    found = of_code(stack)
    if any(_leads(stack, name_of(host)) for variable in found for host in variable.hosts):
        return ()
    return tuple(each for each in found if each.source == CODE or (each.source == DEFAULT and of_database(each)))


def of_database(variable: Variable) -> bool:
    """Whether a variable is about a database, by its name or by its value's form."""
    return bool(ABOUT_DATABASE.search(variable.name)) or variable.query is not None


def _tells(variable: Variable) -> bool:
    """Whether a variable says where the database is. Of what a Secret holds that no file has, nobody knows where it leads."""
    hidden = bool(variable.source) and not variable.shown and bool(_PLACE.search(variable.name))
    return of_database(variable) and (bool(variable.hosts) or hidden)


def nowhere(stack: Stack) -> tuple[str, ...]:
    """The names by which the database is looked for, and that no Service of the stack has; those of the world outside are left out."""
    app = stack.roles.app
    if app is None:
        return ()
    said = [variable for variable in of_variables(app) if of_database(variable)]
    names = [name_of(host) for variable in (*said, *decisive(stack)) for host in variable.hosts]
    inside = [name for name in names if ("." not in name or ".svc" in name) and name not in HERE and not is_address(name)]
    return tuple(dict.fromkeys(name for name in inside if not _leads(stack, name)))


def is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _leads(stack: Stack, name: str) -> bool:
    """Whether a name is that of a Service, or of a pod behind a headless one."""
    labels = name.split(".")
    headless = len(labels) > 1 and any(service.name == labels[1] and service.headless for service in stack.services)
    return headless or any(service.name == labels[0] for service in stack.services)


def _unknown(stack: Stack, app: Workload) -> Iterator[bool]:
    """Whether variables come from an object that no manifest has: which they are is not known."""
    for container in app.containers:
        yield from (not each.key and stack.manifests.find(each.kind, each.name, "") is None for each in container.references)
