"""What the application's sources and its pod say about outages, loads and what it acknowledges."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from shelterctl.core.stack import engines
from shelterctl.core.stack.documents import Origin
from shelterctl.core.stack.model import JOURNALED, UNACKNOWLEDGED, UNDECIDED, Body, Engine, Route, StackFinding, Weight, Workload
from shelterctl.core.stack.stack import Stack
from shelterctl.core.stack.told import addresses, selection

#: A line of postgresql.conf, an argument, a connection's option; a line that is commented out is none.
_ASYNCHRONOUS = re.compile(r"^[^#\n]*?synchronous_commit\s*(?:=|\bTO\b|\s)\s*'?(?:off|false|no|0)\b", re.IGNORECASE | re.MULTILINE)


#: The shell as a command's first word, in a script as well; `mongosh --host mongo` is none.
_OLD_SHELL = re.compile(r"(?:^|\s-c\s+|[;&|(`]|\b(?:if|then|while|until|do|exec|timeout\s+\S+)\s)\s*[\"'!]?\s*(?:\S*/)?mongo(?=\s|$)")


def find(stack: Stack) -> Iterator[StackFinding]:
    app, database = stack.roles.app, stack.roles.database
    if app is not None:
        yield from _pod(app)
        if stack.app_service is None:
            what, why = f"no Service leads to {app.key}", "it starts on a cluster, and nothing can ask it"
            mend = f"a Service with selector {', '.join(f'{key}: {value}' for key, value in app.labels.items())}"
            yield StackFinding("no-service", Weight.RISK, what, app.origin, why, mend)
        yield from _secrets(stack)
    if database is not None:
        if not any("readiness" in container.probes for container in database.containers):
            what = f"{database.key} has no readiness probe"
            yield StackFinding("database-no-readiness", Weight.NOTE, what, database.origin, "it counts as ready before it listens")
        for container in database.containers if stack.roles.engine is Engine.MONGODB else ():
            build = stack.built.get(container.image)
            old = any(_OLD_SHELL.search(command) for command in container.probe_commands)
            if old and engines.without_old_shell(build.base if build is not None else container.image):
                what = f"a probe of {database.key} calls mongo, which {container.image} does not have"
                yield StackFinding("probe-shell-gone", Weight.BLOCKS, what, container.origin, "mongo: not found", "mongosh")
    yield from _sources(stack)


def _pod(app: Workload) -> Iterator[StackFinding]:
    if not any("readiness" in container.probes for container in app.containers):
        what = f"{app.key} has no readiness probe"
        why = "its pods get requests before they listen, and while they cannot reach their database"
        yield StackFinding("app-no-readiness", Weight.RISK, what, app.origin, why, "readinessProbe: {httpGet: {path: /, port: 5000}}")


def _secrets(stack: Stack) -> Iterator[StackFinding]:
    for workload in stack.workloads:
        for container in workload.containers:
            for variable in container.variables:
                if variable.password_in_clear:
                    what = f"{variable.name} of {workload.key} has a password in clear"
                    why = "whoever reads the manifest or the Deployment reads it; and a changed Secret does not reach it"
                    yield StackFinding("password-in-clear", Weight.NOTE, what, variable.origin, why, "valueFrom: {secretKeyRef: …}")
    for document in stack.manifests.of("Secret"):
        if document.body.get("data") or document.body.get("stringData"):
            what = f"Secret {document.name} stands in the manifests with its values"
            yield StackFinding("secret-in-files", Weight.NOTE, what, document.at("metadata", "name"), "base64 hides nothing")


def _sources(stack: Stack) -> Iterator[StackFinding]:
    sources, engine = stack.sources, stack.roles.engine
    if (trait := sources.trait("dev-server")) is not None:
        what = f"the application runs on Flask's development server{' in debug mode' if sources.trait('debug') else ''}"
        why = "one process, at most one core; a traceback for every visitor in debug mode"
        yield StackFinding("development-server", Weight.NOTE, what, trait.origin, why, "gunicorn")
    if (trait := sources.trait("connects-at-import")) is not None:
        what = "the application asks its database while it starts, and ends or stays broken where that fails"
        yield StackFinding("connects-at-import", Weight.RISK, what, trait.origin, "the database must be there first, at every start")
    if (trait := sources.trait("one-connection")) is not None:
        what = "the application keeps one connection for all requests, and never opens another"
        said = "server closed the connection unexpectedly" if engine is Engine.POSTGRESQL else "MySQL server has gone away"
        why = f"after a restart of the database every request fails: {said}"
        yield StackFinding("one-connection", Weight.RISK, what, trait.origin, why, "a connection for each request, or a pool")
    if engine is Engine.MONGODB:
        trait = sources.trait("mongo-client")
        ignored = next(_unacknowledged(stack), None)
        if ignored is not None:
            what = "writes are not acknowledged at all (w=0): the application answers before the database has them"
            why = "what fails, or is lost in a crash, was answered as a success"
            yield StackFinding("never-acknowledged", Weight.RISK, what, ignored, why, "leave w=0 out, and ?journal=true")
        elif trait is not None and not _journaled(stack):
            what = "writes are acknowledged before they are on disk (no journal=true, no w=majority)"
            why = "a crash may lose the last 100 milliseconds of acknowledged writes (MongoDB's manual, journaling)"
            yield StackFinding("acknowledged-before-journaled", Weight.RISK, what, trait.origin, why, "?journal=true")
        if trait is not None and not selection.is_said(stack):
            what = "the driver waits 30 s for a server, its default"
            why = "each request of an outage hangs for 30 s, and a write given up on before may still be made"
            yield StackFinding("driver-default-timeout", Weight.NOTE, what, trait.origin, why, "serverSelectionTimeoutMS=2000")
    if engine is Engine.POSTGRESQL:
        yield from _postgres(stack)
    read = stack.requests.read
    if read is not None and sources.trait("limited-read") is None:
        what = f"GET {read.path} answers with all that there is"
        yield StackFinding(
            "reads-everything", Weight.RISK, what, read.origin, "the answer grows with each write: a load measures its own rows"
        )
    if sources.routes and stack.requests.write is None:
        what = "no route writes that can be used: none takes JSON or a form into the database without a login, a token or a file"
        origin, mend = sources.routes[0].origin, "[writes] request in shelterctl.toml"
        if (taker := next(filter(_takes_a_body, sources.routes), None)) is not None:
            spoken = taker.spoken(next(method for method in ("POST", "PUT") if method in taker.methods))
            what = f"no route is seen to write: {spoken} takes a body, but into the database it is not followed"
            origin, mend = taker.origin, f'[writes] request = "{spoken}" in shelterctl.toml, if it writes'
        elif (kept := next((route for route in sources.routes if route.writes and route.guarded), None)) is not None:
            spoken = kept.spoken(kept.write_method)
            what = f"no route writes that can be used: {spoken} is kept by {kept.guarded}"
            origin, mend = kept.origin, f'[writes] request = "{spoken}" in shelterctl.toml, with headers that it takes, or another route'
        why = "what becomes of acknowledged writes cannot be shown through the application"
        yield StackFinding("no-write-route", Weight.RISK, what, origin, why, mend)


def _takes_a_body(route: Route) -> bool:
    return bool({"POST", "PUT"} & set(route.methods)) and route.body in (Body.JSON, Body.FORM) and not (route.guarded or route.writes)


def _postgres(stack: Stack) -> Iterator[StackFinding]:
    origin = next(_asynchronous(stack), None)
    if origin is not None:
        what = "writes are acknowledged before they are on disk (synchronous_commit=off)"
        why = "a crash may lose the last 600 milliseconds of acknowledged writes (PostgreSQL's manual, 28.4)"
        yield StackFinding("acknowledged-before-logged", Weight.RISK, what, origin, why, "synchronous_commit=on")
    if (trait := stack.sources.trait("unlogged-table")) is not None:
        what = "the application makes an UNLOGGED table"
        why = "PostgreSQL empties it after a crash: every acknowledged write in it is gone"
        yield StackFinding("unlogged-table", Weight.RISK, what, trait.origin, why, "ALTER TABLE … SET LOGGED")


def _asynchronous(stack: Stack) -> Iterator[Origin]:
    """Where the server's arguments, a file of its settings, the connection's options or the sources turn synchronous commits off."""
    for workload in stack.workloads:
        for container in workload.containers:
            if _ASYNCHRONOUS.search(" ".join(container.command)):
                yield container.origin
            for variable in container.variables:
                if any(_ASYNCHRONOUS.search(text) for text in (variable.shown, *(variable.query or {}).values())):
                    yield variable.origin
    for document in stack.manifests.of("ConfigMap"):
        for key, value in (document.body.get("data") or {}).items():
            if _ASYNCHRONOUS.search(str(value)):
                yield document.at("data", key)
    if (trait := stack.sources.trait("asynchronous-commit")) is not None:
        yield trait.origin


def _options(stack: Stack) -> Iterator[tuple[Mapping[str, str], Origin]]:
    """The options of every URI that leads to a database: of variables, and of the sources where none overrules them."""
    said = [variable for workload in stack.workloads for container in workload.containers for variable in container.variables]
    yield from ((variable.query, variable.origin) for variable in (*said, *addresses.of_code(stack)) if variable.query)


def _journaled(stack: Stack) -> bool:
    words = any(q.get("journal") == "true" or (q.get("w") == "majority" and q.get("journal") != "false") for q, _ in _options(stack))
    return words or any(t.code == "write-concern" and t.detail in (JOURNALED, UNDECIDED) for t in stack.sources.traits)


def _unacknowledged(stack: Stack) -> Iterator[Origin]:
    """Where w=0 is asked for, in a variable's URI or in the sources."""
    yield from (origin for q, origin in _options(stack) if q.get("w") == "0" and q.get("journal") != "true")
    yield from (t.origin for t in stack.sources.traits if t.code == "write-concern" and t.detail == UNACKNOWLEDGED)
