"""What was understood of a stack, as facts with their origins: what `inspect` tells. Nothing secret is in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shelterctl.core.stack import provable
from shelterctl.core.stack.documents import Origin
from shelterctl.core.stack.model import Body, Container, Question, Route, Scaler, StackFinding, Workload
from shelterctl.core.stack.provable import Provable
from shelterctl.core.stack.stack import Stack
from shelterctl.core.stack.told import addresses, policies
from shelterctl.core.words import counted


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that was understood. `topic` groups them: manifests, application, database, front end, other, images, secrets, requests."""

    topic: str
    text: str
    origin: Origin
    why: str = ""


@dataclass(frozen=True, slots=True)
class Inspection:
    """The whole of it. `objects` counts those of the manifests, `files` the Python files that were read."""

    folder: str
    namespaces: tuple[str, ...]
    manifests: tuple[str, ...]
    objects: int
    files: int
    facts: tuple[Fact, ...]
    findings: tuple[StackFinding, ...]
    questions: tuple[Question, ...]
    claims: tuple[Provable, ...]

    @property
    def blocked(self) -> bool:
        return not self.claims[0].possible


def inspect(stack: Stack, measured: Sequence[Fact] = ()) -> Inspection:
    """Tells what a stack is. `measured` is what a load of before said of its autoscaler."""
    return Inspection(
        stack.folder,
        stack.namespaces,
        stack.manifests.folders,
        len(stack.documents),
        stack.sources.files,
        tuple(_facts(stack, measured)),
        stack.findings,
        stack.questions,
        provable.judge(stack),
    )


def _facts(stack: Stack, measured: Sequence[Fact]) -> Iterator[Fact]:
    roles = stack.roles
    for rendering in stack.manifests.renderings:
        text = f"{counted(rendering.objects, 'object')} of {rendering.folder}, rendered by {rendering.command}"
        yield Fact("manifests", text, rendering.origin)
    for topic, workload in (("application", roles.app), ("database", roles.database)):
        if workload is not None:
            yield from _workload(stack, topic, workload, roles.reasons.get(workload.key, ""))
        if topic == "application":
            yield from _addresses(stack)
            yield from _way_in(stack)
            yield from measured
    yield from _storage(stack)
    for workload in roles.front_ends:
        yield from _workload(stack, "front end", workload, roles.reasons.get(workload.key, ""))
    for workload in roles.others:
        yield from _workload(stack, "other", workload, "")
    for image in stack.images:
        if image.build is not None:
            text = f"{image.name} is built from {image.build.dockerfile} (context {image.build.context})"
        else:
            text = f"{image.name} comes from elsewhere, policy {image.policy}"
        yield Fact("images", text, image.origin)
    for namespace, secret in stack.wanted_secrets:
        document = stack.manifests.find("Secret", secret.name, namespace)
        assert document is not None
        yield Fact("secrets", f"{secret.name} with {', '.join(secret.keys)} is made by up in {namespace}, if not there", document.at())
    for name, route in (("write", stack.requests.write), ("read", stack.requests.read), ("read one", stack.requests.read_one)):
        if route is not None:
            yield Fact("requests", f"{name}: {spoken(name, route)}", route.origin)


def spoken(name: str, route: Route) -> str:
    """A route with what it takes."""
    if name != "write":
        return route.spoken("GET")
    what = {Body.JSON: "JSON", Body.FORM: "a form", Body.FILE: "a file", Body.NONE: "no body"}[route.body]
    keys = f" with {', '.join(route.keys)}" if route.keys else ", any keys" if route.verbatim else ""
    return f"{route.spoken(route.write_method)} takes {what}{keys}"


def _workload(stack: Stack, topic: str, workload: Workload, why: str) -> Iterator[Fact]:
    replicas = 1 if workload.replicas is None else workload.replicas
    told = f"{replicas} replica{'s' * (replicas != 1)}"
    if workload.replicas is None and any(scaler.target == workload.key for scaler in stack.scalers):
        told = "its HPA sets its replicas"
    yield Fact(topic, f"{workload.key} in namespace {workload.namespace}, {told}", workload.origin, why)
    for container in workload.containers:
        yield Fact(topic, f"container {container.name}: {container.image}; {_resources(container)}; {_probes(container)}", container.origin)
        for variable in container.variables:
            if variable.hosts:
                source = f" (from {variable.source})" if variable.source else ""
                yield Fact(topic, f"{variable.name} leads to {', '.join(variable.hosts)}{source}", variable.origin)


