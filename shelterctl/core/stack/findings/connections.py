"""How the application finds its database: hosts that no Service has, variables that nobody reads, users that are missing."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence

from shelterctl.core.stack.documents import names
from shelterctl.core.stack.engines import is_official
from shelterctl.core.stack.model import Container, Engine, Reference, StackFinding, Variable, Weight, Workload
from shelterctl.core.stack.stack import Stack
from shelterctl.core.stack.told import addresses
from shelterctl.core.stack.told.addresses import ABOUT_DATABASE as _DATABASE
from shelterctl.core.stack.told.addresses import HERE as _HERE
from shelterctl.core.stack.variables import contents

_AUTH = re.compile(r"_INITDB_ROOT_USERNAME|(MYSQL|MARIADB)_(ROOT_)?PASSWORD|POSTGRES_PASSWORD|_PASSWORD_FILE$|_USERNAME_FILE$")


def find(stack: Stack) -> Iterator[StackFinding]:
    for workload in stack.workloads:
        for container in (*workload.containers, *workload.init_containers):
            yield from _references(stack, workload, container.references, "CreateContainerConfigError")
        yield from _references(stack, workload, workload.mounted, "ContainerCreating")
    app, database = stack.roles.app, stack.roles.database
    if database is not None and stack.roles.engine is Engine.POSTGRESQL:
        yield from _password(stack, database)
    if app is None:
        return
    unread = [finding for container in app.containers for finding in _unread(stack, container)]
    yield from unread
    for container in app.containers:
        for variable in container.variables:
            if _DATABASE.search(variable.name) or variable.query is not None:
                yield from _hosts(stack, app, variable)
                if database is not None:
                    yield from _user(stack, database, variable)
    here = False
    named = any(_DATABASE.search(v.name) for c in app.containers for v in c.variables)
    if not named:
        for read in stack.sources.reads:
            hosts = [host for host in _found_hosts(read.default) if host in _HERE]
            if _DATABASE.search(read.name) and hosts and database is not None:
                what = f"{app.key} sets no {read.name}, so the application looks for its database at {hosts[0]}, in its own pod"
                yield StackFinding("database-not-named", Weight.BLOCKS, what, read.origin, mend=f"set {read.name} in {app.origin.file}")
                here = True
    if not (unread or here):
        for variable in addresses.decisive(stack)[:1]:
            yield from _hosts(stack, app, variable)


def _found_hosts(text: str) -> list[str]:
    uri = re.search(r"://(?:[^@/]*@)?([^/?]+)", text)
    return [part.rpartition(":")[0] or part for part in (uri.group(1) if uri else text).split(",")]


def _hosts(stack: Stack, app: Workload, variable: Variable) -> Iterator[StackFinding]:
    known = {service.name: service for service in stack.services}
    said = _said(app, variable)
    for host in variable.hosts:
        name = addresses.name_of(host)
        if name in _HERE:
            what = f"{said} says {name}: that is the application's own pod, where no database runs"
            yield StackFinding("host-is-own-pod", Weight.BLOCKS, what, variable.origin, mend=_service_of(stack))
            continue
        if addresses.is_address(name):
            what = f"{said} names its database by an address, {name}"
            why = "a Service gets another one on another cluster, or when it is made anew"
            yield StackFinding("database-by-address", Weight.BLOCKS, what, variable.origin, why, _service_of(stack))
            continue
        labels = name.split(".")
        pod_of = known.get(labels[1]) if len(labels) > 1 else None
        if labels[0] in known or (pod_of is not None and pod_of.headless):
            yield from _namespace(stack, app, variable, name, labels)
        elif not stack.services or (len(labels) > 1 and "svc" not in labels and pod_of is None):
            # A name of the world outside: a database that somebody else runs.
            continue
        else:
            near = difflib.get_close_matches(labels[0], known, n=1, cutoff=0.5)
            what = f"{said} says {name}, and no Service is called {labels[0]}"
            why = f"the application finds nothing: {name}: Name or service not known"
            mend = f"{near[0]} is the nearest" if near else f"Services: {names(known)}"
            yield StackFinding("host-names-no-service", Weight.BLOCKS, what, variable.origin, why, mend)


def _said(app: Workload, variable: Variable) -> str:
    """What names a host, as the subject of a sentence."""
    if variable.source == addresses.DEFAULT:
        return f"{app.key} sets no {variable.name}, and its default in the sources"
    return f"the {variable.name} in the sources" if variable.source == addresses.CODE else f"{variable.name} of {app.key}"


def _namespace(stack: Stack, app: Workload, variable: Variable, name: str, labels: list[str]) -> Iterator[StackFinding]:
    service = next((s for s in stack.services if s.name == labels[0]), None)
    if service is None or service.namespace == app.namespace:
        return
    if len(labels) == 1:
        what = f"{_said(app, variable)} says {name}, which is in namespace {service.namespace}, not in {app.namespace}"
        yield StackFinding(
            "host-in-other-namespace", Weight.BLOCKS, what, variable.origin,
            "a short name is looked for in the pod's own namespace", f"{name}.{service.namespace}.svc.cluster.local",
        )  # fmt: skip


def _service_of(stack: Stack) -> str:
    found = stack.services_of(stack.roles.database)
    return f"its Service is {found[0].name}" if found else ""


def _user(stack: Stack, database: Workload, variable: Variable) -> Iterator[StackFinding]:
    asks = [v for c in database.containers for v in c.variables if _AUTH.search(v.name)]
    if variable.query is None or not asks or stack.roles.engine not in (Engine.MONGODB, Engine.POSTGRESQL):
        return
    postgres = stack.roles.engine is Engine.POSTGRESQL
    if not variable.user:
        # A user may be given beside the address, in variables of its own or in the sources.
        beside = [v.name for c in (stack.roles.app.containers if stack.roles.app else ()) for v in c.variables if "USER" in v.name.upper()]
        if not beside:
            what = f"{variable.name} names no user, and {database.key} asks for one ({asks[0].name}, {asks[0].origin})"
            why = "the database answers: Command insert requires authentication (13)"
            mend = "mongodb://USER:PASSWORD@HOST/DATABASE?authSource=admin"
            if postgres:
                why, mend = "the database answers: fe_sendauth: no password supplied", "postgresql://USER:PASSWORD@HOST/DATABASE"
            yield StackFinding("uri-without-user", Weight.BLOCKS, what, variable.origin, why, mend)
    elif not postgres and variable.database not in ("", "admin") and "authSource" not in variable.query:
        root = next((v for v in asks if v.name == "MONGO_INITDB_ROOT_USERNAME"), None)
        if root is not None and not _has_init(database):
            what = f"{variable.name} logs in at {variable.database}, where the administrator's account is not kept"
            why = "the database answers: Authentication failed. (18); the image makes its first user in admin"
            yield StackFinding("uri-without-auth-source", Weight.BLOCKS, what, variable.origin, why, "add ?authSource=admin")


def _password(stack: Stack, database: Workload) -> Iterator[StackFinding]:
    """The official image of PostgreSQL starts on an empty folder with a password only, or where it is told to let everybody in."""
    for container in database.containers:
        build = stack.built.get(container.image)
        there = {variable.name for variable in container.variables}
        # Of an object that no manifest has, what it holds is not known.
        unknown = any(not r.key and stack.manifests.find(r.kind, r.name, "") is None for r in container.references)
        official = is_official(build.base if build is not None else container.image)
        if official and not unknown and not there & {"POSTGRES_PASSWORD", "POSTGRES_PASSWORD_FILE", "POSTGRES_HOST_AUTH_METHOD"}:
            what = f"{database.key} has no POSTGRES_PASSWORD"
            why = "on an empty volume the image ends: Database is uninitialized and superuser password is not specified"
            yield StackFinding("database-without-password", Weight.BLOCKS, what, container.origin, why, "POSTGRES_PASSWORD, by a Secret")


def _has_init(database: Workload) -> bool:
    return any("/docker-entrypoint-initdb.d" in path for container in database.containers for path in container.mounts)


def _unread(stack: Stack, container: Container) -> Iterator[StackFinding]:
    """A variable about the database that is set and not read, where another one is read and not set."""
    reads = {read.name: read for read in stack.sources.reads}
    if not reads:
        return
    there = {variable.name for variable in container.variables}
    missing = [read for name, read in reads.items() if name not in there and _DATABASE.search(name)]
    for variable in container.variables:
        if (
            variable.name in reads
            or not _DATABASE.search(variable.name)
            or not missing
            or not (variable.hosts or variable.query is not None)
        ):
            continue
        near = difflib.get_close_matches(variable.name, [read.name for read in missing], n=1, cutoff=0.3)
        wanted = next((read for read in missing if near and read.name == near[0]), missing[0])
        what = f"{variable.name} is set, and the application reads {wanted.name} ({wanted.origin})"
        said = "a URI" if "://" in wanted.default else wanted.default or "nothing"
        why = f"without it the application takes {said}"
        yield StackFinding("variable-not-read", Weight.BLOCKS, what, variable.origin, why, f"name it {wanted.name}")
        return


def _made_by(namespace: str, wanted: Reference, keys: Sequence[str]) -> str:
    """The command that makes it; a value on it would stand in the list of processes and in the shell's history."""
    known = [key for key in dict.fromkeys(keys) if key]
    given = " ".join(f"--from-file={key}=FILE" for key in known) or "--from-env-file=FILE"
    kind = "secret generic" if wanted.kind == "Secret" else "configmap"
    return f"kubectl -n {namespace} create {kind} {wanted.name} {given}"


