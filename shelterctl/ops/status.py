"""`status`: the stack in one look, and whether the image that was built is the one that answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace

from shelterctl.core.deploy.health import Health, judge_health
from shelterctl.core.deploy.image import ImageChain, told_by_id
from shelterctl.core.state import Place, Role, StackState
from shelterctl.errors import NotDeployed, ShelterError
from shelterctl.ops.up.answer import Answers
from shelterctl.ports.build import Builder
from shelterctl.ports.capabilities import Lacking, NodeImages
from shelterctl.ports.clock import Clock
from shelterctl.ports.target import Target

#: Warnings older than this are history.
WARNINGS_S = 600.0


@dataclass(frozen=True, slots=True)
class StatusResult:
    """The stack now. `chain_problems` says why a link of the chain could not be seen."""

    context: str
    state: StackState
    health: Health
    chain: ImageChain
    sources_tag: str
    chain_problems: tuple[str, ...]
    sources_changed: bool = False


@dataclass(frozen=True, slots=True)
class StatusPorts:
    """What the operation works with."""

    target: Target
    builder: Builder
    images: Callable[[], NodeImages] | Lacking
    answers: Answers
    clock: Clock


def status(ports: StatusPorts, place: Place, held_by_nodes: Future[Mapping[str, str]] | None = None) -> StatusResult:
    """Looks. `held_by_nodes` is what they were asked for before, None where nothing is sent to them.

    Raises NotDeployed where nothing of the stack is there, ApiUnreachable.
    """
    with ThreadPoolExecutor(4) as pool:
        state = ports.target.state(warnings_since_s=ports.clock.wall_s() - WARNINGS_S)
        if not state.workloads:
            held = f"; its data are there: {', '.join(claim.name for claim in state.claims)}" if state.claims else ""
            raise NotDeployed(f"nothing is deployed in namespace {state.namespace} of {place.context}{held}", next_command="shelterctl up")
        workload = state.workload(Role.APP)
        found = _chain(ports, state, workload.image, held_by_nodes, pool) if workload is not None else (ImageChain(""), ())
    chain, problems = found
    health = judge_health(state, chain, problems, now_s=ports.clock.wall_s())
    tag, changed = _sources(ports.builder, chain)
    return StatusResult(place.context, state, health, chain, tag, problems, changed)


def _chain(
    ports: StatusPorts, state: StackState, image: str, held_by_nodes: Future[Mapping[str, str]] | None, pool: ThreadPoolExecutor
) -> tuple[ImageChain, tuple[str, ...]]:
    """The image from the build to the answer, and why a link could not be seen."""
    # A pod that is not ready runs its image all the same; one that has none yet says nothing about it.
    containers = [pod.running(image) or pod.containers[0] for pod in state.pods_of(Role.APP) if not pod.deleting]
    running = {container.image_id for container in containers if container.image_id}
    chain = ImageChain(image, loaded_id="" if held_by_nodes is not None else None, running_ids=tuple(sorted(running)))
    pinned = image.partition("@")[2]
    url = state.endpoint.url if state.endpoint is not None else ""
    # Each asks somebody else, and none waits for another.
    built = pool.submit(_built, ports.builder, image, pinned)
    answering = pool.submit(ports.answers.look, url, chain) if url else None
    loaded = held_by_nodes if not pinned else None
    problems = []
    if loaded is not None and not isinstance(ports.images, Lacking):
        with suppress(ShelterError):
            chain = replace(chain, running_ids=_told_by_id(ports.images, chain.running_ids, image, loaded))
    try:
        chain = replace(chain, built_id=built.result())
    except ShelterError as error:
        problems.append(f"built: {error.what}")
    try:
        chain = replace(chain, loaded_id=loaded.result().get(image, "") if loaded is not None else None)
    except ShelterError as error:
        problems.append(f"loaded: {error.what}")
    try:
        if answering is not None:
            told = answering.result()
            chain = replace(chain, answering_tag=told.answering_tag, answering_pod=told.answering_pod)
    except ShelterError as error:
        problems.append(f"answering: {error.what}: {error.why}".rstrip(": "))
    return chain, tuple(problems)


def _told_by_id(
    images: Callable[[], NodeImages], running: tuple[str, ...], image: str, loaded: Future[Mapping[str, str]]
) -> tuple[str, ...]:
    """What runs, by the images' ids. Raises ShelterErrors."""
    if set(running) <= {loaded.result().get(image, "")}:
        return running
    return told_by_id(running, images().ids_by_digest())


def _built(builder: Builder, image: str, pinned: str) -> str | None:
    """The id of what was built; empty where it is not there, None where it is not built here. Raises ShelterErrors."""
    names = {reference.rpartition(":")[0] for reference in builder.references()}
    if image.rpartition(":")[0] not in names and not pinned:
        # The node may have pulled it: then its id is its manifest's, and says nothing beside that of an image of the same name here.
        return None
    built = builder.inspect(image)
    if built is None:
        return None if pinned or image not in builder.references() else ""
    # What a registry gave is known by the digest of its manifest, on this machine and in the node.
    return pinned or built.image_id


def _sources(builder: Builder, chain: ImageChain) -> tuple[str, bool]:
    """The tag that the sources have now, and whether they are others than the image's.

    Away from the project's folder there are none to compare with, and the tag is empty.
    """
    try:
        tag = builder.reference().rpartition(":")[2]
        return tag, bool(chain.reference) and not builder.current(chain.reference)
    except ShelterError:
        return "", False
