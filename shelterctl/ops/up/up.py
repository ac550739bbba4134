"""`up`: from sources to a service that answers, and the proof that built, loaded, running and answering are one image."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TypeVar

from shelterctl.core.deploy.image import ImageChain, LoadReport, LocalImage, told_by_id
from shelterctl.core.deploy.rollout import Progress, judge_rollout
from shelterctl.core.deploy.scan import ScanReport, Severity
from shelterctl.core.deploy.stack import ApplyReport, StackOptions, StackPlan
from shelterctl.core.endpoint import Endpoint
from shelterctl.core.events import Event, Notice, Outcome, TargetChosen
from shelterctl.core.faults.database import pod_problem
from shelterctl.core.state import Autoscaler, Place, Pod, Role, StackState
from shelterctl.core.verdict import Verdict
from shelterctl.ops import node_images
from shelterctl.ops.steps import Done, run_step
from shelterctl.ops.up import applying, image, rollout_wait, scanning
from shelterctl.ops.up.answer import Answers
from shelterctl.ops.up.applying import Applied
from shelterctl.ops.up.image import Loaded
from shelterctl.ops.up.publish import Published, pinned_plan, publish
from shelterctl.ports.build import Builder, Publisher, Scanner
from shelterctl.ports.capabilities import Lacking, NodeImages, Policies
from shelterctl.ports.clock import Clock
from shelterctl.ports.runs import RunFolder
from shelterctl.ports.target import Preparation, Ready, Target

T = TypeVar("T")
_LEFT_APPLIED = "what was applied stays; `shelterctl up` goes on from there, `shelterctl down` removes it"
_LEFT_LOADED = "the node may hold a part of the image, which does no harm; nothing was applied"


@dataclass(frozen=True, slots=True)
class UpRequest:
    """What the user asked of `up`. `options.image` is filled in from the sources.

    With `among_others` it goes into a namespace where others' pods run, too. With `scan` the images are scanned before anything is
    sent anywhere; what is as severe as `fail_on` ends it there.
    """

    place: Place
    options: StackOptions
    timeout_s: float
    wait_hpa: bool = True
    dry_run: bool = False
    force: bool = False
    among_others: bool = False
    scan: bool = False
    fail_on: Severity | None = None


@dataclass(frozen=True, slots=True)
class UpPorts:
    """What `up` works with. `images` opens the nodes' store: it cannot be looked at before the target is ready.

    `folder` takes the scans, which count also where `up` ends without a result.
    """

    builder: Builder
    preparation: Preparation
    images: Callable[[], NodeImages] | Lacking
    policies: Policies | Lacking
    target: Target
    answers: Answers
    clock: Clock
    publisher: Publisher | None = None
    scanner: Scanner | Lacking = scanning.NO_SCANNER
    folder: RunFolder | None = None


@dataclass(frozen=True, slots=True)
class UpResult:
    """What `up` did and what is true after it. Where the `scan` ended it, nothing was loaded or applied."""

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
    caveats: tuple[str, ...] = ()
    scan: ScanReport | None = None

    @property
    def refused(self) -> bool:
        """Whether what the scan found, or could not find out, ended it."""
        return self.scan is not None and self.scan.judgement is not None and self.scan.judgement.verdict is not Verdict.PASS


def up(ports: UpPorts, request: UpRequest) -> Generator[Event, None, UpResult]:
    """Deploys. Raises ShelterErrors, each with what was left behind where that matters."""
    run = _Run(ports, request, ports.clock.monotonic_s())
    # What is missing for the scan is told before minutes of building.
    scanner = scanning.scanner_for(ports.scanner, request.scan)
    ready, nodes = yield from run.prepare()
    held = None if isinstance(nodes, Lacking) or request.dry_run else node_images.ask(lambda: nodes)
    reference = ports.builder.reference()
    plan = ports.target.plan(replace(request.options, image=reference))
    yield from applying.look_for_others(ports.policies, plan, allowed=request.among_others, dry_run=request.dry_run)
    if request.dry_run:
        return (yield from run.compare(plan))
    built = []
    for name in ports.builder.references():
        work = image.build(ports.builder, name)
        built.append((yield from run.step("build", f"Building {name}", work, left=f"nothing was changed in {ports.target.noun}")))
    scan = None
    if scanner is not None:
        work_of_scan = scanning.scan(scanner, built, request.fail_on, ports.folder)
        scan = yield from run.step("scan", f"Scanning with {scanner.check()}", work_of_scan, left="nothing was loaded or applied")
        yield from scanning.told(scan)
        if scan.judgement is not None and scan.judgement.verdict is not Verdict.PASS:
            made_id = next((found.image_id for found in built if found.reference == reference), None)
            chain = ImageChain(reference, made_id, None if isinstance(nodes, Lacking) else "")
            return run.result(Applied(ApplyReport(())), chain, changed=ready.started, scan=scan)
    published = Published({})
    if ports.publisher is not None and any(ports.publisher.pushes(image.reference) for image in built):
        pushing = publish(ports.publisher, built)
        title = f"Pushing to {ports.publisher.where}"
        published = yield from run.step("push", title, pushing, left="what was pushed stays in the registry; nothing was applied")
        plan = pinned_plan(plan, published, ports.publisher)
        built = [image for image in built if image.reference not in published.pinned]
    loaded = (yield from run.load(nodes, built, plan, held)) if plan.images else Loaded((), None)
    for edit in plan.edits:
        yield Notice(edit)
    applied = Applied(ApplyReport(()))
    if plan.object_count:
        applying_all = applying.apply(ports.target, plan, force=request.force)
        applied = yield from run.step("apply", f"Applying {plan.object_count} objects", applying_all, left=_LEFT_APPLIED)
    state, applied = yield from run.roll_out(plan, applied, ready, loaded)
    running_as = plan.options.image
    state, replaced = yield from run.replace_strangers(state, running_as, loaded, ready, nodes)
    autoscaler = yield from run.measure(plan, state, ready)
    made = published.digest(reference) or next((found.image_id for found in built if found.reference == reference), None)
    sent = loaded.image_id if made is not None and reference not in published.pinned else None
    chain = ImageChain(running_as, made, sent, _running_ids(state, running_as, nodes, made), None)
    chain = yield from run.step("answer", "Asking the service", ports.answers.prove(state, chain), left=_LEFT_APPLIED)
    state = yield from run.look_again(state, waited=applied.report.changed_anything or replaced)
    changed = bool(ready.started or loaded.reports or applied.secrets or applied.report.changed_anything or replaced)
    return run.result(applied, chain, changed=changed, loads=loaded.reports, state=state, autoscaler=autoscaler, scan=scan)


@dataclass(frozen=True, slots=True)
class _Run:
    """What the steps of one `up` share."""

    ports: UpPorts
    request: UpRequest
    began_s: float

    def step(self, name: str, title: str, work: Generator[str, None, Done[T]], *, left: str = "") -> Generator[Event, None, T]:
        return run_step(self.ports.clock, name, title, work, left=left)

    def prepare(self) -> Generator[Event, None, tuple[Ready, NodeImages | Lacking]]:
        """The target, ready and named, and its nodes' images."""
        preparation, place = self.ports.preparation, self.request.place

        def work() -> Generator[str, None, Done[Ready]]:
            ready = yield from preparation.work(dry_run=self.request.dry_run)
            return Done(ready.title, ready, Outcome.CHANGED if ready.started else Outcome.UNCHANGED)

        ready = yield from self.step("prerequisites", preparation.title, work(), left=preparation.left)
        nodes = self.ports.images if isinstance(self.ports.images, Lacking) else self.ports.images()
        runtime = "" if isinstance(nodes, Lacking) else nodes.runtime()
        yield TargetChosen(place.context, place.namespace, place.profile, ready.version, runtime, place.label)
        return ready, nodes

    def load(
        self, nodes: NodeImages | Lacking, built: Sequence[LocalImage], plan: StackPlan, held: Future[Mapping[str, str]] | None
    ) -> Generator[Event, None, Loaded]:
        """The images in the nodes, where the target has nodes that images are sent to; `held` is what these were found to have."""
        if isinstance(nodes, Lacking):
            if plan.images:
                yield Notice(f"{nodes.what}: its nodes must be able to pull {', '.join(plan.images)}", "warning")
            return Loaded((), None)
        work = image.load(self.ports.builder, nodes, built, plan.images, plan.options.image, held or node_images.ask(lambda: nodes))
        return (yield from self.step("load", "Loading images into the node", work, left=_LEFT_LOADED))

    def roll_out(
        self, plan: StackPlan, applied: Applied, ready: Ready, loaded: Loaded
    ) -> Generator[Event, None, tuple[StackState, Applied]]:
        """The stack when every workload is complete; then what only its earlier pods needed goes, too."""
        target, changed = self.ports.target, applied.report.changed_anything
        came = {report.reference for report in loaded.reports}
        for pod in rollout_wait.waiting_for(target.state(with_usage=False), came) if came else ():
            # It would try again by itself, after up to five minutes.
            yield Notice(f"pod {pod.name} waits to look for its image again: it is made anew, since the image is there now")
            target.replace_pod(pod)
        rollouts = rollout_wait.wait_for_rollouts(
            target, self.ports.clock, timeout_s=self.request.timeout_s, changed=changed, machine_started_s=ready.machine_started_s
        )
        state = yield from self.step("rollout", "Waiting for the rollouts", rollouts, left=_LEFT_APPLIED)
        for pod in state.pods_of(Role.DATABASE):
            if problem := pod_problem(pod):
                yield Notice(f"{problem}: they go with the pod", "warning")
        if changed:
            report = ApplyReport(applied.report.changes + target.prune_superseded(plan).changes)
            applied = replace(applied, report=report)
        return state, applied

    def replace_strangers(
        self, state: StackState, reference: str, loaded: Loaded, ready: Ready, nodes: NodeImages | Lacking
    ) -> Generator[Event, None, tuple[StackState, bool]]:
        """The same tag may have stood for another image when the pods started (built in the node, say): nothing rolls out by itself.

        Returns the stack, and whether anything was replaced.
        """
        app = state.workload(Role.APP)
        running = _running_ids(state, reference, nodes, loaded.image_id)
        strangers = [image_id for image_id in running if image_id != loaded.image_id]
        if loaded.image_id is None or app is None or not strangers:
            return state, False
        yield Notice(f"pods run another image under the tag {reference.rpartition(':')[2]}: {', '.join(strangers)}; they are replaced")
        target = self.ports.target
        target.restart(app)
        rollouts = rollout_wait.wait_for_rollouts(
            target, self.ports.clock, timeout_s=self.request.timeout_s, changed=True, machine_started_s=ready.machine_started_s
        )
        state = yield from self.step("replace", "Replacing the pods that run another image", rollouts, left=_LEFT_APPLIED)
        return state, True

    def look_again(self, state: StackState, *, waited: bool) -> Generator[Event, None, StackState]:
        """What changed while the service was asked: its first request may be what a pod dies of."""
        if not waited:
            return state
        target = self.ports.target
        state = target.state(with_usage=False)
        now_s = self.ports.clock.wall_s()
        judged = [judge_rollout(workload, state.pods, state.claims, now_s=now_s) for workload in state.workloads]
        unsettled = next((j.sentence for j in judged if j.progress is not Progress.COMPLETE), "")
        if unsettled:
            yield Notice(f"it answered, and is not as it was: {unsettled}", "warning")
            rollouts = rollout_wait.wait_for_rollouts(target, self.ports.clock, timeout_s=self.request.timeout_s, changed=True)
            state = yield from self.step("rollout", "Waiting for the rollouts again", rollouts, left=_LEFT_APPLIED)
        crashed = rollout_wait.crashed(target, state, now_s - (self.ports.clock.monotonic_s() - self.began_s))
        return replace(state, caveats=(*state.caveats, *crashed))

    def measure(self, plan: StackPlan, state: StackState, ready: Ready) -> Generator[Event, None, Autoscaler | None]:
        """The autoscaler with its first metric, unless nobody waits for that."""
        if not (self.request.wait_hpa and plan.autoscaled):
            return state.autoscaler
        work = rollout_wait.wait_for_metric(
            self.ports.target, self.ports.clock, timeout_s=self.request.timeout_s, machine_started_s=ready.machine_started_s
        )
        return (yield from self.step("hpa", "Waiting until the HPA has a metric", work, left=_LEFT_APPLIED))

    def compare(self, plan: StackPlan) -> Generator[Event, None, UpResult]:
        """What would change."""
        title = f"Comparing with {self.ports.target.noun} (nothing is changed)"
        work = applying.compare(self.ports.target, plan, force=self.request.force)
        applied = yield from self.step("dry-run", title, work)
        built = self.ports.builder.inspect(plan.options.image)
        sent = not isinstance(self.ports.images, Lacking)
        chain = ImageChain(plan.options.image, built.image_id if built else "", "" if sent else None)
        return self.result(applied, chain, changed=applied.report.changed_anything)

    def result(
        self,
        applied: Applied,
        chain: ImageChain,
        *,
        changed: bool,
        loads: tuple[LoadReport, ...] = (),
        state: StackState | None = None,
        autoscaler: Autoscaler | None = None,
        scan: ScanReport | None = None,
    ) -> UpResult:
        return UpResult(
            context=self.request.place.context,
            namespace=self.request.place.namespace,
            dry_run=self.request.dry_run,
            changed=changed,
            chain=chain,
            loads=loads,
            applied=applied.report,
            secrets_created=applied.secrets,
            endpoint=state.endpoint if state else None,
            pods=state.pods if state else (),
            autoscaler=autoscaler,
            elapsed_s=self.ports.clock.monotonic_s() - self.began_s,
            caveats=state.caveats if state else (),
            scan=scan,
        )


def _running_ids(state: StackState, reference: str, nodes: NodeImages | Lacking, meant: str | None) -> tuple[str, ...]:
    """The images that the application's ready pods run, by their ids."""
    pods = [pod for pod in state.pods_of(Role.APP) if pod.ready and not pod.deleting]
    found = {container.image_id for pod in pods if (container := pod.running(reference)) is not None}
    if meant is None or found <= {meant} or isinstance(nodes, Lacking) or reference.partition("@")[2]:
        return tuple(sorted(found))
    return told_by_id(found, nodes.ids_by_digest())
