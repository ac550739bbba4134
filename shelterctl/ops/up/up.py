"""`up`: from sources to a service that answers, and the proof that built, loaded, running and answering are one image."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace

from shelterctl.core.deploy.image import ImageChain, LoadReport, LocalImage
from shelterctl.core.deploy.stack import ApplyReport, Change, StackOptions, StackPlan
from shelterctl.core.events import Event, Notice, Outcome, TargetChosen
from shelterctl.core.state import Autoscaler, Endpoint, Pod, Role, StackState
from shelterctl.core.words import counted, listed
from shelterctl.errors import BuildFailed, ImageLoadFailed, MinikubeUnavailable, PrerequisiteError, Refused, ServiceUnreachable
from shelterctl.ops.steps import Done, run_step
from shelterctl.ops.up import rollout_wait
from shelterctl.ops.up.answer import wait_for_answer
from shelterctl.ports import BuildContext, Clock, Cluster, Http, ImageEngine, Machine, NodeImageStore

APP_REPOSITORY = "shelter-app"
_LEFT_CLUSTER = "what was applied stays; `shelterctl up` goes on from there, `shelterctl down` removes it"


@dataclass(frozen=True, slots=True)
class UpRequest:
    """What the user asked of `up`. `options.image` is filled in from the sources.

    With `among_others` it goes into a namespace where others' pods run, too.
    """

    context: str
    profile: str | None
    namespace: str
    options: StackOptions
    timeout_s: float
    wait_hpa: bool = True
    dry_run: bool = False
    force: bool = False
    among_others: bool = False


@dataclass(frozen=True, slots=True)
class UpPorts:
    """What `up` works with. `machine` and `images` are None where the target is no machine of this host.

    `images` opens the node's store: it cannot be looked at before the machine runs.
    """

    engine: ImageEngine
    sources: BuildContext
    machine: Machine | None
    images: Callable[[], NodeImageStore] | None
    cluster: Cluster
    http: Http
    clock: Clock


@dataclass(frozen=True, slots=True)
class UpResult:
    """What `up` did and what is true after it."""

    context: str
    namespace: str
    dry_run: bool
    changed: bool
    chain: ImageChain
    loads: tuple[LoadReport, ...]
    applied: ApplyReport
    secrets_created: tuple[str, ...]
    endpoint: Endpoint | None
    pods: tuple[Pod, ...]
    autoscaler: Autoscaler | None
    elapsed_s: float


def up(ports: UpPorts, request: UpRequest) -> Generator[Event, None, UpResult]:
    """Deploys. Raises ShelterErrors, each with what was left behind where that matters."""
    clock = ports.clock
    began_s = clock.monotonic_s()
    version, started = yield from run_step(
        clock, "prerequisites", "Checking Docker, the cluster and its metrics", _prerequisites(ports, request),
        left="minikube may be half started: `minikube start` goes on",
    )  # fmt: skip
    store = ports.images() if ports.images else None
    yield TargetChosen(request.context, request.namespace, request.profile, version, store.runtime() if store else "")
    reference = f"{APP_REPOSITORY}:{ports.sources.tag()}"
    plan = ports.cluster.plan(replace(request.options, image=reference))
    yield from _look_for_others(ports, request, plan)
    if request.dry_run:
        return (yield from _dry_run(ports, request, plan, began_s))

    image = yield from run_step(
        clock, "build", f"Building {reference}", _build(ports, reference), left="nothing was changed in the cluster"
    )
    loads: tuple[LoadReport, ...] = ()
    loaded_id = image.image_id
    if store is not None:
        loads, loaded_id = yield from run_step(
            clock, "load", "Loading images into the node", _load(ports, store, image, plan),
            left="the node may hold a part of the image, which does no harm; nothing was applied",
        )  # fmt: skip
    else:
        yield Notice(f"{request.context} is no minikube profile: its nodes must be able to pull {', '.join(plan.images)}", "warning")
    secrets, applied = yield from run_step(
        clock, "apply", f"Applying {plan.object_count} objects", _apply(ports, plan, request), left=_LEFT_CLUSTER
    )
    rollouts = rollout_wait.wait_for_rollouts(ports.cluster, clock, timeout_s=request.timeout_s, changed=applied.changed_anything)
    state = yield from run_step(clock, "rollout", "Waiting for the rollouts", rollouts, left=_LEFT_CLUSTER)
    if applied.changed_anything:
        applied = ApplyReport(applied.changes + ports.cluster.prune_superseded(plan).changes)
    autoscaler = state.autoscaler
    if request.wait_hpa and plan.autoscaled:
        autoscaler = yield from run_step(
            clock, "hpa", "Waiting until the HPA has a metric",
            rollout_wait.wait_for_metric(ports.cluster, clock, timeout_s=request.timeout_s), left=_LEFT_CLUSTER,
        )  # fmt: skip
    chain = ImageChain(reference, image.image_id, loaded_id, _running_ids(state, reference))
    chain = yield from run_step(clock, "answer", "Asking the service", _answer(ports, state, chain), left=_LEFT_CLUSTER)
    changed = bool(started or loads or secrets or applied.changed_anything)
    return UpResult(
        request.context, request.namespace, False, changed, chain, loads, applied, secrets, state.endpoint, state.pods, autoscaler,
        clock.monotonic_s() - began_s,
    )  # fmt: skip


def _prerequisites(ports: UpPorts, request: UpRequest) -> Generator[str, None, Done[tuple[str, bool]]]:
    """The cluster's version, and whether something had to be started for it."""
    engine = ports.engine.check()
    words = [f"Docker {engine.version}"]
    started = False
    if ports.machine is not None:
        machine = ports.machine.state()
        if not machine.running:
            if request.dry_run:
                raise MinikubeUnavailable(f"minikube profile {machine.profile} is not running", next_command="shelterctl up")
            yield f"minikube profile {machine.profile} is {'stopped' if machine.exists else 'absent'}: starting it, which takes minutes"
            yield from ports.machine.start()
            started = True
            machine = ports.machine.state()
        if machine.metrics_enabled is False and not request.dry_run:
            yield "metrics-server is off: enabling it"
            ports.machine.enable_metrics()
            started = True
        words.append(f"minikube profile {machine.profile} ({machine.driver})")
    version = ports.cluster.version()
    words.append(f"Kubernetes {version}")
    outcome = Outcome.CHANGED if started else Outcome.UNCHANGED
    return Done(", ".join(words) + (" started" if started else ""), (version, started), outcome)


