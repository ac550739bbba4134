"""`status`: the stack in one look, and whether the image that was built is the one that answers."""

from __future__ import annotations

from dataclasses import dataclass, replace

from shelterctl.core.deploy.image import ImageChain
from shelterctl.core.deploy.rollout import RolloutJudgement, judge_rollout
from shelterctl.core.state import Role, StackState
from shelterctl.errors import NotDeployed, ShelterError
from shelterctl.ops.up.answer import ask_version
from shelterctl.ports import Clock, Cluster, Http, ImageEngine, NodeImageStore

#: Warnings older than this are history.
WARNINGS_S = 600.0


@dataclass(frozen=True, slots=True)
class StatusResult:
    """The stack now. `chain_problems` says why a link of the chain could not be seen; `judgements` are in the workloads' order."""

    context: str
    state: StackState
    judgements: tuple[RolloutJudgement, ...]
    chain: ImageChain
    sources_tag: str
    chain_problems: tuple[str, ...]


def status(
    cluster: Cluster, http: Http, clock: Clock, *, context: str, engine: ImageEngine | None, images: NodeImageStore | None, sources_tag: str
) -> StatusResult:
    """Looks. Raises NotDeployed where nothing of the stack is there, ApiUnreachable."""
    state = cluster.state(warnings_since_s=clock.wall_s() - WARNINGS_S)
    workload = state.workload(Role.APP)
    if not state.workloads or workload is None:
        held = f"; its data are there: {', '.join(claim.name for claim in state.claims)}" if state.claims else ""
        raise NotDeployed(f"nothing is deployed in namespace {state.namespace} of {context}{held}", next_command="shelterctl up")
    chain = ImageChain(workload.image)
    problems = []
    running = {pod.containers[0].image_id for pod in state.pods_of(Role.APP) if pod.ready and not pod.deleting}
    chain = replace(chain, running_ids=tuple(sorted(running)))
    try:
        if engine is not None:
            built = engine.inspect(workload.image)
            chain = replace(chain, built_id=built.image_id if built else "")
    except ShelterError as error:
        problems.append(f"built: {error.what}")
    try:
        if images is not None:
            chain = replace(chain, loaded_id=images.image_ids().get(workload.image, ""))
    except ShelterError as error:
        problems.append(f"loaded: {error.what}")
    try:
        if state.endpoint is not None and state.endpoint.url:
            answer = ask_version(http, state.endpoint.url)
            chain = replace(chain, answering_tag=answer.image_tag, answering_pod=answer.pod)
    except ShelterError as error:
        problems.append(f"answering: {error.what}: {error.why}".rstrip(": "))
    judgements = tuple(judge_rollout(w, state.pods, state.claims, now_s=clock.wall_s()) for w in state.workloads)
    return StatusResult(context, state, judgements, chain, sources_tag, tuple(problems))
