"""A stack from its folder: the listing, the manifests, the sources, the Dockerfiles, and what the owner settled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from shelterctl.adapters.stack import config, folder
from shelterctl.adapters.stack import manifests as written
from shelterctl.adapters.stack.chart import Options
from shelterctl.adapters.stack.code import sources
from shelterctl.core.stack import engines, roles
from shelterctl.core.stack.derive import Chosen, derive
from shelterctl.core.stack.documents import Manifests
from shelterctl.core.stack.generated import needed
from shelterctl.core.stack.model import Engine
from shelterctl.core.stack.questions import DOCKERFILE
from shelterctl.core.stack.stack import Stack
from shelterctl.errors import UsageError
from shelterctl.settings import FILE_NAME, nearest

#: The names of passwords to passwords.
Passwords = Callable[[frozenset[str]], Mapping[str, str]]
#: What is wrong with files, and says nothing of a stack that runs: its pods have their images, and its replicas are its HPA's.
_OF_FILES = frozenset({"image-never-pulled", "image-not-built-here", "image-always-pulled", "replicas-beside-hpa"})


def read(
    root: Path,
    *,
    manifests: tuple[str, ...] = (),
    namespace: str = "",
    running: Manifests | None = None,
    passwords: Passwords | None = None,
    answers: Mapping[str, str] = MappingProxyType({}),
) -> Stack:
    """The stack of a folder; `manifests` are its folders and `namespace` that of objects that state none, as the command line
    names them. With `running` its objects are those of a cluster, and nothing of it is built. `passwords` gives those of the Secrets that
    are generated, by their names, where their values are wanted. `answers` are those to the stack's questions, by setting: they go before
    its file's words.

    Raises UsageError where there is none or one cannot be rendered, ProgramMissing where what renders it is not there.
    """
    settled = config.read(root)
    listed = folder.listing(root)
    named = manifests or settled.manifests
    options = Options(namespace or settled.namespace or "default", settled.release, settled.values)
    found, doubts = written.read(listed, named, settled.ignore, options) if running is None else (running, ())
    if not found.documents and not found.unreadable:
        where = ", ".join(named) or "here or below"
        raise UsageError(
            f"{root.name}: no Kubernetes manifest was found {where}",
            why=f"{len(listed.yaml)} YAML files were looked at; a manifest has apiVersion and kind",
            next_command="shelterctl inspect --manifests FOLDER",
        )
    chosen = Chosen(
        namespace or settled.namespace,
        answers.get("stack.app", settled.app),
        answers.get("stack.database", settled.database),
        settled.service,
        answers.get("writes.request", settled.writes.get("request", "")),
        settled.reads.get("request", ""),
        settled.database_facts.get("engine", ""),
        answers.get(DOCKERFILE, ""),
    )
    contexts = {name: folder.build(root, each.dockerfile, each.context) for name, each in settled.builds().items()}
    for name, each in contexts.items():
        if each is None:
            raise UsageError(f"{settled.path}: the Dockerfile of {name} cannot be read, or has no FROM")
    tied = {name: each for name, each in contexts.items() if each is not None}
    given = None if passwords is None or not settled.secrets else passwords(needed(settled.secrets))
    made = tuple(each.document(FILE_NAME, None if given is None else each.filled(given)) for each in settled.secrets)
    found = replace(found, generated=made)
    stack = derive(root.name, found, sources.read(listed), folder.builds(listed), chosen, tied)
    stack = replace(stack, generated=settled.secrets)
    _hold_to(settled, stack, images=running is None)
    if running is not None:
        findings = tuple(finding for finding in stack.findings if finding.code not in _OF_FILES)
        questions = tuple(question for question in stack.questions if question.setting != DOCKERFILE)
        images = tuple(replace(image, build=None) for image in stack.images)
        stack = replace(stack, images=images, findings=findings, questions=questions)
    return replace(stack, questions=(*doubts, *stack.questions))


_CHANGE = "change the line or take it out: what is left out is found anew"


def _hold_to(settled: config.StackConfig, stack: Stack, *, images: bool) -> None:
    """What the owner's file names must be there: passed over in silence, something else would be driven. Raises UsageError.

    What runs may have its `images` under other names: those of a registry.
    """
    # A name that several namespaces have says nothing of which is meant.
    workloads = [roles.spoken(workload, stack.workloads) for workload in stack.workloads]
    whole = {roles.names_of(workload)[1] for workload in stack.workloads}
    services = [service.name for service in stack.services]
    taken = sorted({need.name for workload in stack.workloads for need in workload.needs if need.kind == "Secret"})
    there = [image for workload in stack.workloads for image in workload.images]
    for key, named, known in (
        ("[stack] app", settled.app, workloads),
        ("[stack] database", settled.database, workloads),
        ("[stack] service", settled.service.partition(":")[0], services),
        *(("[[stack.secret]] name", secret.name, taken) for secret in settled.secrets if not secret.namespace),
        *(("[[stack.image]] name", image.name, there) for image in settled.images if images),
    ):
        if named and named not in known and named not in whole:
            raise UsageError(
                f"{settled.path}: {key} = {named}: the stack has none of that name{nearest(named, known)}",
                why=f"it has {', '.join(dict.fromkeys(known)) or 'none at all'}",
                next_command=_CHANGE,
            )
    _hold_engine(settled, stack)
    _hold_to_service(settled, stack)


def _hold_engine(settled: config.StackConfig, stack: Stack) -> None:
    """An engine that is not the one of the database's image: nothing could be read from it. Raises UsageError."""
    named, database = settled.database_facts.get("engine", ""), stack.roles.database
    for container in database.containers if named and database is not None else ():
        build = stack.built.get(container.image)
        runs = engines.of_image(build.base if build is not None else container.image)
        if runs is not None and database is not None and engines.speaks(runs) is not engines.speaks(Engine(named)):
            raise UsageError(
                f"{settled.path}: [database] engine = {named}: {database.key} runs {runs.value}",
                why=f"image {container.image}{f', built from {build.base}' if build is not None else ''}",
                next_command=_CHANGE,
            )


def _hold_to_service(settled: config.StackConfig, stack: Stack) -> None:
    """A Service that leads elsewhere, or has no such port, would lead every command to something else. Raises UsageError."""
    name, _, port = settled.service.partition(":")
    app, found = stack.roles.app, stack.app_service
    if not name or app is None:
        return
    if found is None or found.name != name:
        leading = ", ".join(service.name for service in stack.services if service.leads_to(app))
        raise UsageError(
            f"{settled.path}: [stack] service = {name}: its selector does not lead to {app.key}",
            why=f"what leads there: {leading or 'no Service'}",
            next_command=f"{_CHANGE}; [stack] app says which workload is the application",
        )
    ports = [str(number) for number, _, _ in found.ports]
    if port and port not in ports:
        what = f"{settled.path}: [stack] service = {settled.service}: Service {name} has no port {port}"
        raise UsageError(what, why=f"it has {', '.join(ports) or 'none'}", next_command=_CHANGE)