def _look_for_others(ports: UpPorts, request: UpRequest, plan: StackPlan) -> Generator[Event, None, None]:
    """The stack denies whatever traffic it does not know in its whole namespace: whose pods are there should not find out that way."""
    others = ports.cluster.pods_of_others(plan)
    if not others:
        return
    what = f"others' pods run where the stack would go: {listed(others, 3)}"
    if not (request.among_others or request.dry_run):
        raise Refused(
            what,
            why="its policies deny all traffic in the namespace but its own: they would be cut off",
            next_command="shelterctl up --namespace shelter   (or any other; with --yes it goes there all the same)",
        )
    yield Notice(f"{what}; its policies cut them off", "warning")


def _build(ports: UpPorts, reference: str) -> Generator[str, None, Done[LocalImage]]:
    there = ports.engine.inspect(reference)
    if there is not None:
        return Done(f"Image {reference} is built already: its sources are as they were", there, Outcome.UNCHANGED)
    build_args = {"IMAGE_TAG": reference.rpartition(":")[2], "GIT_REVISION": ports.sources.git_revision()}
    yield from ports.engine.build(ports.sources.path(), reference, build_args)
    built = ports.engine.inspect(reference)
    if f"{APP_REPOSITORY}:{ports.sources.tag()}" != reference:
        # Its tag would stand for other sources than those in it, and every later `up` would believe it.
        ports.engine.forget(reference)
        raise BuildFailed(f"the sources changed while {reference} was built from them", next_command="shelterctl up")
    if built is None:
        raise PrerequisiteError(
            f"the build of {reference} ended well, and the image is not there", next_command="docker images shelter-app"
        )
    return Done(f"Image {reference} built ({len(built.layers)} layers, {built.size_bytes / 1e6:.0f} MB)", built)


def _load(
    ports: UpPorts, store: NodeImageStore, image: LocalImage, plan: StackPlan
) -> Generator[str, None, Done[tuple[tuple[LoadReport, ...], str]]]:
    """Loads the application's image and every other one that this machine has and the node lacks; returns what the node has then."""
    in_node = store.image_ids()
    wanted = {reference: ports.engine.inspect(reference) for reference in plan.images if reference != image.reference}
    todo = [image] if in_node.get(image.reference) != image.image_id else []
    todo += [found for reference, found in wanted.items() if found is not None and reference not in in_node]
    reports = []
    for item in todo:
        yield f"{item.reference}, {item.size_bytes / 1e6:.0f} MB"
        reports.append(store.load(item))
    if todo:
        in_node = store.image_ids()
    loaded = in_node.get(image.reference, "")
    if loaded != image.image_id:
        raise ImageLoadFailed(
            f"the node has {loaded or 'no image'} under {image.reference}, built is {image.image_id}", next_command="shelterctl doctor"
        )
    return Done(_loaded_title(reports, in_node, plan), (tuple(reports), loaded), Outcome.CHANGED if reports else Outcome.UNCHANGED)


