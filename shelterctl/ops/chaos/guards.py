"""What must be true before a database is killed: the fault must strike what was meant, and its outcome must prove something."""

from __future__ import annotations

from dataclasses import dataclass

from shelterctl.core.faults.database import PORTS, data_problem, database_container
from shelterctl.core.state import ContainerState, Pod, Role, StackState
from shelterctl.errors import NotDeployed, Refused
from shelterctl.ops.guards import service_url

_PORTS = ", ".join(str(port) for port in sorted(PORTS))
SHOW_LOSS = "shelterctl chaos kill-db --mode delete --accept-ephemeral"


@dataclass(frozen=True, slots=True)
class Struck:
    """What the fault will strike, and the URL that writes go to."""

    pod: Pod
    container: ContainerState
    url: str


def check(state: StackState, *, accept_ephemeral: bool) -> Struck:
    """What will be struck. Raises NotDeployed, ServiceUnreachable, Refused."""
    if state.database_elsewhere:
        raise Refused(
            f"the database is not part of this stack: it runs at {state.database_elsewhere}",
            why="nothing here can kill its process, nor see that it was killed",
            next_command="shelterctl up   (with a database of the stack's own)",
        )
    workload = state.workload(Role.DATABASE)
    pods = [pod for pod in state.pods_of(Role.DATABASE) if not pod.deleting]
    if workload is None or not pods:
        raise NotDeployed(f"no database runs in namespace {state.namespace}", next_command="shelterctl up")
    if state.stale:
        raise Refused(
            f"{', '.join(state.stale)}: {state.stale_why}", why="what would be struck is not known", next_command="shelterctl status"
        )
    url = service_url(state, purpose="written through")
    pod = pods[0]
    if not pod.ready or workload.ready != workload.desired or workload.observed_generation < workload.generation:
        raise Refused(
            f"{workload.name} is not as it was asked to be ({workload.ready} of {workload.desired} ready): a fault now would prove nothing",
            next_command="shelterctl status",
        )
    if len(pods) > 1:
        raise Refused(
            f"{len(pods)} pods of the database run: killing one of several is another experiment", next_command="shelterctl status"
        )
    if not any(app.ready for app in state.pods_of(Role.APP)):
        raise Refused("no pod of the application is ready: nothing could be written", next_command="shelterctl status")
    container = database_container(pod)
    if container is None:
        names = ", ".join(item.name for item in pod.containers)
        raise Refused(
            f"which container of pod {pod.name} is the database is not clear: {names}",
            why=f"none or several of them declare a database's port ({_PORTS}); killing another one would prove nothing",
            next_command="give the database's container its port (`ports: [{containerPort: 27017}]`), and the others none of these",
        )
    _check_storage(state, pod, container, accept_ephemeral)
    return Struck(pod, container, url)


def _check_storage(state: StackState, pod: Pod, container: ContainerState, accept_ephemeral: bool) -> None:
    claims = [claim for claim in state.claims if claim.name in pod.claims and claim.namespace == pod.namespace]
    if not pod.claims and not accept_ephemeral:
        where = ", ".join(pod.ephemeral_volumes) or "its own layer"
        raise Refused(
            f"pod {pod.name} has no claim: it keeps its data in {where}, which goes with the pod (emptyDir)",
            why="killing it would lose every document; a SIGKILL that spares the volume would pass and prove nothing",
            next_command=f"to see the loss: {SHOW_LOSS}",
        )
    problem = data_problem(pod, container)
    if problem and not accept_ephemeral:
        raise Refused(
            problem,
            why="the data go with the pod: a SIGKILL would pass on a claim that holds none of them",
            next_command=f"mount the claim above {container.data_path}; to see the loss: {SHOW_LOSS}",
        )
    for claim in claims:
        if claim.deleting:
            raise Refused(f"claim {claim.name} is being deleted: it would go with the pod", next_command="shelterctl status")
        if claim.phase != "Bound":
            raise Refused(f"claim {claim.name} is {claim.phase}, not Bound", next_command="shelterctl doctor")