def _references(stack: Stack, workload: Workload, references: Sequence[Reference], phase: str) -> Iterator[StackFinding]:
    """`phase` is where pods stay that lack one."""
    absent: set[tuple[str, str]] = set()
    for reference in references:
        kind, wanted = reference.kind, (reference.kind, reference.name)
        # Each key of an object that is not there lacks the same object.
        if reference.optional or wanted in absent:
            continue
        document = stack.manifests.find(kind, reference.name, "")
        wants = f"{workload.key} needs {kind} {reference.name}"
        if document is None:
            absent.add(wanted)
            yield StackFinding(
                "secret-missing" if kind == "Secret" else "config-missing", Weight.BLOCKS,
                f"{wants}, and no manifest has it", reference.origin,
                f"its pods stay at {phase} unless it is in the cluster already",
                _made_by(workload.namespace, reference, [each.key for each in references if (each.kind, each.name) == wanted]),
            )  # fmt: skip
        elif (document.namespace or workload.namespace) != workload.namespace:
            what = f"{wants} in namespace {workload.namespace}, and it is in {document.namespace}"
            yield StackFinding("secret-in-other-namespace", Weight.BLOCKS, what, reference.origin, "a pod takes its own namespace's only")
        elif reference.key and reference.key not in (keys := [key for key, _, _ in contents(stack.manifests, kind, reference.name, "")]):
            near = difflib.get_close_matches(reference.key, keys, n=1, cutoff=0.4)
            what = f"{workload.key} takes key {reference.key} of {kind} {reference.name}, which has {names(keys) or 'none'}"
            yield StackFinding(
                "secret-key-missing", Weight.BLOCKS, what, reference.origin, f"its pods stay at {phase}",
                f"{near[0]} is the nearest" if near else f"add it at {document.at('data')}",
            )  # fmt: skip