def _loaded_title(reports: list[LoadReport], in_node: Mapping[str, str], plan: StackPlan) -> str:
    if not reports:
        there = sum(reference in in_node for reference in plan.images)
        return f"The node has the images already ({there} of {len(plan.images)})"
    parts = [f"{r.reference}: {r.sent_bytes / 1e6:.1f} MB sent, {_layers(r.layers_present)} there" for r in reports]
    return "Loaded " + "; ".join(parts)


def _layers(count: int) -> str:
    return f"{counted(count, 'layer')} {'was' if count == 1 else 'were'}"


def _apply(ports: UpPorts, plan: StackPlan, request: UpRequest) -> Generator[str, None, Done[tuple[tuple[str, ...], ApplyReport]]]:
    yield "namespace and passwords"
    secrets, ahead = ports.cluster.ensure_credentials(plan, force=request.force)
    yield f"{plan.object_count} objects"
    report = ports.cluster.apply(plan, force=request.force).including(ahead)
    return Done(applied_title(report, secrets), (secrets, report), Outcome.CHANGED if report.changed_anything else Outcome.UNCHANGED)


def applied_title(report: ApplyReport, secrets: tuple[str, ...]) -> str:
    """A sentence about what applying changed."""
    count = sum(1 for change in report.changes if change.change is not Change.PRUNED)
    parts = []
    for change in (Change.CREATED, Change.CHANGED, Change.PRUNED):
        found = report.of(change)
        if found:
            names = f" ({', '.join(item.object for item in found)})" if len(found) <= 3 else ""
            parts.append(f"{len(found)} {change.value}{names}")
    if not parts:
        return f"Applied {count} objects: all as they were"
    unchanged = len(report.of(Change.UNCHANGED))
    rest = f", {unchanged} {'as it was' if unchanged == 1 else 'as they were'}" if unchanged else ""
    made = f"; passwords generated: {', '.join(secrets)}" if secrets else ""
    return f"Applied {count} objects: " + ", ".join(parts) + rest + made


def _running_ids(state: StackState, reference: str) -> tuple[str, ...]:
    pods = [pod for pod in state.pods_of(Role.APP) if not pod.deleting and pod.containers[0].image == reference]
    return tuple(sorted({pod.containers[0].image_id for pod in pods if pod.ready}))


def _answer(ports: UpPorts, state: StackState, chain: ImageChain) -> Generator[str, None, Done[ImageChain]]:
    endpoint = state.endpoint
    if endpoint is None or not endpoint.url:
        raise ServiceUnreachable(
            "the service cannot be asked from here",
            why=endpoint.problem if endpoint else "it does not exist",
            next_command="shelterctl url",
        )
    answer = yield from wait_for_answer(ports.http, ports.clock, endpoint.url, chain.tag)
    chain = replace(chain, answering_tag=answer.image_tag, answering_pod=answer.pod)
    if chain.broken_at:
        raise ServiceUnreachable(
            f"the image that was built is not the one that answers: {chain.broken_at}", next_command="shelterctl status"
        )
    return Done(f"{endpoint.url} answers with {answer.image_tag}", chain, Outcome.UNCHANGED)


def _dry_run(ports: UpPorts, request: UpRequest, plan: StackPlan, began_s: float) -> Generator[Event, None, UpResult]:
    def compare() -> Generator[str, None, Done[ApplyReport]]:
        yield "asking the API server"
        report = ports.cluster.apply(plan, dry_run=True, force=request.force)
        return Done(applied_title(report, ()).replace("Applied", "Would apply"), report, Outcome.SKIPPED)

    report = yield from run_step(ports.clock, "dry-run", "Comparing with the cluster (nothing is changed)", compare())
    image = ports.engine.inspect(plan.options.image)
    chain = ImageChain(plan.options.image, image.image_id if image else "")
    return UpResult(
        request.context, request.namespace, True, report.changed_anything, chain, (), report, (), None, (), None,
        ports.clock.monotonic_s() - began_s,
    )  # fmt: skip