def _addresses(stack: Stack) -> Iterator[Fact]:
    """What the sources themselves say of where the database is, as far as no variable overrules it."""
    for each in addresses.of_code(stack):
        if each.source == addresses.DEFAULT and addresses.of_database(each):
            yield Fact("application", f"{each.name} is not set: its default in the sources leads to {', '.join(each.hosts)}", each.origin)
        elif each.source == addresses.CODE:
            yield Fact("application", f"the {each.name} in the sources leads to {', '.join(each.hosts)}", each.origin)


def _resources(container: Container) -> str:
    if container.cpu_request_millicores is None and container.memory_request_bytes is None:
        return "no requests"
    cpu = f"{container.cpu_request_millicores}m" if container.cpu_request_millicores is not None else "no CPU"
    memory = f"{container.memory_request_bytes // 2**20}Mi" if container.memory_request_bytes else "no memory"
    limits = [f"{container.cpu_limit_millicores}m"] if container.cpu_limit_millicores else []
    limits += [f"{container.memory_limit_bytes // 2**20}Mi"] if container.memory_limit_bytes else []
    return f"requests {cpu}, {memory}" + (f", limits {', '.join(limits)}" if limits else ", no limits")


def _probes(container: Container) -> str:
    order = [name for name in ("startup", "readiness", "liveness") if name in container.probes]
    return f"{' and '.join(order)} probe{'s' * (len(order) > 1)}" if order else "no probes"


def _way_in(stack: Stack) -> Iterator[Fact]:
    service, scaler = stack.app_service, stack.scaler
    if service is not None:
        ports = ", ".join(f"{port} to {target}{f', node port {node}' if node else ''}" for port, target, node in service.ports)
        inside = "; it has no address outside the cluster: reached by a tunnel" if service.kind == "ClusterIP" else ""
        yield Fact("application", f"Service {service.name} ({service.kind}): {ports}{inside}", service.origin)
    if scaler is not None:
        goal = f"{scaler.minimum} to {scaler.maximum} replicas at {scaler.cpu_percent}% CPU"
        yield Fact("application", f"HPA {scaler.name}: {goal}{'' if scaler.behavior else ', no behavior of its own'}", scaler.origin)
        if stack.roles.app is not None and (text := _in_millicores(scaler, stack.roles.app)):
            yield Fact("application", text, scaler.origin)


def _in_millicores(scaler: Scaler, app: Workload) -> str:
    """What a target means: a percentage says nothing of how much a pod must use. Empty where no request is there to be a part of."""
    requests = [container.cpu_request_millicores for container in app.containers]
    asked = sum(request or 0 for request in requests)
    if scaler.cpu_percent is None or None in requests or not asked:
        return ""
    limits = [container.cpu_limit_millicores for container in app.containers]
    limit = f"the limit is {sum(each or 0 for each in limits)}m" if None not in limits else "no limit"
    return f"{scaler.cpu_percent}% of the {asked}m requested is {asked * scaler.cpu_percent // 100}m of CPU a pod, on average; {limit}"


def _storage(stack: Stack) -> Iterator[Fact]:
    database, engine = stack.roles.database, stack.roles.engine
    if database is None:
        return
    for service in stack.services_of(database):
        yield Fact("database", f"Service {service.name} ({'headless' if service.headless else service.kind})", service.origin)
    for policy in policies.of(stack.policies, database):
        why = "the cluster's network plug-in enforces it, or nobody does: shelterctl doctor says which"
        yield Fact("database", f"NetworkPolicy {policy.name} lets in {policy.who}", policy.origin, why)
    held = database.data_mount(stack.data_path) if engine is not None else None
    if held is not None:
        container, volume, path = held
        name = container.mounts[path]
        what = f"claim template {name}" if volume is None else f"{volume.kind} {volume.source or volume.name}"
        yield Fact("database", f"data at {path}, on {what}", volume.origin if volume is not None else database.origin)
